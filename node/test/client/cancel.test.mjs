// Waits that are aborted and loops that are left; other calls are not affected.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";

import { HOLD, invoke, items, OUTCOMES_FIRST, outcome, Service } from "./service.mjs";
import { open, ownOutputs, settle, soon, take, until, using } from "./support.mjs";

/** A call that gets its own answer, and nobody else's. */
async function works(one, it, name) {
  const waiting = settle(one.invoke([invoke(name)]));
  await until(() => it.bodies.some((body) => body.includes(JSON.stringify(name))), `the batch of ${name}`);
  it.publish(outcome(name));
  const { events, summary } = await waiting;
  assert.equal(summary.succeeded, 1);
  ownOutputs(events);
}

test("leaving the loop cancels, and the next call gets its own answer", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const late = one.lateEvents();
  for await (const event of one.invoke([invoke("left"), invoke("open")]).events()) {
    assert.equal(event.kind, "accepted");
    break;
  }
  assert.equal(one.openItems, 0);
  await works(one, it, "kept");
  it.publish(outcome("open"));
  assert.equal((await take(late, 1))[0].kind, "late");
});

test("leaving the loop of outcomes by an exception cancels what is open", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const leave = async () => {
    const outcomes = one.invoke([invoke("a"), invoke("b")]);
    it.received(1).then(() => it.publish(outcome("a")));
    for await (const event of outcomes) throw new Error(event.requestId);
  };
  await assert.rejects(soon(leave()), /^Error: a$/);
  assert.equal(one.openItems, 0);
  await works(one, it, "kept");
});

test("a request that is under way is broken off and gives its slot back", async (t) => {
  const it = using(t, await Service.start([HOLD]));
  const one = using(t, await open(it.url, { requestsUnderWay: 1, responseTimeoutMs: 600_000 }));
  const controller = new AbortController();
  const waiting = one.invokeAll([invoke("a")], { signal: controller.signal });
  await it.received(1);
  // Its response is held back for ever, and it has the only slot.
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(soon(waiting), reason);
  assert.equal(one.openItems, 0);
  await works(one, it, "kept");
  assert.equal(it.bodies.length, 2, "and it is not sent again");
  const [first, second] = it.batches.map(({ connection }) => connection);
  assert.notEqual(first, second, "no answer can be left on the connection");
});

test("a signal that has come before sends nothing, and one that comes afterwards changes nothing", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  await assert.rejects(one.invokeAll([invoke("a")], { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(it.bodies, []);
  const controller = new AbortController();
  const results = await soon(one.invokeAll([invoke("b")], { signal: controller.signal }));
  controller.abort();
  assert.ok(results.ok);
  const timeout = AbortSignal.timeout(20);
  await assert.rejects(soon(one.invokeAll([invoke("c")], { signal: timeout })), { name: "TimeoutError" });
  assert.equal(one.openItems, 0);
});

test("cancelling by hand ends the open items, which can still be read", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const outcomes = one.invoke([invoke("a"), invoke("b")]);
  const first = outcomes.next();
  await it.received(1);
  it.publish(outcome("a"));
  assert.equal((await soon(first)).value.kind, "finished");
  outcomes.cancel();
  const rest = [];
  for await (const event of outcomes) rest.push(event.kind);
  assert.deepEqual(rest, ["cancelled"]);
  assert.deepEqual([outcomes.summary.succeeded, outcomes.summary.cancelled], [1, 1]);
});

test("a call may be broken off after every turn of the event loop", async (t) => {
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url, { requestsUnderWay: 2 }));
  for (let steps = 0; steps < 25; steps += 1) {
    const controller = new AbortController();
    const call = one.invokeAll([invoke(`cancelled-${steps}`)], { signal: controller.signal });
    const ended = assert.rejects(call, { name: "AbortError" });
    for (let step = 0; step < steps; step += 1) await (step < 12 ? null : new Promise(setImmediate));
    controller.abort();
    await soon(ended);
    assert.equal(one.openItems, 0, `after ${steps}`);
    await works(one, it, `kept-${steps}`);
  }
});

test("a call that waits for its turn was never sent", async (t) => {
  const it = using(t, await Service.start([HOLD]));
  const one = using(t, await open(it.url, { requestsUnderWay: 1 }));
  const first = one.invokeAll([invoke("first")]);
  await it.received(1);
  const controller = new AbortController();
  const waiting = [0, 1, 2].map((n) => {
    return one.invokeAll([invoke(`waiting-${n}`)], n === 1 ? { signal: controller.signal } : {});
  });
  const gone = assert.rejects(waiting[1], { name: "AbortError" });
  await new Promise(setImmediate);
  assert.equal(one.openItems, 1);
  controller.abort();
  await soon(gone);
  it.publish(outcome("first"));
  assert.ok((await soon(first)).ok);
  for (const [at, n] of [0, 2].entries()) {
    await it.received(2 + at);
    it.publish(outcome(`waiting-${n}`));
    assert.ok((await soon(waiting[n])).ok);
  }
  assert.deepEqual(
    it.bodies.map((body) => items(body)[0].requestId),
    ["first", "waiting-0", "waiting-2"],
  );
});

test("a batch that waits to be sent again takes no slot", async (t) => {
  const it = using(t, await Service.start([{ cut: 0 }]));
  const one = using(t, await open(it.url, { requestsUnderWay: 1, backoffMs: [100_000, 100_000] }));
  const waiting = one.invokeAll([invoke("waiting", { timeout: 300_000 })]);
  await it.received(1);
  await works(one, it, "kept");
  it.publish(outcome("waiting"));
  assert.ok((await soon(waiting)).ok);
});

/** Numbers from 0 to 1 that are the same for the same seed. */
function chanceOf(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("calls that are broken off at random leave the others alone", async (t) => {
  const seed = randomInt(2 ** 32);
  const chance = chanceOf(seed);
  const it = using(t, await Service.start(Array.from({ length: 10_000 }, (_, n) => ({ outcomesFirst: n % 2 === 0 }))));
  const one = using(t, await open(it.url, { requestsUnderWay: 4 }));
  const call = async (n) => {
    const controller = new AbortController();
    const items = [0, 1, 2].map((at) => invoke(`${n}-${at}`, { timeout: 20_000 }));
    const results = one.invokeAll(items, { signal: controller.signal });
    if (n % 3 === 0) {
      setTimeout(() => controller.abort(), chance() * 50);
      const kept = await results.catch((error) => assert.equal(error.name, "AbortError", `seed ${seed}`));
      ownOutputs(kept ?? []);
      return;
    }
    // Whatever the script did: every item gets its outcome, if need be once more.
    const again = setInterval(() => {
      for (const { requestId } of items) it.publish(outcome(requestId));
    }, 200);
    const kept = await results.finally(() => clearInterval(again));
    assert.ok(kept.ok, `seed ${seed}`);
    ownOutputs(kept);
  };
  await soon(Promise.all(Array.from({ length: 90 }, (_, n) => call(n))), `the end of seed ${seed}`);
  assert.equal(one.openItems, 0, `seed ${seed}`);
  await works(one, it, "last");
});
