// Text as UTF-8.

import { native } from "./native.js";

/** Shorter texts are written sooner than the native half is called. */
const SHORT = 4096;
/** For texts of so many units of UTF-16 room is kept from one call to the next. */
const KEPT = 1 << 19;

interface Room {
  readonly units: Uint16Array;
  /** In UTF-8 no unit takes more than three bytes. */
  readonly bytes: Buffer;
}

let kept = roomFor(1 << 14);

/** The text in UTF-8. */
export function utf8(text: string): Buffer {
  return text.length < SHORT ? Buffer.from(text) : Buffer.from(lentUtf8(text));
}

/** The text in UTF-8, in room that the next call uses again. */
export function lentUtf8(text: string): Buffer {
  const { length } = text;
  if (length > kept.units.length && length <= KEPT) kept = roomFor(Math.min(2 * length, KEPT));
  const { units, bytes } = length <= KEPT ? kept : roomFor(length);
  if (length < SHORT) return bytes.subarray(0, bytes.write(text));
  // Node does not do it many characters at a time.
  Buffer.from(units.buffer).write(text, "utf16le");
  return bytes.subarray(0, native.utf8Into(units.subarray(0, length), bytes));
}

function roomFor(length: number): Room {
  return { units: new Uint16Array(length), bytes: Buffer.allocUnsafeSlow(3 * length) };
}
