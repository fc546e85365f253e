// The lines of an event stream, however they are cut and ended.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

// No part of the package's interface.
const { Parser } = createRequire(import.meta.url)("../../dist/client/sources/parser.js");

function parse(...pieces) {
  const parser = new Parser(32);
  const found = pieces.flatMap((piece) => [...parser.push(Buffer.from(piece))]).map(shown);
  return { found, lastId: parser.lastId };
}

function shown({ kind, data }) {
  return { kind, data: data === null ? null : Buffer.from(data).toString() };
}

function event(data, kind = "message") {
  return { kind, data };
}

test("fields, comments and types", () => {
  const found = parse("\uFEFF: hello\n\nid: 7\nevent: gap\ndata: a\ndata:b\nretry: 9\nnone\n\n");
  assert.deepEqual(found, { found: [event("a\nb", "gap")], lastId: "7" });
});

test("an id without data is kept and yields nothing", () => {
  assert.deepEqual(parse("id: 41\n\n"), { found: [], lastId: "41" });
});

test("an id counts only once its event is whole", () => {
  assert.deepEqual(parse("id: 1\ndata: x\n\nid: 2\ndata: y\n"), { found: [event("x")], lastId: "1" });
});

test("an id with a zero byte is ignored, and an empty one takes the last one away", () => {
  assert.deepEqual(parse("id: 1\n\nid: 2\x003\n\n"), { found: [], lastId: "1" });
  assert.deepEqual(parse("id: 1\n\nid\n\n"), { found: [], lastId: "" });
});

test("empty data is an event, and no data is none", () => {
  assert.deepEqual(parse("data\n\ndata:\ndata:\n\nevent: x\n\n"), {
    found: [event(""), event("\n")],
    lastId: undefined,
  });
});

for (const [name, end] of Object.entries({ LF: "\n", CRLF: "\r\n", CR: "\r" })) {
  test(`every cut reads the same, with ${name}`, () => {
    const text = "id: 1\nevent: m\ndata: ab\ndata: c\n\ndata: d\n\n".replaceAll("\n", end);
    const whole = { found: [event("ab\nc", "m"), event("d")], lastId: "1" };
    for (let at = 0; at <= text.length; at += 1) {
      assert.deepEqual(parse(text.slice(0, at), text.slice(at)), whole, `cut at ${at}`);
    }
    assert.deepEqual(parse(...text), whole);
  });
}

test("line ends of other trades are data", () => {
  const data = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg";
  assert.deepEqual(parse(`data: ${data}\n\n`), { found: [event(data)], lastId: undefined });
});

test("what is too large is skipped, named, and never held", () => {
  const parser = new Parser(32);
  const long = "x".repeat(1_000);
  const half = `data: ${long.slice(0, 20)}`;
  const pieces = ["id: 5\ndata: ", long, long, "\n\ndata: ok\n\n", `${half}\n${half}`, "\n\n"];
  const found = [];
  for (const piece of pieces) {
    found.push(...[...parser.push(Buffer.from(piece))].map(shown));
    assert.ok(parser.held <= 32 + 64);
  }
  assert.deepEqual(found, [event(null), event("ok"), event(null)]);
  assert.equal(parser.lastId, "5");
});
