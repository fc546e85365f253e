// The same batches as bytes, as text, as items, and without Node: byte for byte the same answers.
import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { check, checkInto, checkText, RequestError } from "setpoint";

import { batch, forEachSeed } from "./batches.mjs";

const NOW = { epochMs: 1_700_000_000_000 };
const OUT = Buffer.alloc(1 << 20);

/** The response, also if the whole request is refused. */
function answer(work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return error.response.toString();
  }
}

function lanes(body, family) {
  const options = { family, orgId: "o1", now: NOW };
  const found = [
    answer(() => check(body, options).response.toString()),
    answer(() => OUT.toString("utf8", 0, checkInto(body, OUT, options))),
  ];
  if (isUtf8(body)) {
    found.push(answer(() => check(body.toString(), options).response.toString()));
    found.push(answer(() => checkText(body.toString(), options)));
  }
  return found;
}

test("every lane gives the response that Rust gives", () => {
  const cases = [];
  forEachSeed(1_500, (random, family) => {
    const items = batch(random, family);
    const body = Buffer.from(JSON.stringify({ data: items }));
    const found = lanes(body, family);
    found.push(answer(() => check(items, { family, orgId: "o1", now: NOW }).response.toString()));
    const [first] = found;
    for (const other of found) assert.equal(other, first);
    cases.push({ line: `${family} ${body}\n`, first });
  });
  const input = cases.map(({ line }) => line).join("");
  const program = process.env.SETPOINT_RESPOND;
  assert.ok(program, "SETPOINT_RESPOND names the program crates/core/examples/respond.rs; `make test-node` sets it");
  const answers = execFileSync(program, { input, maxBuffer: 1 << 30 })
    .toString()
    .split("\n");
  assert.equal(answers.length, cases.length + 1);
  for (const [at, { line, first }] of cases.entries()) assert.equal(first, answers[at], line);
});

test("broken bodies are answered alike", () => {
  forEachSeed(500, (random, family) => {
    const body = Buffer.from(JSON.stringify({ data: batch(random, family) }));
    const at = random.below(body.length);
    const [before, after] = [body.subarray(0, at), body.subarray(at)];
    const broken = random.pick([
      before,
      Buffer.concat([before, after.subarray(1)]),
      Buffer.concat([before, Buffer.from('"'), after]),
    ]);
    const [first, ...others] = lanes(broken, family);
    for (const other of others) assert.equal(other, first);
  });
});
