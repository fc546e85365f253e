// The same cases as in Rust, read from the same files, all of them.
import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { describe, test } from "node:test";

import { check, checkInto, checkText, Directory, JsonError, MessageError, RequestError } from "setpoint";
import * as wire from "setpoint/wire";

import { bytesOf, casesOf, countsOfCases, difference, sample, stringify, textOf } from "./corpus.mjs";
import { play } from "./script.mjs";

/** How many cases each directory holds: a file that is lost or skipped must not go unnoticed. */
const COUNTS = countsOfCases();
const RUNS = { validation, replies, devices, json, engine: play };

for (const [kind, count] of Object.entries(COUNTS)) {
  describe(kind, () => {
    const cases = casesOf(kind);
    test("no case is lost and no name is used twice", () => {
      assert.equal(cases.length, count);
      assert.equal(new Set(cases.map(({ name }) => name)).size, count);
    });
    for (const { name, data } of cases) test(name, () => RUNS[kind](data));
  });
}

function same(expected, found) {
  const why = difference(expected, found);
  assert.equal(why, undefined);
}

function validation(data) {
  const body = bytesOf(data);
  const options = {
    family: data.family ?? "invoke",
    orgId: data.orgId ?? "o1",
    limits: data.limits,
    directory: data.directory && new Directory(data.directory),
    now: { epochMs: data.now ?? 1_700_000_000_000 },
  };
  const expected = { ...data.expect };
  if (expected.response !== undefined) expected.response = textOf(expected.response);
  let found;
  try {
    const report = check(body, options);
    const refused = new Map(report.refused.map((item) => [item.index, item]));
    const records = report.toRecords();
    const items = records.map(({ index, requestId, code }) => refused.get(index) ?? { requestId, code, faults: [] });
    found = { items, response: report.response.toString() };
    assert.equal(report.size, records.length);
    assert.equal(report.accepted.length + report.refused.length, report.size);
    consistent(report, options);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { code: status, msg, reason: submsg, offset, response } = error;
    found = { error: { status, msg, submsg, offset }, response: response.toString() };
  }
  same(expected, found);
  // The other lanes say the same.
  assert.equal(
    lane(() => into(body, options)),
    found.response,
  );
  if (isUtf8(body))
    assert.equal(
      lane(() => checkText(body.toString(), options)),
      found.response,
    );
}

function into(body, options) {
  const out = Buffer.alloc(4 << 20);
  return out.toString("utf8", 0, checkInto(body, out, options));
}

/** The response, also if the whole request is refused. */
function lane(work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return error.response.toString();
  }
}

/** What holds of every report: the response is strict JSON and says what the report says. */
function consistent(report, { family }) {
  wire.checkJson(report.response, 128);
  const limits = { bodyBytes: 1 << 30, replyBytes: 1 << 30, items: 1 << 20, payloadBytes: 1 << 20 };
  const replies = wire.readResponse(report.response, { family, limits });
  const records = report.toRecords();
  assert.equal(replies.length, records.length);
  for (const [index, reply] of replies.entries()) {
    assert.equal(reply.fields.status, records[index].code);
    assert.equal(reply.fields.submsg, records[index].reason);
  }
}

function replies(data) {
  const { limits, family } = data;
  const isResponse = data.kind === "response";
  let found;
  let written;
  try {
    const read = isResponse
      ? wire.readResponse(bytesOf(data), { family, limits })
      : wire.readMessage(bytesOf(data), { limits });
    found = { replies: read.map(shown) };
    const good = read.filter((reply) => reply instanceof wire.Reply);
    written = (isResponse ? wire.writeResponse(good) : wire.writeMessage(good)).toString();
  } catch (error) {
    if (error instanceof RequestError) {
      const { code: status, msg, reason: submsg } = error;
      found = { error: { status, msg, submsg } };
      written = error.response.toString();
    } else if (error instanceof MessageError) {
      found = { unusable: { offset: error.offset, reason: error.reason } };
    } else {
      throw error;
    }
  }
  same(data.expect, found);
  if (data.written === undefined) return;
  const { minified, without } = data.written;
  if (minified === undefined) assert.equal(written, textOf(data.written));
  else assert.equal(squeezed(written), squeezed(sample(minified).toString()).replaceAll(without ?? "\0", ""));
}

function shown(reply) {
  if (reply instanceof wire.BadReply) return { bad: reply.reason, index: reply.index, offset: reply.offset };
  return { ...reply.fieldsExact, family: reply.family };
}

/** A text without the white space between its tokens. */
function squeezed(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string) => string ?? "");
}

function devices(data) {
  same(data.expect, DEVICES[data.kind](data));
}

const DEVICES = {
  commandTopic: ({ family, productKey, deviceKey, target }) =>
    wire.commandTopic(family ?? "invoke", productKey, deviceKey, target),
  answerTopic: ({ topic }) => wire.answerTopic(topic),
  command: ({ family, ...command }) => wire.commandPayload({ family: family ?? "invoke", ...command }),
  answer: (data) => {
    try {
      const { id, code, data: output, message, bad } = wire.readAnswer(bytesOf(data), { limits: data.limits });
      return bad === null ? { id, code, data: output, message } : { id, bad };
    } catch (error) {
      if (error.name !== "AnswerError") throw error;
      return { unreadable: error.reason };
    }
  },
};

function json(data) {
  const text = bytesOf(data);
  const depth = data.depth ?? 128;
  let found = { accepted: true };
  try {
    wire.checkJson(text, data.depth);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    found = { accepted: false, offset: error.offset, reason: error.reason };
  }
  same(data.expect, found);
  // What holds of a text alone holds of it inside a batch, in a field that nobody reads.
  const item = { requestId: "r", controlChannelId: "DATASVC.CONTROL.c", assetId: "a", serviceId: "s" };
  const body = Buffer.concat([Buffer.from('{"unread":'), text, Buffer.from(`,"data":[${stringify(item)}]}`)]);
  const work = () => check(body, { orgId: "o1", limits: { depth: depth + 1 } });
  if (found.accepted) assert.equal(work().ok, true);
  else assert.throws(work, RequestError);
}
