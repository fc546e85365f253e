// The items of a report.

/** An item that would be accepted. */
export interface AcceptedItem {
  /** Which item, from 0. */
  readonly index: number;
  /** Its request id. */
  readonly requestId: string;
}

/** An item that would be refused. */
export interface RefusedItem {
  /** Which item, from 0. */
  readonly index: number;
  /** Its request id; null if it has none that can be read. */
  readonly requestId: string | null;
  /** The code of its reply. */
  readonly code: number;
  /** The code's message. */
  readonly msg: string;
  /** Everything that is wrong with it. */
  readonly faults: readonly Fault[];
}

/** One thing that is wrong with an item. */
export interface Fault {
  /** The code that an item with this fault alone is answered with. */
  readonly code: number;
  /** The JSON field at fault, as it is spelt in the request; empty when it is the item as a whole. */
  readonly field: string;
  /** What is wrong and what would be right. */
  readonly reason: string;
}
