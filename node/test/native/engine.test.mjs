// The requester: its inputs, its events, and what it throws.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import {
  Accepted,
  codeInfo,
  Finished,
  FullError,
  InUseError,
  MessageError,
  Outcome,
  parseExact,
  RequestError,
  Requester,
  readNow,
  SetpointError,
} from "setpoint";

const ITEM = { controlChannelId: "DATASVC.CONTROL.ops", assetId: "turbine-7", serviceId: "start" };
const AT = { monotonicMs: 1_000, epochMs: 1_700_000_000_000 };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const named = (...ids) => ids.map((requestId) => ({ ...ITEM, requestId }));
const replyOf = (requestId, fields = {}) => ({
  requestId,
  controlChannelId: ITEM.controlChannelId,
  productKey: "pk",
  deviceKey: "dk",
  assetId: "turbine-7",
  serviceId: "start",
  outputData: { rpm: 12 },
  status: 0,
  msg: "SUCCESS",
  submsg: "SUCCESS",
  gmtServiceReply: 1_700_000_000_123,
  gmtDeviceReply: 1_700_000_000_120,
  ...fields,
});
const messageOf = (...replies) => JSON.stringify({ data: replies });
const responseOf = (...replies) => JSON.stringify({ status: 0, msg: "Success", submsg: null, data: replies });

test("every kind of event is told apart and says what it knows", () => {
  const requester = new Requester("o1", { remembered: 100 });
  const { batch, items, patienceMs } = requester.submit(named("a", "b", "c", "d"), { now: AT });
  assert.deepEqual([batch, items, patienceMs, requester.openItems], [1, 4, 30_000, 4]);
  const refused = replyOf("b", { status: 1000201, msg: "device does not exist", submsg: "deviceKey: no" });
  const verdict = requester.handleResponse(batch, responseOf(replyOf("a", { submsg: null }), refused), AT);
  assert.equal(verdict, "settled");
  assert.equal(requester.handleMessage(messageOf(replyOf("a"), replyOf("zzz"), 7)), 3);
  requester.handleMessage(messageOf(replyOf("a", { status: 1000204, msg: "invoke service error" })));
  requester.handleMessage(messageOf(replyOf("c", { status: 1000203, msg: "timeout", submsg: "expired" })));
  requester.cancel(batch);
  requester.handleMessage(messageOf(replyOf("d")));
  const told = requester.pollEvents();
  const outcome = { family: "invoke", requestId: "a", code: 0, msg: "SUCCESS", submsg: "SUCCESS", productKey: "pk" };
  const rest = { deviceKey: "dk", assetId: "turbine-7", target: "start", outputData: '{"rpm":12}' };
  const whole = { ...outcome, ...rest, gmtServiceReply: 1_700_000_000_123, gmtDeviceReply: 1_700_000_000_120 };
  const refusal = { code: 1000201, msg: "device does not exist", submsg: "deviceKey: no", wholeRequest: false };
  const summary = { submitted: 4, accepted: 2, refused: 1, succeeded: 1, failed: 0, timedOut: 1, cancelled: 1 };
  const failed = { ...whole, code: 1000204, msg: "invoke service error" };
  const late = { ...whole, code: 1000203, msg: "timeout", submsg: "expired", requestId: "c" };
  assert.deepEqual(
    told.map((event) => event.toJSON()),
    [
      { kind: "accepted", batch, index: 0, requestId: "a" },
      { kind: "refused", batch, index: 1, requestId: "b", refusal },
      { kind: "finished", batch, index: 0, requestId: "a", outcome: whole },
      { kind: "unknown", outcome: { ...whole, requestId: "zzz" } },
      { kind: "unreadable", reason: told[4].reason },
      { kind: "duplicate", batch, index: 0, requestId: "a", outcome: failed, conflict: true },
      { kind: "timedOut", batch, index: 2, requestId: "c", knownUnsent: false, outcome: late },
      { kind: "cancelled", batch, index: 3, requestId: "d" },
      { kind: "batchDone", batch, summary },
      { kind: "late", batch, index: 3, requestId: "d", outcome: { ...whole, requestId: "d" } },
    ],
  );
  assert.match(told[4].reason, /^reply 2 \(byte \d+\): must be an object, not a number$/);
  assert.ok(told[0] instanceof Accepted && told[2] instanceof Finished && told[2].outcome instanceof Outcome);
  assert.deepEqual(structuredClone(told[2].toJSON()), told[2].toJSON());
  assert.deepEqual(
    JSON.parse(JSON.stringify(told)),
    told.map((event) => event.toJSON()),
  );
  assert.match(inspect(told[2]), /kind: 'finished'/);
  assert.deepEqual(requester.pollEvents(), []);
});

