// Against the real service: both families, channels, faults of devices, broken connections, a service that dies.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallRefusedError, FAMILIES, SettingError, UnreachableError } from "setpoint";
import { CONTROL, invokeOf, proxy, SET, serve, simulate, skip } from "./gateway.mjs";
import { open, soon, take, until, using } from "./support.mjs";

/** Long beside what ten thousand items take, unoptimised and with other tests on the same processors: about five seconds. */
const TIMEOUT_MS = 20_000;
/** How long a slow answer of a simulated device takes; a late one comes after the command's time. */
const SLOW_MS = 200;

test("both families go there and back", { skip }, async (t) => {
  const gateway = await serve(t);
  const fleet = await simulate(t, gateway);
  const one = using(t, await open(gateway.http, { channel: [CONTROL, SET] }));
  const invokes = Array.from({ length: 5 }, (_, n) => invokeOf(`i${n}`, n));
  const deep = { productKey: "turbine", deviceKey: "t-3", serviceId: "stop", inputData: { deep: [1, null] } };
  const results = await soon(one.invokeAll([...invokes, deep]));
  assert.ok(results.ok);
  assert.deepEqual(
    results.map(({ output }) => output),
    [...invokes.map(({ inputData }) => inputData), deep.inputData],
  );
  const write = { assetId: "asset-1", measurepointId: "power", inputData: { arg: 2 ** 53 - 1 }, timeout: 5_000 };
  const written = await soon(one.writeAll([write, write]));
  assert.ok(written.ok);
  assert.equal(new Set(written.map(({ requestId }) => requestId)).size, 2);
  const refused = await soon(one.invokeAll([invokeOf("r"), invokeOf("x", 0, { assetId: "nothing" })]));
  assert.deepEqual(
    refused.map(({ kind }) => kind),
    ["finished", "refused"],
  );
  const families = (await fleet.close()).map(({ family }) => family);
  assert.deepEqual([families.length, families.filter((family) => family === "write").length], [9, 2]);
});

