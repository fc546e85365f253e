// The corpora that `boundary write` made: the bytes that every language is measured on.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const lines = (folder, file) =>
  readFileSync(join(folder, file), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Buffer.from(line));

/** Arguments of a check: `orgId` and `epochMs`. */
export const facts = (folder) => JSON.parse(readFileSync(join(folder, "facts.json"), "utf8"));

/** Bodies of this many items each. */
export const bodies = (folder, items) => lines(folder, `respond-${items}.jsonl`);

/**
 * Items that are all in flight at once, and the messages that answer all of them in random order. `batches`, the bodies as
 * objects, are made when they are first asked for: a contender that takes bodies has no such objects in its heap.
 */
export function flight(folder, items) {
  const bodies = lines(folder, `flight-${items}-bodies.jsonl`);
  let batches;
  return {
    items,
    bodies,
    get batches() {
      batches ??= bodies.map((body) => JSON.parse(body.toString()).data);
      return batches;
    },
    messages: lines(folder, `flight-${items}-messages.jsonl`),
  };
}