test("what ends an item has the same getters, whatever it is", () => {
  const requester = new Requester("o1");
  const { batch } = requester.submit(named("a", "b", "c", "d"), { now: AT });
  requester.handleMessage(messageOf(replyOf("a"), replyOf("b", { status: 1000204, msg: "invoke service error" })));
  requester.handleResponse(
    batch,
    responseOf({}, {}, replyOf("c", { status: 1000, msg: "para error", submsg: "x" })),
    AT,
  );
  requester.handleTimeout({ ...AT, monotonicMs: AT.monotonicMs + 100_000 });
  const ended = requester.pollEvents().filter((event) => "ok" in event);
  const rows = ended.map(({ requestId, ok, code, msg, submsg, output }) => [requestId, ok, code, msg, submsg, output]);
  assert.deepEqual(rows, [
    ["a", true, 0, "SUCCESS", "SUCCESS", { rpm: 12 }],
    ["b", false, 1000204, "invoke service error", "SUCCESS", { rpm: 12 }],
    ["c", false, 1000, "para error", "x", null],
    ["d", false, 1000203, "timeout", null, null],
  ]);
  assert.equal(ended[0].output, ended[0].output, "parsed once");
  assert.equal(ended[3].outcome, null);
  assert.equal(codeInfo(ended[3].code).retry, "unsafe");
  const other = requester.submit(named("e"), { now: AT }).batch;
  requester.cancel(other);
  const [cancelled] = requester.pollEvents();
  const { ok, code, msg, submsg, output } = cancelled;
  assert.deepEqual([ok, code, msg, submsg, output], [false, null, null, null, null]);
});

test("items without a request id get a new one each, and the caller's stay", () => {
  const requester = new Requester("o1");
  const items = [ITEM, { ...ITEM, requestId: null }, { ...ITEM, requestId: "" }, { ...ITEM, requestId: "mine" }];
  const before = structuredClone(items);
  const { body } = requester.submit(items);
  assert.deepEqual(items, before, "what the caller gave is left alone");
  const ids = JSON.parse(Buffer.from(body).toString()).data.map(({ requestId }) => requestId);
  assert.equal(ids[3], "mine");
  for (const id of ids.slice(0, 3)) assert.match(id, UUID);
  assert.equal(new Set(ids).size, 4);
  requester.cancel(1);
  assert.deepEqual(
    requester.pollEvents().map(({ requestId }) => requestId),
    [...ids, undefined],
  );
});

test("defaults fill in what an item does not have", () => {
  const requester = new Requester("o1");
  const defaults = { controlChannelId: "DATASVC.CONTROL.other", timeout: 5_000, callbackUrl: null };
  const items = [
    { assetId: "a", serviceId: "s", controlChannelId: "", timeout: null },
    { ...ITEM, timeout: 7_000 },
  ];
  const { body, patienceMs } = requester.submit(items, { defaults });
  const [first, second] = JSON.parse(Buffer.from(body).toString()).data;
  assert.deepEqual([first.controlChannelId, first.timeout], ["DATASVC.CONTROL.other", 5_000]);
  assert.deepEqual([second.controlChannelId, second.timeout], [ITEM.controlChannelId, 7_000]);
  assert.equal("callbackUrl" in first, false);
  assert.equal(patienceMs, 5_000);
});

test("a body that was written elsewhere is sent as it is", () => {
  const requester = new Requester("o1");
  const text = JSON.stringify({ data: named("a") });
  const bytes = new Uint8Array(Buffer.from(text.replace('"a"', '"b"')));
  assert.equal(Buffer.from(requester.submit(text).body).toString(), text);
  assert.equal(requester.submit(bytes).body, bytes);
});

