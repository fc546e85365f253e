// Lists of items as the body of a batch.

import { kindOf } from "./bytes.js";
import { EncodeError } from "./errors.js";
import { utf8 } from "./utf8.js";

/** The body of a batch with these items. */
export function encodeItems(items: readonly object[]): Buffer {
  let text: string;
  try {
    text = JSON.stringify({ data: items });
  } catch (error) {
    throw culprit(items) ?? error;
  }
  // `JSON.stringify` writes NaN and infinities as null, which means something else.
  const error = text.includes("null") ? culprit(items) : undefined;
  if (error !== undefined) throw error;
  return utf8(text);
}

/** The item that JSON cannot represent, and why; undefined if none of them alone is at fault. */
function culprit(items: readonly object[]): EncodeError | undefined {
  for (const [index, item] of items.entries()) {
    const place = placeOf(item, new Set());
    if (place !== undefined) return new EncodeError(place.reason, index, place.path);
    try {
      JSON.stringify(item);
    } catch (error) {
      return new EncodeError(error instanceof Error ? error.message : String(error), index, "");
    }
  }
  return undefined;
}

/** Where in a value something is that JSON cannot represent. */
function placeOf(value: unknown, above: Set<unknown>): { path: string; reason: string } | undefined {
  if (typeof value === "bigint") {
    return { path: "", reason: "a bigint is no JSON: send a string or a number, or write the body as text" };
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { path: "", reason: `${value} is no JSON number: leave it out, or send null` };
  }
  // An object with `toJSON`, such as a date, is not looked into.
  if (typeof value !== "object" || value === null || "toJSON" in value) return undefined;
  if (above.has(value)) return { path: "", reason: "it is nested within itself" };
  above.add(value);
  for (const [key, inner] of Object.entries(value)) {
    const place = placeOf(inner, above);
    if (place !== undefined) {
      const step = Array.isArray(value) ? `[${key}]` : key;
      const joint = place.path === "" || place.path.startsWith("[") ? "" : ".";
      return { path: `${step}${joint}${place.path}`, reason: place.reason };
    }
  }
  above.delete(value);
  return undefined;
}

/** Throws a `TypeError` unless a batch that is neither bytes nor text is an array. */
export function expectItems(given: unknown): readonly object[] {
  if (Array.isArray(given)) return given as readonly object[];
  throw new TypeError(`a batch is a Uint8Array, a string or an array of items, not ${kindOf(given)}`);
}
