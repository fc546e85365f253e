// What happens around the calls: exits, threads, garbage collection, memory, and a panic.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAMS = new URL("programs/", import.meta.url);

/** Runs a program to its end. */
function run(name, args = [], options = [], env = {}) {
  const given = [...options, fileURLToPath(new URL(name, PROGRAMS)), ...args];
  const child = spawn(process.execPath, given, { env: { ...process.env, ...env } });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

for (const how of ["end", "exit", "throw", "reject"]) {
  test(`a process with thousands of items open can ${how}`, async () => {
    const { code, signal, output } = await run("pending.mjs", [how]);
    assert.equal(signal, null, output);
    assert.equal(code, { end: 0, exit: 3, throw: 1, reject: 1 }[how], output);
    assert.match(output, /20000 open/);
  });
}

test("threads that are terminated in the middle of a call hurt nobody", async () => {
  const counts = new Int32Array(new SharedArrayBuffer(4 * 6));
  for (let round = 0; round < 4; round += 1) {
    const workers = Array.from({ length: 6 }, (_, at) => {
      const worker = new Worker(new URL("busy.mjs", PROGRAMS), { workerData: { counts, at } });
      return { worker, failed: new Promise((_, reject) => worker.on("error", reject)) };
    });
    const before = Array.from(counts);
    const running = workers.map(({ failed }, at) => Promise.race([moved(counts, at, before[at] + 20), failed]));
    await Promise.all(running);
    const codes = await Promise.all(workers.map(({ worker }) => worker.terminate()));
    assert.deepEqual(
      codes,
      workers.map(() => 1),
    );
  }
  const { code, signal, output } = await run("pending.mjs", ["end"]);
  assert.deepEqual([code, signal], [0, null], output);
});

/** Waits until a counter has got so far. */
async function moved(counts, at, goal) {
  while (true) {
    const now = Atomics.load(counts, at);
    if (now >= goal) return;
    await Atomics.waitAsync(counts, at, now, 30_000).value;
  }
}

test("what was drained stays readable, whatever is collected meanwhile", async () => {
  const { code, output } = await run("collected.mjs", [], ["--expose-gc"]);
  assert.equal(code, 0, output);
});

test("nothing is kept of what is over", async () => {
  const { code, output } = await run("leak.mjs", ["0"], ["--expose-gc"]);
  assert.equal(code, 0, output);
  const { grown, bound } = JSON.parse(output);
  assert.ok(grown < bound, output);
});

test("two hundred bytes kept of each item would be noticed", async () => {
  const { grown, bound } = JSON.parse((await run("leak.mjs", ["200"], ["--expose-gc"])).output);
  assert.ok(grown > bound, `${grown} of ${bound}`);
});

test("after a panic a requester says so, and the process goes on", () => {
  const binary = process.env.SETPOINT_PANICKING;
  assert.ok(binary, "SETPOINT_PANICKING names the library with the feature test-panic; `make test-node` sets it");
  const folder = mkdtempSync(join(tmpdir(), "setpoint-"));
  try {
    const require = createRequire(import.meta.url);
    const { triple } = require("../../dist/platform.js");
    cpSync(join(PACKAGE, "dist"), join(folder, "dist"), { recursive: true });
    copyFileSync(join(PACKAGE, "package.json"), join(folder, "package.json"));
    mkdirSync(join(folder, "native"));
    copyFileSync(binary, join(folder, "native", `setpoint.${triple()}.node`));
    const { PoisonedError, Requester, SetpointError } = require(folder);
    const [broken, sound] = [new Requester("o1"), new Requester("o1")];
    assert.throws(() => broken.handleNotSent(1, "panic"), /a test asked for it/);
    const calls = [
      () => broken.pollEvents(),
      () => broken.cancel(1),
      () => broken.openItems,
      () => broken.submit("{}"),
    ];
    for (const call of calls) {
      assert.throws(call, (error) => error instanceof PoisonedError && error instanceof SetpointError);
    }
    assert.equal(sound.handleNotSent(1, "no connection"), "settled");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the allocator keeps for a second what was freed", async () => {
  const { code, output } = await run("pending.mjs", ["end"], [], { MIMALLOC_VERBOSE: "1" });
  assert.equal(code, 0, output);
  // The native half sets these options by number.
  assert.match(output, /option 'purge_delay': 1000\b/);
  assert.match(output, /option 'arena_purge_mult': 1\b/);
});