test("faults before anything is sent keep nothing", () => {
  const requester = new Requester("o1", { openItems: 3 });
  requester.submit(named("a"));
  const isOf = (Class, fields) => (error) => {
    assert.ok(error instanceof Class && error instanceof SetpointError, error);
    for (const [name, value] of Object.entries(fields)) assert.equal(error[name], value);
    return true;
  };
  assert.throws(() => requester.submit(named("b", "a")), isOf(InUseError, { index: 1, requestId: "a" }));
  assert.throws(() => requester.submit(named("b", "c", "d")), isOf(FullError, { open: 1, more: 3, bound: 3 }));
  assert.throws(() => requester.submit("[]"), isOf(RequestError, { code: 400 }));
  assert.throws(() => requester.submit([]), isOf(RequestError, { code: 400 }));
  assert.equal(requester.openItems, 1);
  assert.throws(() => requester.handleMessage("<html>"), isOf(MessageError, { offset: 0 }));
  assert.throws(() => requester.handleResponse(1, "<html>"), isOf(MessageError, { offset: 0 }));
  assert.throws(() => requester.handleMessage(7), TypeError);
  assert.throws(() => new Requester("o1", { openitems: 3 }), /options: unknown field `openitems`/);
  assert.throws(() => new Requester(7), TypeError);
  assert.equal(requester.openItems, 1);
});

test("what was not sent, or is sent again, is told apart", () => {
  const requester = new Requester("o1");
  const { batch } = requester.submit(named("a"), { now: AT });
  requester.resend(batch, AT);
  assert.equal(requester.handleNotSent(batch, "no connection"), "resend");
  const second = requester.submit(named("b"), { now: AT }).batch;
  assert.equal(requester.handleNotSent(second, "no connection"), "settled");
  const [refused] = requester.pollEvents();
  assert.deepEqual(refused.refusal, { code: 503, msg: "not sent", submsg: "no connection", wholeRequest: true });
});

test("events come in order, at most so many, and the rest later", () => {
  const requester = new Requester("o1");
  const { batch } = requester.submit(named("a", "b", "c"));
  requester.cancel(batch);
  const told = [...requester.pollEvents(2), ...requester.pollEvents(1), ...requester.pollEvents(0)];
  assert.deepEqual(
    told.map(({ index }) => index),
    [0, 1, 2],
  );
  assert.deepEqual(
    requester.pollEvents().map(({ kind }) => kind),
    ["batchDone"],
  );
});

test("texts of all widths are cut where they begin and end", () => {
  const texts = ["plain", "é", "中文", "😀😀", "", "a\u0000b", '\\"\n', "tail"];
  const requester = new Requester("o1");
  requester.submit(named(...texts.map((_, at) => `r${at}ö`)));
  const replies = texts.map((text, at) =>
    replyOf(`r${at}ö`, { msg: text, submsg: `${text}!`, assetId: text || null, outputData: { [text]: text } }),
  );
  requester.handleMessage(messageOf(...replies));
  const told = requester.pollEvents().filter(({ kind }) => kind === "finished");
  assert.equal(told.length, texts.length);
  for (const [at, text] of texts.entries()) {
    const { requestId, outcome } = told[at];
    assert.equal(requestId, `r${at}ö`);
    assert.deepEqual([outcome.msg, outcome.submsg, outcome.assetId], [text, `${text}!`, text || null]);
    assert.deepEqual(outcome.output, { [text]: text });
    assert.deepEqual([outcome.target, outcome.gmtDeviceReply], ["start", 1_700_000_000_120]);
  }
});

