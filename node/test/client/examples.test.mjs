// What the README and the examples show, as it stands there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { serve, simulate, skip } from "./gateway.mjs";
import { soon, using } from "./support.mjs";

const NODE = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program; its lines, and its end. */
function start(t, args, env) {
  const child = spawn(process.execPath, args, { cwd: NODE, env: { ...process.env, ...env }, stdio: "pipe" });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const ended = once(child, "close");
  using(t, {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  });
  return { child, ended, lines: createInterface({ input: child.stdout }), errors: () => errors };
}

test("the Fastify app starts turbines, says which it cannot start, and ends in order", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway);
  const env = { SETPOINT_URL: gateway.http, SETPOINT_ORG: "o1" };
  const { child, ended, lines, errors } = start(t, ["examples/fastify.mjs"], env);
  const [url] = await soon(once(lines, "line"), "the app");
  const post = async (assetIds) => {
    const headers = { "content-type": "application/json" };
    const response = await soon(
      fetch(`${url}/turbines/start`, { method: "POST", headers, body: JSON.stringify({ assetIds }) }),
    );
    return { status: response.status, records: await response.json() };
  };
  const good = await post(["asset-1", "asset-2"]);
  assert.equal(good.status, 200, errors());
  assert.deepEqual(
    good.records.map(({ index, ok, assetId }) => [index, ok, assetId]),
    [
      [0, true, "asset-1"],
      [1, true, "asset-2"],
    ],
  );
  const bad = await post(["asset-3", "nothing"]);
  assert.equal(bad.status, 502);
  assert.deepEqual(
    bad.records.map(({ kind }) => kind),
    ["finished", "refused"],
  );
  child.kill("SIGTERM");
  const [code] = await soon(ended, "the end of the app");
  assert.deepEqual([code, errors()], [0, ""]);
});

test("every example of the READMEs that uses a client runs", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway);
  const readmes = ["../../README.md", "../../../README.md"].map((path) =>
    readFileSync(new URL(path, import.meta.url), "utf8"),
  );
  const blocks = [...readmes.join("\n").matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  const ours = blocks.filter((code) => code.includes("Client.open("));
  assert.equal(ours.length, 4 + 1, "a new example is a new number here");
  for (const code of ours) {
    const script = code
      .replaceAll("http://127.0.0.1:8080", gateway.http)
      .replaceAll("mqtt://127.0.0.1:1883", gateway.mqtt);
    const { child, ended, errors } = start(t, ["--input-type=module", "--eval", script], {});
    child.stdout.resume();
    const [end] = await soon(ended, `the end of:\n${code}`);
    assert.deepEqual([end, errors()], [0, ""], code);
  }
});
