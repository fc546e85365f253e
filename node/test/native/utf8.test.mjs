// Text on its way into the native half.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

// No part of the package's interface.
const { lentUtf8, utf8 } = createRequire(import.meta.url)("../../dist/utf8.js");

test("text of every width and length is the UTF-8 that Node writes", () => {
  for (const piece of ["a", "é", "中", "😀", "a\ud800b", "\udc00", "plain, Öl, 中文, 😀; "]) {
    for (const length of [0, 1, 4_095, 4_096, 5_000, 100_000, (1 << 19) + 1]) {
      const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
      const expected = Buffer.from(text);
      const found = utf8(text);
      assert.ok(expected.equals(found), `${length} of ${piece}`);
      assert.ok(expected.equals(lentUtf8(text)), `${length} of ${piece}`);
      lentUtf8("z".repeat(length));
      assert.ok(expected.equals(found), "and it is the caller's own");
    }
  }
});