test("the last integer that a number holds is exact, and no larger one is rounded", () => {
  const requester = new Requester("o1");
  requester.submit(named("a", "b"));
  const exact = `{"most":${Number.MAX_SAFE_INTEGER},"more":9007199254740993,"least":-9007199254740993,"float":1e20,"text":"9007199254740993","\\"9007199254740993":0}`;
  const reply = (id, code, time) =>
    JSON.stringify(replyOf(id))
      .replace('{"rpm":12}', exact)
      .replace('"status":0', `"status":${code}`)
      .replace("1700000000123", time);
  requester.handleMessage(
    `{"data":[${reply("a", Number.MAX_SAFE_INTEGER, -5)},${reply("b", "9223372036854775807", "-9223372036854775808")}]}`,
  );
  const [{ outcome: a, code }, { outcome: b }] = requester.pollEvents().filter(({ kind }) => kind === "finished");
  assert.deepEqual(
    [code, a.code, a.integer("code"), a.gmtServiceReply],
    [2 ** 53 - 1, 2 ** 53 - 1, 2n ** 53n - 1n, -5],
  );
  assert.deepEqual([b.code, b.gmtServiceReply], [Number.NaN, Number.NaN]);
  assert.deepEqual([b.integer("code"), b.integer("gmtServiceReply")], [2n ** 63n - 1n, -(2n ** 63n)]);
  assert.deepEqual([b.toJSON().code, b.toJSON().gmtServiceReply], ["9223372036854775807", "-9223372036854775808"]);
  assert.equal(b.ok, false);
  assert.equal(a.outputText, exact);
  assert.equal(a.output.most, Number.MAX_SAFE_INTEGER);
  const { most, more, least, float, text } = a.outputExact;
  assert.deepEqual(
    [most, more, least, float, text],
    [Number.MAX_SAFE_INTEGER, 9007199254740993n, -9007199254740993n, 1e20, "9007199254740993"],
  );
  assert.equal(a.outputExact['"9007199254740993'], 0);
});

test("parseExact finds integers wherever they stand", () => {
  const big = "12345678901234567890";
  const found = parseExact(`[${big},{"a\\\\":-${big}},"${big}",${big}.5,${big}e2,0.${big},[[${big}]]]`);
  const exact = BigInt(big);
  assert.deepEqual(found, [
    exact,
    { "a\\": -exact },
    big,
    Number(`${big}.5`),
    Number(`${big}e2`),
    Number(`0.${big}`),
    [[exact]],
  ]);
  assert.deepEqual(parseExact('{"a":[1,null,true,"x",9007199254740991,1e3]}'), {
    a: [1, null, true, "x", 9007199254740991, 1000],
  });
});

test("deadlines run on the clock that readNow reads", () => {
  const requester = new Requester("o1", { graceMs: 0 });
  const before = readNow();
  requester.submit([{ ...ITEM, timeout: 1 }]);
  const at = requester.pollTimeout();
  assert.ok(at >= before.monotonicMs && at <= readNow().monotonicMs + 1, `${at}`);
  assert.ok(Math.abs(before.epochMs - Date.now()) < 60_000);
  requester.handleTimeout({ ...before, monotonicMs: at + 1_000 });
  assert.deepEqual(
    requester.pollEvents().map(({ kind }) => kind),
    ["timedOut", "batchDone"],
  );
  assert.equal(requester.pollTimeout(), null);
});

test("a family that is none is said to be none, and nothing is kept", () => {
  const requester = new Requester("o1");
  for (const family of ["read", "toString", 1]) {
    assert.throws(() => requester.submit(named("a"), { family, now: AT }), {
      name: "TypeError",
      message: `family: ${JSON.stringify(family)} is none; it is "invoke" or "write"`,
    });
  }
  assert.equal(requester.openItems, 0);
});

test("of a body that other threads may write to a copy is submitted", () => {
  const body = Buffer.from(JSON.stringify({ data: named("a", "b") }));
  const shared = new Uint8Array(new SharedArrayBuffer(body.length));
  shared.set(body);
  const submission = new Requester("o1").submit(shared, { now: AT });
  assert.deepEqual([submission.batch, submission.items, submission.patienceMs], [1, 2, 30_000]);
  shared.fill(0);
  assert.deepEqual(Buffer.from(submission.body), body);
});

test("batches of several requesters say each for itself what they are", () => {
  const [one, other] = [new Requester("o1"), new Requester("o1")];
  const first = one.submit([{ ...ITEM, timeout: 7_000 }], { now: AT });
  const second = other.submit(named("a", "b", "c"), { now: AT });
  assert.deepEqual([first.batch, first.items, first.patienceMs], [1, 1, 7_000]);
  assert.deepEqual([second.batch, second.items, second.patienceMs], [1, 3, 30_000]);
});
