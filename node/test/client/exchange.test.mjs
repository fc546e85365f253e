// A batch that goes well, and what is wrong with one before it is sent.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Client,
  ClosedError,
  NoChannelError,
  NotListeningError,
  RequestError,
  SettingError,
  SourceError,
} from "setpoint";
import { CHANNEL, invoke, items, OUTCOMES_FIRST, outcome, Service } from "./service.mjs";
import { open, ownOutputs, settle, soon, take, until, using } from "./support.mjs";

test("outcomes come as they end, and the summary afterwards", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url, { orgId: "o 1&x" }));
  const outcomes = one.invoke([invoke("a"), invoke("b"), invoke("c")]);
  assert.deepEqual([it.bodies, outcomes.summary, outcomes.batch], [[], null, null], "it is sent by the iteration");
  const first = outcomes.next();
  await it.received(1);
  for (const name of ["c", "a", "b"]) it.publish(outcome(name));
  const seen = [(await soon(first)).value];
  for await (const event of outcomes) seen.push(event);
  assert.deepEqual(
    seen.map(({ kind, index, requestId, ok }) => [kind, index, requestId, ok]),
    [
      ["finished", 2, "c", true],
      ["finished", 0, "a", true],
      ["finished", 1, "b", true],
    ],
  );
  ownOutputs(seen);
  assert.deepEqual([outcomes.summary.submitted, outcomes.summary.succeeded, outcomes.summary.accepted], [3, 3, 3]);
  assert.deepEqual(await outcomes.next(), { done: true, value: undefined });
  const [{ target, body }, ...more] = it.batches;
  assert.deepEqual(more, []);
  assert.equal(new URL(target, it.url).searchParams.get("orgId"), "o 1&x");
  assert.deepEqual([...new Set(items(body).map(({ controlChannelId }) => controlChannelId))], [CHANNEL]);
});

test("several waits for the next outcome at once get one each", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  const outcomes = one.invoke([invoke("a"), invoke("b")]);
  const results = await soon(Promise.all([outcomes.next(), outcomes.next(), outcomes.next()]));
  assert.deepEqual(
    results.map(({ value }) => value?.requestId),
    ["a", "b", undefined],
  );
});

test("all events are there for those who want them", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  const { events, summary } = await settle(one.invoke([invoke("a"), invoke("b")]));
  assert.equal(summary.succeeded, 2);
  for (const { kind } of events) assert.ok(["accepted", "finished"].includes(kind));
});

test("results are in the order of the items, and an array", async (t) => {
  const refused = { status: 1101, msg: "no such device", submsg: "asset" };
  const data = [
    { ...invoke("a"), status: 0 },
    { ...invoke("b"), ...refused },
  ];
  const it = using(
    t,
    await Service.start([{ body: JSON.stringify({ status: 0, msg: "Success", submsg: null, data }) }]),
  );
  const one = using(t, await open(it.url));
  const waiting = one.invokeAll([invoke("a"), invoke("b")]);
  await it.received(1);
  it.publish(outcome("a"));
  const mixed = await soon(waiting);
  assert.deepEqual(
    mixed.map(({ kind, code, ok }) => [kind, code, ok]),
    [
      ["finished", 0, true],
      ["refused", 1101, false],
    ],
  );
  assert.equal(mixed.ok, false);
  assert.deepEqual(
    mixed.toRecords().map(({ index, requestId, kind, msg, output }) => [index, requestId, kind, msg, output]),
    [
      [0, "a", "finished", mixed[0].msg, { of: "a" }],
      [1, "b", "refused", mixed[1].msg, null],
    ],
  );
  it.script(OUTCOMES_FIRST);
  const many = await soon(one.invokeAll(Array.from({ length: 20 }, (_, n) => invoke(`r${n}`))));
  assert.deepEqual(
    many.map(({ requestId }) => requestId),
    Array.from({ length: 20 }, (_, n) => `r${n}`),
  );
  assert.deepEqual([many.ok, many.summary.succeeded, many.length, one.openItems], [true, 20, 20, 0]);
  assert.equal(Object.getPrototypeOf(many.filter(({ ok }) => ok)), Array.prototype);
});

test("writes have their own channel, call and field", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST]));
  const one = using(t, await open(it.url, { channel: ["DATASVC.SET.ops", CHANNEL] }));
  const write = { assetId: "turbine-7", measurepointId: "power", inputData: { arg: 1 } };
  assert.ok((await soon(one.writeAll([write]))).ok);
  const [{ target, body }] = it.batches;
  assert.ok(target.startsWith("/dataService/devices/multiSet?"), target);
  assert.equal(items(body)[0].setMeasurepointChannelId, "DATASVC.SET.ops");
});

test("timeouts are filled in where an item has none", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST, OUTCOMES_FIRST]));
  const one = using(t, await open(it.url, { timeoutMs: 7_000 }));
  await soon(one.invokeAll([invoke("a"), invoke("b", { timeout: 1_234 })]));
  await soon(one.invokeAll([invoke("c"), invoke("d", { timeout: 1_234 })], { timeoutMs: 9_000 }));
  const timeouts = it.bodies.map((body) => items(body).map(({ timeout }) => timeout));
  assert.deepEqual(timeouts, [
    [7_000, 1_234],
    [9_000, 1_234],
  ]);
});

