// Bytes that the native half may look at.

import { utf8 } from "./utf8.js";

/** Bytes, or text that is sent as UTF-8. */
export type Bytes = Uint8Array | string;

/** The bytes of a body or message. A copy is made of what somebody else could change meanwhile. */
export function bytesOf(given: unknown, name: string): Uint8Array {
  if (typeof given === "string") return utf8(given);
  if (given instanceof Uint8Array) return stable(given);
  throw new TypeError(`${name} must be a Uint8Array or a string, not ${kindOf(given)}`);
}

/** The bytes themselves, unless other threads may write to them. */
export function stable(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes);
}

/** What a value is, for a message about it. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "an object";
}
