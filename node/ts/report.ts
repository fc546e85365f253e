// What a check found.

import { RefusedError } from "./errors.js";
import type { Family } from "./items.js";
import type { AcceptedItem, RefusedItem } from "./report-items.js";

/** One item of a report as a row for a table. */
export interface ReportRecord {
  index: number;
  requestId: string | null;
  accepted: boolean;
  code: number;
  msg: string;
  /** Every fault as text; null if the item would be accepted. */
  reason: string | null;
}

/**
 * What a check found: which items would be accepted, which refused and why, and the response that says so.
 * The lists of items are made when they are first asked for.
 */
export class Report {
  /** Which family was checked. */
  readonly family: Family;
  /** How many items there are. */
  readonly size: number;
  /** The response body, JSON in UTF-8: one reply for each item, in request order. */
  readonly response: Buffer;
  readonly #refusedCount: number;
  readonly #refusedText: Buffer;
  #refused: readonly RefusedItem[] | undefined;
  #replies: readonly Reply[] | undefined;
  #accepted: readonly AcceptedItem[] | undefined;

  /** @internal `written` is what the native half writes: see `check.rs`. */
  constructor(family: Family, written: Buffer) {
    const counts = written.length - 12;
    const view = new DataView(written.buffer, written.byteOffset + counts, 12);
    const length = view.getUint32(8, LITTLE);
    this.family = family;
    this.size = view.getUint32(0, LITTLE);
    this.response = written.subarray(0, length);
    this.#refusedCount = view.getUint32(4, LITTLE);
    this.#refusedText = written.subarray(length, counts);
  }

  /** Whether every item would be accepted. */
  get ok(): boolean {
    return this.#refusedCount === 0;
  }

  /** The items that would be refused, in request order. */
  get refused(): readonly RefusedItem[] {
    this.#refused ??= this.ok ? [] : (JSON.parse(this.#refusedText.toString()) as RefusedItem[]);
    return this.#refused;
  }

  /** The items that would be accepted, in request order. */
  get accepted(): readonly AcceptedItem[] {
    this.#accepted ??= this.#accept();
    return this.#accepted;
  }

  /** Throws a `RefusedError`, which has the refused items, unless every item would be accepted. */
  raiseForRefused(): void {
    const [first] = this.refused;
    if (first === undefined) return;
    const text = `item ${first.index}: ${first.code} ${first.msg}: ${reasonOf(first)}`;
    const many = `${this.#refusedCount} of ${this.size} items would be refused`;
    throw new RefusedError(this.#refusedCount === 1 ? `${many}: ${text}` : `${many}; the first: ${text}`, this.refused);
  }

  /** One row for each item, in request order. */
  toRecords(): ReportRecord[] {
    const refused = new Map(this.refused.map((item) => [item.index, item]));
    return this.#read().map(({ requestId, status, msg }, index) => {
      const item = refused.get(index);
      const reason = item === undefined ? null : reasonOf(item);
      return { index, requestId, accepted: item === undefined, code: status, msg, reason };
    });
  }

  /** What `JSON.stringify` writes. */
  toJSON(): { family: Family; size: number; ok: boolean; refused: readonly RefusedItem[] } {
    return { family: this.family, size: this.size, ok: this.ok, refused: this.refused };
  }

  #accept(): AcceptedItem[] {
    const refused = new Set(this.refused.map(({ index }) => index));
    const ids = this.#read().map(({ requestId }, index) => ({ index, requestId: requestId ?? "" }));
    return refused.size === 0 ? ids : ids.filter(({ index }) => !refused.has(index));
  }

  #read(): readonly Reply[] {
    this.#replies ??= (JSON.parse(this.response.toString()) as { data: Reply[] }).data;
    return this.#replies;
  }
}

/** What is used of a reply. */
interface Reply {
  requestId: string | null;
  status: number;
  msg: string;
}

/** The byte order of this machine, in which the native half writes. */
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Every fault as text, `field: reason`, joined by `; `. */
export function reasonOf(item: RefusedItem): string {
  return item.faults.map(({ field, reason }) => (field === "" ? reason : `${field}: ${reason}`)).join("; ");
}
