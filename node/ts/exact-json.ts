// Parses JSON without rounding integers that a JavaScript number cannot hold.

import { randomUUID } from "node:crypto";

// A string or a number. Strings have to be matched too, because digits inside them do not count.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LARGE = /^-?\d{16,}$/;

/**
 * Parses JSON text, with a `bigint` for every integer beyond ±(2^53 − 1); all else is as `JSON.parse` has it.
 * The text must be JSON.
 */
export function parseExact(text: string): unknown {
  // Random, so that no text in the input can start with it.
  const mark = `${randomUUID()}:`;
  let found = false;
  const marked = text.replace(TOKEN, (token) => {
    if (!LARGE.test(token) || Number.isSafeInteger(Number(token))) return token;
    found = true;
    return `"${mark}${token}"`;
  });
  if (!found) return JSON.parse(text);
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}
