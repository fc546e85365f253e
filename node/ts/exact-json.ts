// Integers that no number of JavaScript holds.

import { randomUUID } from "node:crypto";

// A string, or a number. Only a number's digits count, so both have to be told apart.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LARGE = /^-?\d{16,}$/;

/**
 * Parses JSON text, with a `bigint` for every integer beyond ±(2^53 − 1); all else is as `JSON.parse` has it.
 * The text must be JSON.
 */
export function parseExact(text: string): unknown {
  // No text has this by chance or on purpose, however it is escaped.
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
