// Requests and responses that get lost.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SourceEndedError } from "setpoint";
import { BREAK_OFF, CHANNEL, HOLD, invoke, OUTCOMES_FIRST, outcome, Service, successes } from "./service.mjs";
import { Fed, open, ownOutputs, refusedPort, settle, soon, take, until, using } from "./support.mjs";

const BUSY = { status: 503, body: '{"status":503,"msg":"Service Unavailable","submsg":"try again later"}' };
const PAGE = "<html>bad gateway</html>";

const LOST = {
  "half an answer": BREAK_OFF,
  "no answer": { cut: -1 },
  "a head alone": { cut: 0 },
  "a proxy's 502": { status: 502, body: PAGE },
  nothing: { status: 200, body: "" },
  "a page": { status: 200, body: PAGE },
  "no answer of ours": { status: 500, body: '{"no": "status"}' },
};

for (const [name, step] of Object.entries(LOST)) {
  test(`a lost response is asked for again with the same body: ${name}`, async (t) => {
    const it = using(t, await Service.start([step, OUTCOMES_FIRST]));
    const one = using(t, await open(it.url));
    const { events, summary } = await settle(one.invoke([invoke("a"), invoke("b")]));
    assert.deepEqual([summary.accepted, summary.succeeded], [2, 2]);
    ownOutputs(events);
    assert.equal(it.bodies.length, 2);
    assert.equal(it.bodies[0], it.bodies[1]);
    // What is no answer of the service's is told of.
    assert.equal(one.stats.unreadable, step.cut === undefined ? 1 : 0);
  });
}

for (const [name, step] of Object.entries({ nothing: HOLD, "a byte now and then": { dripMs: 50 } })) {
  test(`a response that does not come in time is asked for again: ${name}`, async (t) => {
    const it = using(t, await Service.start([step, OUTCOMES_FIRST]));
    const one = using(t, await open(it.url, { responseTimeoutMs: 200 }));
    const { summary } = await settle(one.invoke([invoke("a")]));
    assert.deepEqual([summary.succeeded, it.bodies.length], [1, 2]);
  });
}

test("a response without an end is given up and asked for again", async (t) => {
  const it = using(t, await Service.start([{ endless: true }, OUTCOMES_FIRST]));
  const one = using(t, await open(it.url, { limits: { replyBytes: 1 << 17 }, responseTimeoutMs: 60_000 }));
  const { summary } = await settle(one.invoke([invoke("a")]));
  assert.deepEqual([summary.succeeded, it.bodies.length], [1, 2]);
});

