// The ends of processes and threads; and what a client that runs for long keeps of what has ended.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";

import { invokeOf, proxy, serve, simulate, skip } from "./gateway.mjs";
import { invoke, OUTCOMES_FIRST, Service } from "./service.mjs";
import { open, soon, until, using } from "./support.mjs";

const NODE = fileURLToPath(new URL("../..", import.meta.url));

const PENDING = `
  import { Client } from "setpoint";
  const source = { name: "silent", async open() {}, async *events() { await new Promise(() => {}); }, async close() {} };
  const options = { orgId: "o1", channel: "DATASVC.CONTROL.ops" };
  if (process.env.SILENT) options.source = source;
  const client = await Client.open(process.env.SERVICE, options);
  const items = [{ assetId: "a", serviceId: "s", timeout: 300000 }];
  client.invokeAll(items).then(() => console.log("never"), () => {});
`;

async function run(script, env) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: NODE,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.on("data", (chunk) => {
      text += chunk;
    });
  }
  const [code, signal] = await soon(once(child, "close"), "the end of the process");
  return { code, signal, text };
}

test("a process ends with its promises pending: by itself, and when told to", async (t) => {
  const it = using(t, await Service.start());
  // Nothing is left on which an outcome could come, so nothing keeps it alive.
  const silent = await run(PENDING, { SERVICE: it.url, SILENT: "1" });
  assert.deepEqual(silent, { code: 0, signal: null, text: "" });
  const told = await run(`${PENDING}; setTimeout(() => process.exit(0), 50);`, { SERVICE: it.url });
  assert.deepEqual(told, { code: 0, signal: null, text: "" });
  const closed = await run(`${PENDING} await client.close();`, {
    SERVICE: it.url,
  });
  assert.deepEqual(closed, { code: 0, signal: null, text: "" });
  assert.ok(it.bodies.length >= 1);
});

test("threads that are ended in the middle of calls leave the others alone", async (t) => {
  const it = using(t, await Service.start(Array.from({ length: 10_000 }, () => OUTCOMES_FIRST)));
  const one = using(t, await open(it.url));
  const code = `
    const { workerData, parentPort } = require("node:worker_threads");
    const { Client } = require(workerData.module);
    (async () => {
      const client = await Client.open(workerData.url, { orgId: "o1", channel: "DATASVC.CONTROL.ops" });
      for (let n = 0; ; n += 1) {
        const calls = [0, 1, 2].map(() => client.invokeAll([{ assetId: "a", serviceId: "s" }]));
        await Promise.all(calls);
        if (n === workerData.rounds) parentPort.postMessage("busy");
      }
    })();
  `;
  const module = `${NODE}/dist/index.js`;
  for (let rounds = 0; rounds < 4; rounds += 1) {
    const worker = new Worker(code, { eval: true, workerData: { module, url: it.url, rounds } });
    await soon(once(worker, "message"), "a busy thread");
    await soon(worker.terminate());
    assert.ok((await soon(one.invokeAll([invoke(`after-${rounds}`)]))).ok);
  }
});

test("thousands of batches with cancellations and broken streams leave nothing behind", { skip }, async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const gateway = await serve(t);
  await simulate(t, gateway, ["--twice=5", "--fail=5"], { keep: false });
  const between = await proxy(t, gateway.httpPort);
  const one = using(t, await open(`http://127.0.0.1:${between.port}`, { remembered: 1_000 }));
  // One signal for all calls: a listener that is left on it is seen in the heap.
  const always = new AbortController().signal;
  const work = async (turn) => {
    for (let n = 0; n < 100; n += 1) {
      const items = Array.from({ length: 60 }, (_, at) => invokeOf(`${turn}-${n}-${at}`, at));
      const controller = new AbortController();
      const signal = n % 3 === 0 ? controller.signal : always;
      const call = one.invokeAll(items, { signal }).catch((error) => assert.equal(error.name, "AbortError"));
      if (n % 3 === 0) {
        for (let step = 0; step < n % 20; step += 1) await new Promise(setImmediate);
        controller.abort();
      }
      await soon(call);
      for await (const event of one.invoke([invokeOf(`${turn}-${n}-x`), invokeOf(`${turn}-${n}-y`)])) {
        assert.ok(event.index <= 1);
        break;
      }
      if (n % 20 === 0) between.cut();
    }
    await until(() => one.openItems === 0);
    await new Promise(setImmediate);
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    return { heapUsed, rss };
  };
  await work("warm");
  const before = await work("before");
  const after = [await work("one"), await work("two")].at(-1);
  const MIB = 1 << 20;
  const [heap, rss] = [(after.heapUsed - before.heapUsed) / MIB, (after.rss - before.rss) / MIB];
  t.diagnostic(`grown by ${heap.toFixed(2)} MiB of heap and ${rss.toFixed(2)} MiB of memory in 200 rounds`);
  assert.ok(heap < 2, `${heap} MiB more heap`);
  assert.ok(rss < 24, `${rss} MiB more memory`);
});
