// Bytes for the native half.

import { utf8 } from "./utf8.js";

/** Bytes, or text that is sent as UTF-8. */
export type Bytes = Uint8Array | string;

/** The bytes of a body or message; a copy if other threads can change them meanwhile. */
export function bytesOf(given: unknown, name: string): Uint8Array {
  if (typeof given === "string") return utf8(given);
  if (given instanceof Uint8Array) return stable(given);
  throw new TypeError(`${name} must be a Uint8Array or a string, not ${kindOf(given)}`);
}

/** The bytes themselves, or a copy if other threads can write to them. */
export function stable(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes);
}

/** The kind of a value, for error messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "an object";
}