test("after a lost response a busy service is asked until it answers", async (t) => {
  const it = using(t, await Service.start([BREAK_OFF, BUSY, LOST["a proxy's 502"], BUSY, OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  const { summary } = await settle(one.invoke([invoke("a")]));
  assert.deepEqual([summary.succeeded, it.bodies.length], [1, 5]);
});

test("a busy service that answers at once has refused", async (t) => {
  const it = using(t, await Service.start([BUSY]));
  const one = using(t, await open(it.url));
  const { events } = await settle(one.invoke([invoke("a")]));
  assert.equal(events.length, 1);
  assert.deepEqual([events[0].kind, events[0].code, events[0].refusal.wholeRequest], ["refused", 503, true]);
  assert.equal(it.bodies.length, 1);
});

for (const status of [301, 302, 303, 307, 308, 401, 404]) {
  test(`HTTP ${status} of somebody else's is found out at once, and no redirect is followed`, async (t) => {
    const elsewhere = using(t, await Service.start());
    const headers = `Location: ${elsewhere.url}/dataService/devices/multiInvoke?orgId=o1\r\n`;
    const it = using(t, await Service.start([{ status, body: PAGE, headers }]));
    const one = using(t, await open(it.url));
    const { events, summary } = await settle(one.invoke([invoke("a")]));
    assert.equal(summary.refused, 1);
    assert.match(events[0].submsg, new RegExp(`HTTP ${status}.*check the URL`));
    assert.deepEqual([it.bodies.length, elsewhere.bodies], [1, []]);
  });
}

test("outcomes alone are enough when every response is lost", async (t) => {
  const it = using(t, await Service.start(Array(1_000).fill(BREAK_OFF)));
  const one = using(t, await open(it.url));
  const waiting = settle(one.invoke([invoke("a"), invoke("b")]));
  await it.received(2);
  it.publish(successes(it.bodies[0]));
  const { summary } = await waiting;
  assert.deepEqual([summary.accepted, summary.succeeded], [2, 2]);
});

test("nothing is sent again once the shortest timeout has passed", async (t) => {
  const it = using(t, await Service.start(Array(100_000).fill(BREAK_OFF)));
  const one = using(t, await open(it.url));
  const batch = [invoke("a", { timeout: 150 }), invoke("b", { timeout: 400 })];
  const { events, summary } = await settle(one.invoke(batch));
  assert.equal(summary.timedOut, 2);
  for (const { kind, knownUnsent, outcome: said, code } of events) {
    assert.deepEqual([kind, knownUnsent, said, code], ["timedOut", false, null, 1000203]);
  }
  const sent = it.bodies.length;
  assert.ok(sent > 1, "it was sent again while there was time");
  await settle(one.invoke([invoke("c", { timeout: 1 })]));
  for (const body of it.bodies.slice(sent)) assert.ok(body.includes('"c"'), "the ended batch is not sent any more");
});

test("without a connection nothing was sent, and the items say so", async (t) => {
  const one = using(
    t,
    await open(`http://127.0.0.1:${await refusedPort()}`, { source: new Fed(), connectAttempts: 3 }),
  );
  const { events, summary } = await settle(one.invoke([invoke("a")]));
  assert.deepEqual([summary.refused, summary.accepted], [1, 0]);
  assert.deepEqual([events[0].kind, events[0].refusal.wholeRequest], ["refused", true]);
  assert.match(events[0].submsg, /ECONNREFUSED/);
});

test("a connection is tried again while there is time", async (t) => {
  const port = await refusedPort();
  const fed = new Fed();
  const one = using(
    t,
    await open(`http://127.0.0.1:${port}`, { source: fed, connectAttempts: 1_000_000, graceMs: 5_000 }),
  );
  const { summary } = await settle(one.invoke([invoke("a", { timeout: 300 })]));
  assert.deepEqual([summary.refused, summary.timedOut], [1, 0], "nothing was sent, and that is known");
  const waiting = settle(one.invoke([invoke("b", { timeout: 20_000 })]));
  const it = using(t, await Service.start([], port));
  await it.received(1);
  fed.put(successes(it.bodies[0]));
  assert.equal((await waiting).summary.succeeded, 1);
  await one.close();
  assert.ok(fed.isClosed);
});

test("after something may have arrived, a refused connection does not end the items", async (t) => {
  const it = await Service.start([BREAK_OFF]);
  const fed = new Fed();
  const one = using(t, await open(it.url, { source: fed, connectAttempts: 1 }));
  const waiting = settle(one.invoke([invoke("a", { timeout: 20_000 })]));
  await it.received(1);
  await it.close();
  fed.put(outcome("a"));
  assert.equal((await waiting).summary.succeeded, 1);
});

test("any async iterable of bytes is a source, and is ended with the client", async (t) => {
  const messages = [];
  let wake = () => {};
  let hasEnded = false;
  async function* listen() {
    try {
      for (;;) {
        while (messages.length > 0) yield messages.shift();
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      hasEnded = true;
    }
  }
  const it = using(t, await Service.start());
  const one = await open(it.url, { source: listen() });
  const waiting = soon(one.invokeAll([invoke("a", { controlChannelId: "DATASVC.CONTROL.any" })]));
  await it.received(1);
  messages.push(Buffer.from("this is no message"), Buffer.from(JSON.stringify(outcome("a"))));
  wake();
  assert.ok((await waiting).ok);
  assert.equal(one.stats.unreadable, 1);
  // It waits, and nobody waits for it.
  await soon(one.close());
  messages.push(Buffer.from("one more"));
  wake();
  await until(() => hasEnded);
});

for (const isBroken of [false, true]) {
  test(`when the source has ${isBroken ? "failed" : "ended"}, nothing more is sent`, async (t) => {
    let go;
    const gone = new Promise((resolve) => {
      go = resolve;
    });
    async function* listen() {
      await gone;
      if (isBroken) throw new Error("the plug-in's own");
      yield* [];
    }
    const it = using(t, await Service.start());
    const one = using(t, await open(it.url, { source: listen() }));
    const changes = one.channelEvents();
    go();
    const [change] = await take(changes, 1);
    assert.equal(change.kind, "ended");
    assert.equal(change.reason.includes("the plug-in's own"), isBroken);
    await assert.rejects(one.invokeAll([invoke("a", { controlChannelId: CHANNEL })]), SourceEndedError);
    assert.deepEqual(it.bodies, []);
  });
}