test("a body from elsewhere is sent byte for byte, whatever becomes of its buffer", async (t) => {
  const body = JSON.stringify({ data: [invoke("a", { controlChannelId: CHANNEL })] }, null, 3);
  const it = using(t, await Service.start([OUTCOMES_FIRST, OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  const buffer = Buffer.from(body.replace('"a"', '"b"'));
  const second = one.sendBody("invoke", buffer);
  assert.equal((await settle(one.sendBody("invoke", body))).summary.succeeded, 1);
  buffer.fill(0);
  assert.equal((await settle(second)).summary.succeeded, 1);
  assert.deepEqual(it.bodies, [body, body.replace('"a"', '"b"')]);
});

test("what is wrong with a batch is said before anything is sent", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const elsewhere = [invoke("a"), invoke("b", { controlChannelId: "DATASVC.CONTROL.other" })];
  await assert.rejects(one.invokeAll(elsewhere), (error) => {
    assert.ok(error instanceof NotListeningError);
    assert.deepEqual([error.index, error.channelId], [1, "DATASVC.CONTROL.other"]);
    return true;
  });
  await assert.rejects(one.writeAll([{ assetId: "a", measurepointId: "m", inputData: { v: 1 } }]), (error) => {
    assert.ok(error instanceof NoChannelError);
    assert.match(error.message, /item 0 .*DATASVC\.SET\./);
    return true;
  });
  await assert.rejects(one.invokeAll([]), RequestError);
  await assert.rejects(one.sendBody("invoke", '{"data": [').next(), RequestError);
  assert.deepEqual([it.bodies, one.openItems], [[], 0]);
  // And the slots are free again.
  it.script(OUTCOMES_FIRST);
  assert.ok((await soon(one.invokeAll([invoke("a")]))).ok);
});

test("settings that cannot be used say which and why", async () => {
  const cases = [
    [{ orgId: "" }, /orgId/],
    [{ channel: [] }, /none was given/],
    [{ channel: "ops" }, /neither family/],
    [{ mqtt: "mqtt://x", source: (async function* () {})() }, /one of mqtt and source/],
    [{ mqtt: "http://x" }, /mqtt:\/\//],
    [{ mqtt: "mqtt://x/y" }, /path/],
    [{ mqtt: "mqtt://x", mqttClientId: "" }, /empty/],
    [{ mqttClientId: "x" }, /only with mqtt/],
    [{ connectAttempts: 0 }, /at least 1/],
    [{ requestsUnderWay: Number.NaN }, /at least 1/],
  ];
  for (const [options, text] of cases) {
    await assert.rejects(open("http://127.0.0.1:1", options), (error) => {
      assert.ok(error instanceof SettingError, String(error));
      assert.match(error.message, text);
      return true;
    });
  }
});

test("a channel that does not exist is named, with what to do", async (t) => {
  const it = using(t, await Service.start());
  await assert.rejects(open(it.url, { channel: ["DATASVC.CONTROL.ops", "DATASVC.CONTROL.unknown"] }), (error) => {
    assert.ok(error instanceof SourceError);
    assert.match(error.message, /404.*createChannels: true/);
    return true;
  });
  await until(() => it.streams.length === 1);
});

test("closing cancels what is open, ends every wait, and may be done again", async (t) => {
  const it = using(t, await Service.start([{ hold: true }]));
  const one = await open(it.url, { requestsUnderWay: 1 });
  const late = one.lateEvents();
  const changes = one.channelEvents();
  const read = take(late, 1);
  const sent = one.invokeAll([invoke("sent")]);
  await it.received(1);
  const waiting = one.invokeAll([invoke("waiting")]);
  waiting.catch(() => {});
  await soon(Promise.all([one.close(), one.close()]));
  assert.equal((await soon(sent)).summary.cancelled, 1);
  await assert.rejects(soon(waiting), ClosedError);
  assert.deepEqual(await soon(read), [undefined]);
  assert.deepEqual(await changes.next(), { done: true, value: undefined });
  assert.deepEqual(await one.lateEvents().next(), { done: true, value: undefined });
  assert.throws(() => one.invoke([invoke("after")]), ClosedError);
  await one.close();
  assert.equal(it.bodies.length, 1);
});

test("an open that is broken off leaves nothing behind", async (t) => {
  const it = using(t, await Service.start());
  const reason = new Error("enough");
  await assert.rejects(open(it.url, { signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const hanging = {
    name: "hanging",
    isClosed: false,
    open: (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    async *events() {},
    async close() {
      this.isClosed = true;
    },
  };
  const opening = Client.open(it.url, { orgId: "o1", source: hanging, signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(soon(opening), reason);
  assert.ok(hanging.isClosed);
});
