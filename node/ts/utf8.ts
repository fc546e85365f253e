// Encodes text as UTF-8.

import { native } from "./native.js";

/** Below this length, in UTF-16 units, Node encodes faster than a call of the native half takes. */
const SHORT = 4096;
/** Up to this length, in UTF-16 units, the buffer is kept from one call to the next. */
const KEPT = 1 << 19;

interface Room {
  readonly units: Uint16Array;
  /** A UTF-16 unit takes at most three bytes in UTF-8. */
  readonly bytes: Buffer;
}

let kept = roomFor(1 << 14);

/** The text in UTF-8. */
export function utf8(text: string): Buffer {
  return text.length < SHORT ? Buffer.from(text) : Buffer.from(lentUtf8(text));
}

/** The text in UTF-8, in a buffer that the next call overwrites. */
export function lentUtf8(text: string): Buffer {
  const { length } = text;
  if (length > kept.units.length && length <= KEPT) kept = roomFor(Math.min(2 * length, KEPT));
  const { units, bytes } = length <= KEPT ? kept : roomFor(length);
  if (length < SHORT) return bytes.subarray(0, bytes.write(text));
  // Node encodes text that is not ASCII one character at a time.
  Buffer.from(units.buffer).write(text, "utf16le");
  return bytes.subarray(0, native.utf8Into(units.subarray(0, length), bytes));
}

function roomFor(length: number): Room {
  return { units: new Uint16Array(length), bytes: Buffer.allocUnsafeSlow(3 * length) };
}
