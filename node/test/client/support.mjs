// Helpers for the tests of the client.

import assert from "node:assert/strict";
import { createServer } from "node:net";

import { Client } from "setpoint";

/** Nothing takes so long that is not broken. */
export const WAIT_MS = 30_000;

const QUICK = { orgId: "o1", channel: "DATASVC.CONTROL.ops", graceMs: 0, backoffMs: [1, 20], responseTimeoutMs: 5_000 };

/** A client with everything set for short waits. */
export function open(url, options = {}) {
  return soon(Client.open(url, { ...QUICK, ...options }));
}

/** Fails the test instead of hanging it. */
export async function soon(promise, what = "an end") {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} was waited for in vain`)), WAIT_MS);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until it is true. */
export async function until(isDone, what = isDone.toString()) {
  const deadline = performance.now() + WAIT_MS;
  while (!isDone()) {
    assert.ok(performance.now() < deadline, `${what} was waited for in vain`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All events of a batch but the last. Every item must have ended exactly once. */
export async function settle(outcomes) {
  const events = [];
  const read = async () => {
    for await (const event of outcomes.events()) events.push(event);
  };
  await soon(read());
  const last = events.pop();
  assert.equal(last.kind, "batchDone");
  const ended = events.filter(({ kind }) => kind !== "accepted").map(({ index }) => index);
  assert.deepEqual(
    ended.sort((a, b) => a - b),
    Array.from({ length: last.summary.submitted }, (_, at) => at),
  );
  assert.deepEqual(outcomes.summary, last.summary);
  return { events, summary: last.summary };
}

/** Every success says that it is the item's own. */
export function ownOutputs(events) {
  for (const event of events) if (event.kind === "finished") assert.deepEqual(event.output, { of: event.requestId });
}

/** So many next values of an iterator. */
export async function take(iterator, count) {
  const found = [];
  for (let at = 0; at < count; at += 1) found.push((await soon(iterator.next(), `event ${at + 1} of ${count}`)).value);
  return found;
}

/** A port on which nobody listens. */
export async function refusedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A source that a test feeds; `end` ends it. */
export class Fed {
  name = "fed";
  isClosed = false;
  #messages = [];
  #wake = () => {};
  #isEnded = false;

  async open() {}

  async *events() {
    for (;;) {
      while (this.#messages.length > 0) yield this.#messages.shift();
      if (this.#isEnded) return;
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close() {
    this.isClosed = true;
    this.end();
  }

  put(message) {
    this.#messages.push(message instanceof Uint8Array ? message : Buffer.from(JSON.stringify(message)));
    this.#wake();
  }

  end() {
    this.#isEnded = true;
    this.#wake();
  }
}

const closing = new WeakMap();

/** Closes it when the test is over, whatever became of the test; the last one first. */
export function using(t, thing) {
  if (!closing.has(t)) {
    closing.set(t, []);
    t.after(async () => {
      for (const one of closing.get(t).reverse()) await one[Symbol.asyncDispose]();
    });
  }
  closing.get(t).push(thing);
  return thing;
}
