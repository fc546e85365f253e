// Scripts of one requester: inputs at given times, and the events that follow.
import assert from "node:assert/strict";

import { Requester, SetpointError } from "setpoint";

import { bytesOf, difference, stringify } from "./corpus.mjs";

/** Plays a case of `vectors/engine`. */
export function play({ config, steps }) {
  const requester = new Requester("o1", config);
  let at = 0;
  for (const [index, step] of steps.entries()) {
    at = step.at ?? at;
    const now = { monotonicMs: at, epochMs: 1_700_000_000_000 + at };
    let found;
    try {
      found = perform(requester, step, now);
    } catch (error) {
      if (!(error instanceof SetpointError)) throw error;
      found = { error: error.message };
    }
    found.events = requester.pollEvents().map(told);
    found.openItems = requester.openItems;
    const expected = { events: [], ...step.expect };
    if (expected.error === undefined) assert.equal(found.error, undefined, `step ${index}`);
    const why = difference(expected, found);
    assert.equal(why, undefined, `step ${index}`);
  }
}

/** An event as Rust writes it: its kind stands under `event`. */
function told(event) {
  const { kind, ...members } = JSON.parse(JSON.stringify(event));
  return { event: kind, ...members };
}

function perform(requester, step, now) {
  const { submit, response, message, resend, cancel, notSent } = step;
  if (submit !== undefined) {
    const family = submit.family ?? "invoke";
    const body = submit.items === undefined ? bytesOf(submit) : bytes({ data: completed(submit.items, ITEMS[family]) });
    const submission = requester.submit(body, { family, now });
    assert.deepEqual(Buffer.from(submission.body), body, "a body is sent as it was given");
    return { batch: submission.batch, items: submission.items };
  }
  if (response !== undefined) {
    return { verdict: requester.handleResponse(response.batch ?? 1, messageOf(response, true), now) };
  }
  if (message !== undefined) return { replies: requester.handleMessage(messageOf(message, false)) };
  if (notSent !== undefined) return { verdict: requester.handleNotSent(notSent.batch ?? 1, notSent.reason) };
  if (resend !== undefined) requester.resend(resend.batch ?? 1, now);
  else if (cancel !== undefined) requester.cancel(cancel.batch ?? 1);
  else if (step.tick !== undefined) requester.handleTimeout(now);
  else throw new Error(`what is step ${stringify(step)}?`);
  return {};
}

const ITEMS = {
  invoke: { controlChannelId: "DATASVC.CONTROL.c", assetId: "a1", serviceId: "s" },
  write: { setMeasurepointChannelId: "DATASVC.SET.c", assetId: "a1", measurepointId: "m", inputData: { arg: 1 } },
};

const REPLIES = {
  invoke: { controlChannelId: "DATASVC.CONTROL.c", serviceId: "s", outputData: {}, status: 0, msg: "SUCCESS" },
  write: { setMeasurepointChannelId: "DATASVC.SET.c", measurepointId: "m", status: 0, msg: "SUCCESS" },
};

function messageOf(given, isResponse) {
  if (given.replies === undefined) return bytesOf(given);
  const defaults = { ...REPLIES[given.family ?? "invoke"], submsg: isResponse ? null : "SUCCESS" };
  const data = completed(given.replies, defaults);
  return bytes(isResponse ? { status: 0, msg: "Success", submsg: null, data } : { data });
}

/** Objects with the defaults that they do not set themselves; anything else as it is. */
function completed(items, defaults) {
  const isObject = (item) => typeof item === "object" && item !== null && !Array.isArray(item);
  return items.map((item) => (isObject(item) ? { ...defaults, ...item } : item));
}

function bytes(value) {
  return Buffer.from(stringify(value));
}
