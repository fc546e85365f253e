// A bound on the requests under way at once.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

// No part of the package's interface.
const { Slots } = createRequire(import.meta.url)("../../dist/client/slots.js");

/** Whether it is there after what can be done at once was done. */
async function isThere(promise) {
  let there = false;
  promise.then(() => {
    there = true;
  });
  await new Promise(setImmediate);
  return there;
}

test("a slot that is given back twice is free once", async () => {
  const slots = new Slots(1);
  const release = await slots.acquire();
  release();
  release();
  await slots.acquire();
  assert.equal(await isThere(slots.acquire()), false);
});

test("a slot that is given back twice goes to one of those who wait", async () => {
  const slots = new Slots(1);
  const release = await slots.acquire();
  const [second, third] = [slots.acquire(), slots.acquire()];
  release();
  release();
  assert.equal(await isThere(second), true);
  assert.equal(await isThere(third), false);
  (await second)();
  assert.equal(await isThere(third), true);
});
