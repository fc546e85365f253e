// Events of items that ended, and iterations that are abandoned.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { invoke, OUTCOMES_FIRST, outcome, Service } from "./service.mjs";
import { Fed, open, soon, until, using } from "./support.mjs";

test("progress is told of every item, by all and one by one, and may fail", async (t) => {
  const it = using(t, await Service.start([OUTCOMES_FIRST, OUTCOMES_FIRST, OUTCOMES_FIRST]));
  const one = using(t, await open(it.url));
  const calls = [];
  const progress = { update: (ended) => calls.push(ended) };
  const items = (name) => Array.from({ length: 10 }, (_, n) => invoke(`${name}-${n}`));
  assert.ok((await soon(one.invokeAll(items("all"), { progress }))).ok);
  assert.deepEqual(calls, Array(10).fill(1));
  const read = async () => {
    let seen = calls.length;
    for await (const { kind } of one.invoke(items("events"), { progress }).events()) {
      seen += kind === "finished" ? 1 : 0;
      assert.equal(calls.length, seen);
    }
  };
  await soon(read());
  assert.equal(calls.length, 20);

  const warned = once(process, "warning");
  const failing = {
    update() {
      throw new Error("the bar's own");
    },
  };
  const body = JSON.stringify({ data: [{ ...invoke("sent"), controlChannelId: "DATASVC.CONTROL.ops" }] });
  const ended = [];
  for await (const { kind } of one.sendBody("invoke", body, { progress: failing })) ended.push(kind);
  assert.deepEqual(ended, ["finished"]);
  const [warning] = await soon(warned, "a warning");
  assert.match(warning.detail, /the bar's own/);
});

test("an iteration that is dropped is cancelled when it is collected, and one that is waited for is not", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const it = using(t, await Service.start());
  const one = using(t, await open(it.url));
  const waiting = one.invokeAll([invoke("waiting")]);
  const begin = async () => {
    const first = one.invoke([invoke("a"), invoke("b")]).next();
    await it.received(2);
    it.publish(outcome("a"));
    assert.equal((await soon(first)).value.requestId, "a");
  };
  await begin();
  assert.equal(one.openItems, 2);
  await until(() => {
    collect();
    return one.openItems === 1;
  }, "the end of what was dropped");
  for (let turn = 0; turn < 5; turn += 1) {
    collect();
    await new Promise(setImmediate);
  }
  it.publish(outcome("waiting"));
  assert.ok((await soon(waiting)).ok);
});

test("an answer that is not of this protocol says at which byte, if it is no JSON", async (t) => {
  const answers = ['{"status":0,"msg":"ö" nginx', '{"status":0,"data":{}}', "[]"];
  const fetch = async () => new Response(answers.shift());
  const one = using(t, await open("http://127.0.0.1:1", { source: new Fed(), fetch }));
  for (const offset of [23, null, null]) {
    await assert.rejects(soon(one.channels.list("invoke")), (error) => {
      assert.deepEqual([error.name, error.httpStatus, error.offset], ["UnreadableError", 200, offset]);
      return true;
    });
  }
});
