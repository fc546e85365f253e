// The event stream: broken, resumed, with gaps; and replies that end nothing.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { invoke, outcome, Service } from "./service.mjs";
import { open, ownOutputs, settle, soon, take, until, using } from "./support.mjs";

test("a broken stream is resumed, and nothing is lost or seen twice", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const changes = one.channelEvents();
  const waiting = settle(one.invoke([invoke("a"), invoke("b"), invoke("c")]));
  await it.received(1);
  it.publish(outcome("a"));
  it.cutStreams();
  // Nobody is connected: it must come all the same.
  it.publish(outcome("b"));
  assert.deepEqual(
    (await take(changes, 2)).map(({ kind }) => kind),
    ["disconnected", "connected"],
  );
  it.publish(outcome("c"));
  const { events, summary } = await waiting;
  assert.equal(summary.succeeded, 3);
  ownOutputs(events);
  assert.deepEqual([one.stats.gaps, one.stats.duplicate], [0, 0]);
  assert.equal(it.streams[0], undefined);
  assert.ok(!it.streams.slice(1).includes(undefined));
});

test("a stream that cannot be resumed is a gap", async (t) => {
  const it = using(t, await Service.start());
  it.withIds = false;
  const one = using(t, await open(it.url));
  const changes = one.channelEvents();
  it.cutStreams();
  const found = await take(changes, 3);
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ["disconnected", "connected", "gap"],
  );
  assert.ok(found[2].source.includes("/channels/DATASVC.CONTROL.ops/events"));
  assert.deepEqual([one.stats.gaps, one.stats.disconnects, it.streams], [1, 1, [undefined, undefined]]);
});

test("a channel that is gone is named, while the stream goes on trying", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const changes = one.channelEvents();
  it.isDeleted = true;
  it.cutStreams();
  const [lost, why] = await take(changes, 2);
  assert.equal(lost.reason, "the service closed the stream");
  assert.equal(why.kind, "disconnected");
  assert.match(why.reason, /404/);
  it.isDeleted = false;
  assert.equal((await take(changes, 1))[0].kind, "connected");
});

test("gap events, and events that are too large, are told of", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url, { limits: { replyBytes: 1_000 } }));
  const [changes, late] = [one.channelEvents(), one.lateEvents()];
  it.writeRaw('event: gap\ndata: {"reason":"log is full"}\n\n');
  assert.match((await take(changes, 1))[0].reason, /log is full/);
  it.writeRaw(`data: ${"x".repeat(2_000)}\n\n`);
  const [event] = await take(late, 1);
  assert.equal(event.kind, "unreadable");
  assert.match(event.reason, /more than 1000 bytes/);
});

test("late replies reach feeds and handlers, and a handler that fails hurts nobody", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const warnings = [];
  const listener = (warning) => warnings.push(warning);
  process.on("warning", listener);
  t.after(() => process.off("warning", listener));
  const called = [];
  const other = one.invoke([invoke("other")]);
  one.on("late", (event) => {
    called.push(event);
    // A handler may use the client: its events come in their turn.
    if (event.kind === "late") other.cancel();
    throw new Error("the handler's own");
  });
  one.on("late", async () => {
    throw new Error("the async handler's own");
  });
  const gone = () => assert.fail("it was taken away");
  one.on("late", gone).off("late", gone);
  const late = one.lateEvents();
  assert.equal((await soon(one.invokeAll([invoke("slow", { timeout: 1 })]))).summary.timedOut, 1);
  const rest = other.next();
  await until(() => it.bodies.some((body) => body.includes('"other"')));
  for (const message of [outcome("slow"), outcome("slow"), outcome("slow", 2000), outcome("nobody"), "[]"]) {
    it.publish(message);
  }
  const found = await take(late, 5);
  assert.deepEqual(
    found.map(({ kind, conflict }) => [kind, conflict]),
    [
      ["late", undefined],
      ["duplicate", false],
      ["duplicate", true],
      ["unknown", undefined],
      ["unreadable", undefined],
    ],
  );
  assert.deepEqual(called, found);
  assert.equal((await soon(rest)).value.kind, "cancelled");
  const { stats } = one;
  assert.deepEqual([stats.late, stats.duplicate, stats.unknown, stats.unreadable], [1, 2, 1, 1]);
  while (warnings.length < 10) await soon(once(process, "warning"));
  assert.equal(warnings.filter(({ detail }) => detail.includes("handler's own")).length, 10);
});

test("a slow reader misses a counted number and holds nobody up", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url, { lateBuffer: 2 }));
  const slow = one.lateEvents();
  for (let n = 0; n < 5; n += 1) it.publish(outcome(`nobody-${n}`));
  await until(() => one.stats.unknown === 5);
  assert.equal(slow.missed, 3);
  await one.close();
  const found = [];
  for await (const event of slow) found.push(event.outcome.requestId);
  assert.deepEqual(found, ["nobody-0", "nobody-1"]);
});

test("a feed whose loop is left hears nothing more", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url, { lateBuffer: 1 }));
  const left = one.lateEvents();
  const kept = one.lateEvents();
  it.publish(outcome("nobody"));
  for await (const event of left) {
    assert.equal(event.kind, "unknown");
    break;
  }
  for (let n = 0; n < 3; n += 1) it.publish(outcome(`nobody-${n}`));
  await until(() => one.stats.unknown === 4);
  assert.deepEqual([left.missed, kept.missed > 0], [0, true]);
  assert.deepEqual(await left.next(), { done: true, value: undefined });
});
