// Checks: what goes in, what comes out, and what is thrown.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  check,
  checkInto,
  checkText,
  Directory,
  EncodeError,
  RefusedError,
  RequestError,
  RoomError,
  SetpointError,
} from "setpoint";

const ITEM = { requestId: "r1", controlChannelId: "DATASVC.CONTROL.ops", assetId: "turbine-7", serviceId: "start" };
const WRONG = { ...ITEM, requestId: "r2", timeout: 0 };
const ORG = { orgId: "o1" };
const bodyOf = (...data) => Buffer.from(JSON.stringify({ data }));

test("a report has every item, accepted or refused, with all faults", () => {
  const report = check([ITEM, WRONG], ORG);
  assert.equal(report.size, 2);
  assert.equal(report.ok, false);
  assert.equal(report.family, "invoke");
  assert.deepEqual(report.accepted, [{ index: 0, requestId: "r1" }]);
  const reason = "must be an integer from 1 to 300000, in milliseconds";
  const fault = { code: 1000, field: "timeout", reason };
  assert.deepEqual(report.refused, [{ index: 1, requestId: "r2", code: 1000, msg: "para error", faults: [fault] }]);
  assert.equal(report.refused, report.refused, "parsed once");
  assert.equal(report.accepted, report.accepted);
  assert.deepEqual(report.toRecords(), [
    { index: 0, requestId: "r1", accepted: true, code: 0, msg: "SUCCESS", reason: null },
    { index: 1, requestId: "r2", accepted: false, code: 1000, msg: "para error", reason: `timeout: ${reason}` },
  ]);
  assert.throws(
    () => report.raiseForRefused(),
    (error) => {
      assert.ok(error instanceof RefusedError && error instanceof SetpointError);
      assert.equal(error.code, 1000);
      assert.equal(error.refused, report.refused);
      assert.match(error.message, /^1 of 2 items would be refused: item 1: 1000 para error: timeout: must be/);
      return true;
    },
  );
  check([ITEM], ORG).raiseForRefused();
});

test("a report keeps its response when others are made", () => {
  const first = check([ITEM], ORG);
  const text = first.response.toString();
  for (let at = 0; at < 100; at += 1) check([WRONG, WRONG], ORG);
  assert.equal(first.response.toString(), text);
});

test("null is welcome in every field", () => {
  const nothing = { orgId: null, callType: null, productKey: null, deviceKey: null, timeout: null, callbackUrl: null };
  assert.equal(check([{ ...ITEM, ...nothing, inputData: null, gmtServiceRequest: null }], ORG).ok, true);
});

test("integers keep their digits in what is echoed", () => {
  const body = `{"data":[${JSON.stringify(ITEM).replace("}", ',"inputData":{"n":18446744073709551617},"gmtServiceRequest":9007199254740991}')}]}`;
  const response = checkText(body, ORG);
  assert.match(response, /"n":18446744073709551617/);
  assert.match(response, /"gmtServiceRequest":9007199254740991/);
});

test("a whole-request error says where and why, and has the response", () => {
  assert.throws(
    () => check('{"data":[', ORG),
    (error) => {
      assert.ok(error instanceof RequestError && error instanceof SetpointError && error instanceof Error);
      const { name, code, msg, reason, offset } = error;
      assert.deepEqual(
        { name, code, msg, reason, offset },
        {
          name: "RequestError",
          code: 400,
          msg: "Invalid Argument body",
          reason: "expected a value or ']', but the text ends at byte 9",
          offset: 9,
        },
      );
      assert.deepEqual(JSON.parse(error.response.toString()), { status: 400, msg, submsg: reason });
      assert.match(error.stack, /check\.test\.mjs/);
      return true;
    },
  );
  assert.throws(() => check([ITEM], { orgId: "o2", directory: new Directory({ o1: {} }) }), {
    code: 400,
    offset: null,
  });
});

test("a directory says what exists", () => {
  const directory = new Directory({
    o1: {
      channels: ["DATASVC.CONTROL.ops"],
      devices: [{ productKey: "pk", deviceKey: "dk", assetId: "turbine-7", services: { start: "Start it" } }],
    },
  });
  const report = check([ITEM, { ...ITEM, requestId: "r2", serviceId: "stop" }], { ...ORG, directory });
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    [1000213],
  );
  assert.equal(JSON.parse(report.response.toString()).data[0].serviceName, "Start it");
  assert.throws(() => new Directory({ o1: { chanels: [] } }), /directory: unknown field `chanels`/);
  assert.throws(() => check([ITEM], { ...ORG, directory: {} }), TypeError);
});

