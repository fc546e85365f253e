// Every peer of the npm package does the same work. The folder of the corpora is in SETPOINT_CORPORA.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkInto } from "setpoint";

import * as corpora from "./corpora.mjs";
import { promises, setpoint, setpointFromItems } from "./flights.mjs";
import { PEERS, respondInto } from "./peers.mjs";

const folder = process.env.SETPOINT_CORPORA;
const facts = corpora.facts(folder);
const out = Buffer.alloc(4 << 20);

/** The items of a response, without the words of a refusal. */
function answer(length) {
  const { data, ...rest } = JSON.parse(out.toString("utf8", 0, length));
  assert.deepEqual(rest, { status: 0, msg: "Success", submsg: null });
  return data.map((reply) => ({ ...reply, submsg: reply.submsg !== null }));
}

for (const peer of Object.keys(PEERS)) {
  for (const items of [1, 100, 1_000]) {
    test(`${peer} answers every one of ${items} items as the engine does`, () => {
      let refused = 0;
      for (const body of corpora.bodies(folder, items)) {
        const expected = answer(checkInto(body, out, { orgId: facts.orgId, now: facts }));
        const found = answer(respondInto(peer, body, out, facts));
        assert.equal(expected.length, items);
        assert.deepEqual(found, expected);
        assert.deepEqual(found.map(Object.keys), expected.map(Object.keys));
        refused += expected.filter((reply) => reply.status !== 0).length;
      }
      assert.equal(refused > 0, items > 1);
    });
  }
}

test("everybody hears nine successes in ten", async () => {
  const flight = corpora.flight(folder, 10_000);
  assert.equal(setpoint(flight, facts), 9_000);
  assert.equal(setpointFromItems(flight, facts), 9_000);
  assert.equal(await promises(flight, false), 9_000);
  assert.equal(await promises(flight, true), 9_000);
});