test("channels are created, listed, changed and deleted", { skip }, async (t) => {
  const gateway = await serve(t);
  const mine = "DATASVC.CONTROL.mine";
  const one = using(t, await open(gateway.http, { channel: [mine, CONTROL], createChannels: true }));
  const { channels } = one;
  assert.deepEqual([await channels.ensure(mine), await channels.ensure("DATASVC.SET.a")], [false, true]);
  await channels.update(mine, "of mine");
  assert.deepEqual(await channels.get(mine), { id: mine, desc: "of mine", family: "invoke" });
  assert.equal(await channels.get("DATASVC.CONTROL.none"), null);
  const listed = await channels.list("invoke");
  assert.deepEqual([listed.total, listed.channels.map(({ id }) => id).sort()], [2, [mine, CONTROL]]);
  assert.equal((await channels.list("invoke", { pageSize: 1, page: 2 })).channels.length, 1);
  await assert.rejects(channels.create(mine), (error) => {
    assert.ok(error instanceof CallRefusedError);
    assert.equal(error.code, FAMILIES.invoke.channelExists);
    return true;
  });
  await channels.delete("DATASVC.SET.a");
  assert.equal(await channels.get("DATASVC.SET.a"), null);
  await assert.rejects(channels.create("ops"), SettingError);
  await assert.rejects(channels.get(mine, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await gateway.kill();
  await assert.rejects(channels.get(mine), (error) => {
    assert.ok(error instanceof UnreachableError);
    assert.match(error.message, /setpoint serve/);
    return true;
  });
});

const FAULTS = ["slow=3", "fail=3", "late=1", "twice=2", "conflicting=1", "never=1", "garbage=1"];

/** Whether an item ended as it must after what its device did. */
function fits({ behaviour, params }, event) {
  const kind = typeof behaviour === "string" ? behaviour : Object.keys(behaviour)[0];
  if (["succeed", "twice", "conflictingTwice"].includes(kind)) {
    return event.ok && JSON.stringify(event.output) === JSON.stringify(JSON.parse(params));
  }
  if (kind === "fail")
    return event.kind === "finished" && event.submsg.startsWith(`device code ${behaviour.fail.code}: `);
  if (kind === "late" && behaviour.late.delayMs <= SLOW_MS) return event.ok;
  if (kind === "garbage" && behaviour.garbage === "brokenContent") return event.kind === "finished" && !event.ok;
  // It executed, and nothing that can be used came back in time.
  return event.kind === "timedOut" && !event.knownUnsent;
}

test("ten thousand items with faults end once each, and the books balance", { skip }, async (t) => {
  const [batches, items] = [100, 100];
  const gateway = await serve(t);
  const faults = [...FAULTS, "for-neighbour=1", "wrong-id=1"].map((fault) => `--${fault}`);
  const fleet = await simulate(t, gateway, ["--seed", "7", ...faults]);
  const one = using(t, await open(gateway.http, { graceMs: 5_000 }));
  const ended = new Map();
  const runBatch = async (batch) => {
    const names = Array.from({ length: items }, (_, n) => `${batch}-${n}`);
    const content = names.map((name, n) => invokeOf(name, batch * items + n, { timeout: TIMEOUT_MS }));
    const results = await one.invokeAll(content);
    assert.deepEqual(
      results.map(({ requestId }) => requestId),
      names,
    );
    for (const event of results) ended.set(event.requestId, event);
  };
  await Promise.all(Array.from({ length: batches }, (_, batch) => runBatch(batch)));
  assert.deepEqual([ended.size, one.openItems], [batches * items, 0]);
  const { gaps, unknown, unreadable } = one.stats;
  assert.deepEqual({ gaps, unknown, unreadable }, { gaps: 0, unknown: 0, unreadable: 0 });
  const ledger = await fleet.close();
  const executed = new Set(ledger.map(({ params }) => JSON.parse(params).unique));
  assert.deepEqual([ledger.length, executed.size], [ended.size, ended.size], "every command was executed, and once");
  const wrong = ledger.filter((entry) => !fits(entry, ended.get(JSON.parse(entry.params).unique)));
  assert.deepEqual(wrong, []);
  const timedOut = [...ended.values()].filter(({ kind }) => kind === "timedOut").length;
  const finished = [...ended.values()].filter(({ kind }) => kind === "finished").length;
  assert.ok(timedOut > 0 && finished > 9_000, `${timedOut} timed out, ${finished} finished`);
  t.diagnostic(`${finished} finished, ${timedOut} timed out, ${JSON.stringify(one.stats)}`);
});

test("a stream that is cut again and again loses nothing", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway, ["--slow=30"]);
  const between = await proxy(t, gateway.httpPort);
  const one = using(t, await open(`http://127.0.0.1:${between.port}`, { requestsUnderWay: 4 }));
  const changes = one.channelEvents();
  const waiting = Promise.all(
    Array.from({ length: 20 }, (_, b) => {
      return one.invokeAll(Array.from({ length: 50 }, (_, n) => invokeOf(`${b}-${n}`, n, { timeout: 30_000 })));
    }),
  );
  for (let cuts = 0; cuts < 5; cuts += 1) {
    between.cut();
    while ((await take(changes, 1))[0].kind !== "connected");
  }
  for (const results of await soon(waiting)) assert.ok(results.ok, JSON.stringify(results.summary));
  assert.ok(one.stats.disconnects >= 5);
  assert.equal(one.stats.gaps, 0);
});

test("a service that is killed and started again is found again, with a gap", { skip }, async (t) => {
  const first = await serve(t);
  const one = using(t, await open(first.http));
  const changes = one.channelEvents();
  // No device is there: what the service had taken dies with it.
  const lost = one.invokeAll([invokeOf("lost", 0, { timeout: 1_000 })]);
  await until(() => one.openItems === 1);
  await first.kill();
  assert.equal((await take(changes, 1))[0].kind, "disconnected");
  const second = await serve(t, { httpPort: first.httpPort });
  for (let kind = ""; kind !== "gap"; [{ kind }] = await take(changes, 1)) assert.notEqual(kind, "ended");
  await simulate(t, second);
  assert.ok((await soon(one.invokeAll([invokeOf("found")]))).ok);
  const { timedOut, refused } = (await soon(lost)).summary;
  assert.equal(timedOut + refused, 1);
});

test("a call that is broken off half way leaves the next one its own answer", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway);
  const one = using(t, await open(gateway.http, { requestsUnderWay: 2 }));
  for (let n = 0; n < 40; n += 1) {
    const controller = new AbortController();
    const call = one.invokeAll([invokeOf(`cancelled-${n}`)], { signal: controller.signal }).catch((error) => error);
    for (let step = 0; step < n; step += 1) await new Promise(setImmediate);
    controller.abort();
    await soon(call);
    const results = await soon(one.invokeAll([invokeOf(`kept-${n}`)]));
    assert.deepEqual(results[0].output, { unique: `kept-${n}` });
  }
  assert.equal(one.openItems, 0);
});
