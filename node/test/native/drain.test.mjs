// How events cross to JavaScript: in blocks of any size, with every value intact.
import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageError, Requester } from "setpoint";

import { forEachSeed } from "./batches.mjs";

const ITEM = { controlChannelId: "DATASVC.CONTROL.ops", assetId: "turbine-7", serviceId: "start" };
const AT = { monotonicMs: 1_000, epochMs: 1_700_000_000_000 };
const items = (count) => Array.from({ length: count }, (_, at) => ({ ...ITEM, requestId: `r${at}` }));
const messageOf = (replies) => JSON.stringify({ data: replies });
const told = (events) => events.map((event) => event.toJSON());

test("many events come in order, whatever the pieces in which they are polled", () => {
  const count = 10_000;
  for (const piece of [1_000, 4_096, 7_001, Number.POSITIVE_INFINITY]) {
    const requester = new Requester("o1");
    const { batch } = requester.submit(items(count), { now: AT });
    requester.cancel(batch);
    const events = [];
    for (let more = requester.pollEvents(piece); more.length > 0; more = requester.pollEvents(piece)) {
      assert.ok(more.length <= piece);
      events.push(...more);
    }
    assert.equal(events.length, count + 1);
    const last = events.pop();
    assert.deepEqual([last.kind, last.summary.cancelled], ["batchDone", count]);
    for (const [at, event] of events.entries()) {
      if (event.kind !== "cancelled" || event.index !== at || event.requestId !== `r${at}`) assert.fail(`event ${at}`);
    }
  }
});

test("less than one event at most is none, and none is lost by asking so", () => {
  const requester = new Requester("o1");
  requester.cancel(requester.submit(items(2)).batch);
  for (const most of [0, -1, Number.NaN, 0]) assert.deepEqual(requester.pollEvents(most), []);
  assert.equal(requester.pollEvents(1).length, 1);
  for (const most of [0, -1, Number.NaN]) assert.deepEqual(requester.pollEvents(most), []);
  assert.equal(requester.pollEvents().length, 2);
});

test("what happened before a message comes before what it says, and what it says before what happens then", () => {
  const requester = new Requester("o1");
  const [first, second, third] = ["a", "b", "c"].map(
    (requestId) => requester.submit([{ ...ITEM, requestId }], { now: AT }).batch,
  );
  requester.cancel(first);
  assert.throws(() => requester.handleMessage("[]"), MessageError);
  requester.handleMessage(messageOf([{ ...ITEM, requestId: "b", status: 0 }]));
  requester.handleTimeout({ ...AT, monotonicMs: AT.monotonicMs + 1_000_000 });
  assert.deepEqual(
    requester.pollEvents().map(({ kind, batch }) => [kind, batch]),
    [
      ["cancelled", first],
      ["batchDone", first],
      ["finished", second],
      ["batchDone", second],
      ["timedOut", third],
      ["batchDone", third],
    ],
  );
});

test("messages of every size cross whole, and what was drained before is not written over", () => {
  const requester = new Requester("o1", { openItems: 100_000 });
  const kept = [];
  for (const [round, replies] of [1, 3, 100, 1_000, 2, 5_000, 60, 61, 62, 63, 64, 1].entries()) {
    const ids = Array.from({ length: replies }, (_, at) => `${round}-${at}`);
    requester.submit(ids.map((requestId) => ({ ...ITEM, requestId })));
    const output = (id) => ({ id, text: "ö".repeat(id.length % 7) });
    requester.handleMessage(
      messageOf(ids.map((requestId) => ({ ...ITEM, requestId, status: 0, outputData: output(requestId) }))),
    );
    const events = requester.pollEvents();
    assert.equal(events.length, replies + 1);
    kept.push({ ids, events, output });
  }
  for (const { ids, events, output } of kept) {
    for (const [at, id] of ids.entries()) {
      const { requestId, outcome } = events[at];
      if (requestId !== id || outcome.requestId !== id || outcome.outputText !== JSON.stringify(output(id))) {
        assert.fail(`${id}: ${JSON.stringify(events[at])}`);
      }
    }
  }
});

test("a message in memory that other threads share is read as any other", () => {
  const requester = new Requester("o1");
  requester.submit(items(1));
  const message = Buffer.from(messageOf([{ ...ITEM, requestId: "r0", status: 0 }]));
  const shared = new Uint8Array(new SharedArrayBuffer(message.length));
  shared.set(message);
  assert.equal(requester.handleMessage(shared), 1);
  assert.deepEqual(
    requester.pollEvents().map(({ kind }) => kind),
    ["finished", "batchDone"],
  );
});

/** A reply that differs from the one before in some fields, as replies of one message do. */
function next(random, before) {
  const text = () => random.pick([null, "", "x", "é", 'a"b\\', "中文😀", "SUCCESS", "l".repeat(random.below(90))]);
  const reply = { ...before };
  for (const field of ["productKey", "deviceKey", "assetId", "msg", "submsg", "serviceName", "callbackUrl"]) {
    if (random.below(4) === 0) reply[field] = text();
  }
  if (random.below(3) > 0) reply.requestId = random.pick([`r${random.below(12)}`, "r0", "ö", null]);
  if (random.below(4) === 0) reply.outputData = random.pick([{}, { a: [1, "é"] }, null, { long: "x".repeat(60) }]);
  if (random.below(4) === 0) reply.status = random.pick([0, 1000203, 1000204, 2 ** 52]);
  if (random.below(4) === 0) reply.gmtServiceReply = random.pick([null, 0, -1, 1_700_000_000_123]);
  if (random.below(4) === 0) reply.gmtDeviceReply = random.pick([null, -1, 1_700_000_000_120]);
  if (random.below(12) === 0) reply.status = "no status";
  if (random.below(8) === 0) delete reply[random.pick(["msg", "gmtDeviceReply", "assetId", "outputData"])];
  return reply;
}

test("a reply says the same among others as alone", () => {
  forEachSeed(600, (random) => {
    const replies = [];
    let before = { ...ITEM, requestId: "r0", outputData: {}, status: 0, msg: "SUCCESS", submsg: "SUCCESS" };
    for (let count = random.below(20); count >= 0; count -= 1) {
      before = next(random, before);
      replies.push(before);
    }
    const [together, alone] = [new Requester("o1"), new Requester("o1")];
    for (const requester of [together, alone]) requester.submit(items(12), { now: AT });
    together.handleMessage(messageOf(replies));
    for (const reply of replies) alone.handleMessage(messageOf([reply]));
    // Only the offset of an unreadable reply in its message differs.
    const rows = (requester) => told(requester.pollEvents()).map((row) => ({ ...row, reason: row.reason?.length > 0 }));
    assert.deepEqual(rows(together), rows(alone));
  });
});