test("limits count as they are at the time of the call", () => {
  const limits = { items: 1 };
  check([ITEM], { ...ORG, limits });
  assert.throws(() => check([ITEM, WRONG], { ...ORG, limits }), { code: 413 });
  limits.items = 2;
  assert.equal(check([ITEM, WRONG], { ...ORG, limits }).size, 2);
  assert.throws(() => check([ITEM], { ...ORG, limits: { item: 1 } }), /limits: unknown field `item`/);
});

test("more orgs than checkers that are kept open are told apart", () => {
  const item = { ...ITEM, controlChannelId: undefined, serviceId: undefined, inputData: { arg: 1 } };
  const write = { ...item, setMeasurepointChannelId: "DATASVC.SET.c", measurepointId: "m" };
  for (let round = 0; round < 3; round += 1) {
    for (let org = 0; org < 50; org += 1) {
      const orgId = `o${org}`;
      const report = check([{ ...write, orgId }], { family: "write", orgId });
      assert.equal(JSON.parse(report.response.toString()).data[0].orgId, orgId);
      assert.equal(report.ok, true);
    }
  }
});

test("what does not fit into the room is not written, and the room that is needed is named", () => {
  const body = bodyOf(ITEM);
  const whole = check(body, { ...ORG, now: { epochMs: 1 } }).response;
  const out = new Uint8Array(whole.length - 1).fill(7);
  assert.throws(
    () => checkInto(body, out, ORG),
    (error) => {
      assert.ok(error instanceof RoomError && error instanceof RangeError);
      return error.needed > out.length;
    },
  );
  assert.ok(out.every((byte) => byte === 7));
  const fitting = new Uint8Array(whole.length + 2).fill(7);
  assert.equal(checkInto(body, fitting.subarray(1, -1), { ...ORG, now: { epochMs: 1 } }), whole.length);
  assert.deepEqual(Buffer.from(fitting.subarray(1, -1)), whole);
  assert.deepEqual([fitting[0], fitting.at(-1)], [7, 7]);
});

test("the response may be written over the body", () => {
  const body = bodyOf(ITEM, WRONG);
  const expected = check(body, { ...ORG, now: { epochMs: 1 } }).response;
  const room = Buffer.alloc(4_000);
  body.copy(room, 10);
  const length = checkInto(room.subarray(10, 10 + body.length), room, { ...ORG, now: { epochMs: 1 } });
  assert.deepEqual(room.subarray(0, length), expected);
});

test("memory that other threads share is looked at once", () => {
  const body = bodyOf(ITEM);
  const shared = new Uint8Array(new SharedArrayBuffer(body.length));
  shared.set(body);
  assert.equal(check(shared, ORG).ok, true);
  const out = Buffer.alloc(2_000);
  assert.ok(checkInto(shared, out, ORG) > 0);
  assert.throws(() => checkInto(body, new Uint8Array(new SharedArrayBuffer(2_000)), ORG), /shared/);
});

test("text of every width comes back as it was", () => {
  for (const assetId of ["plain", "Öl", "中文", "😀", "é中😀", "x".repeat(200_000)]) {
    const item = { ...ITEM, callbackUrl: assetId.slice(0, 500) };
    const response = JSON.parse(checkText(JSON.stringify({ data: [item] }), ORG));
    assert.equal(response.data[0].callbackUrl, item.callbackUrl);
  }
});

test("what JSON cannot say is not sent as something else", () => {
  const cases = [
    [{ n: Number.NaN }, "inputData.n", /NaN is no JSON number/],
    [{ list: [1, { deep: Number.POSITIVE_INFINITY }] }, "inputData.list[1].deep", /Infinity is no JSON number/],
    [{ n: 1n }, "inputData.n", /a bigint is no JSON/],
  ];
  for (const [inputData, field, reason] of cases) {
    assert.throws(
      () => check([ITEM, { ...ITEM, inputData }], ORG),
      (error) => {
        assert.ok(error instanceof EncodeError);
        assert.deepEqual([error.index, error.field], [1, field]);
        assert.match(error.reason, reason);
        return true;
      },
    );
  }
  const knot = {};
  knot.again = knot;
  assert.throws(() => check([{ ...ITEM, inputData: knot }], ORG), { index: 0, field: "inputData.again" });
  assert.equal(check([{ ...ITEM, inputData: { at: new Date(0), nothing: null } }], ORG).ok, true);
});

test("arguments of other types are refused by name", () => {
  assert.throws(() => check(7, ORG), /a batch is a Uint8Array, a string or an array of items, not number/);
  assert.throws(() => check([ITEM], {}), /orgId must be a string, not undefined/);
  assert.throws(() => check([ITEM], { ...ORG, family: "read" }), /family: "read" is none/);
  assert.throws(
    () => checkInto("{}", Buffer.alloc(1), ORG),
    /body and out must be a Uint8Array, not string and Buffer/,
  );
  assert.throws(() => checkText(Buffer.from("{}"), ORG), /body must be a string, not Buffer/);
});
