// The caller's side of the protocol, for programs with their own HTTP client and message queue.

import { randomBytes } from "node:crypto";

import { type Bytes, bytesOf, kindOf } from "./bytes.js";
import { drain } from "./drain.js";
import { encodeItems, expectItems } from "./encode.js";
import { type Event, eventsOf } from "./events.js";
import type { BatchOf, Family, ItemOf, Limits, Now } from "./items.js";
import { errorOf, native } from "./native.js";

/** Bounds and allowances of a requester. The engine's defaults stand for those left out. */
export interface RequesterOptions {
  /** Bounds on the cost of reading one message. */
  readonly limits?: Limits | undefined;
  /** Most items open at once; 1,000,000. */
  readonly openItems?: number | undefined;
  /** How long an outcome is awaited after the item's deadline, in milliseconds; 5,000. */
  readonly graceMs?: number | undefined;
  /** Most ended items kept, to tell late and duplicate replies from unknown ones; 100,000. */
  readonly remembered?: number | undefined;
}

/** How a batch is submitted. */
export interface SubmitOptions<F extends Family = Family> {
  /** Which family the batch is of; `"invoke"` if left out. */
  readonly family?: F;
  /** Values for the fields that an item of an array lacks, or has as null or `""`. */
  readonly defaults?: Partial<ItemOf<F>> | undefined;
  /** The time; the clocks are read if it is left out. */
  readonly now?: Now | undefined;
}

/** A batch that is ready to be sent. */
export interface Submission {
  /** The batch's number. */
  readonly batch: number;
  /** Which call to make. */
  readonly family: Family;
  /** The body to PUT. Send exactly these bytes again if no response arrived. */
  readonly body: Uint8Array;
  /** How many items it has. */
  readonly items: number;
  /**
   * The shortest timeout of the items, in milliseconds. Do not send the body again once it has passed: by then nobody expects that
   * command to be executed.
   */
  readonly patienceMs: number;
}

/**
 * Whether there is more to send for a batch. `"settled"`: nothing. `"resend"`: it is not known whether the service took it; send the
 * same body again later (after `resend`), or leave the items to their deadlines.
 */
export type SendState = "settled" | "resend";

/**
 * Submits batches, reads responses and channel messages, and ends every item exactly once. It does no I/O and has no
 * timer.
 *
 * Four kinds of methods: getters; `handle…` inputs; commands (`submit`, `resend`, `cancel`); `poll…` outputs. After a call of
 * any other kind, drain `pollEvents` and arrange for `handleTimeout` at `pollTimeout`. Draining later only delays events, and extra
 * calls are harmless. `submit` registers the items before anything is sent, so no answer can come too early.
 */
export class Requester {
  /** The org that this requester speaks for. */
  readonly orgId: string;
  readonly #native: InstanceType<typeof native.NativeRequester>;
  /** Names it in calls that are made often, which do not unwrap the object. */
  readonly #number: number;
  /** Events drained and not polled yet. */
  #left: Event[] = [];

  constructor(orgId: string, options: RequesterOptions = {}) {
    if (typeof orgId !== "string") throw new TypeError(`orgId must be a string, not ${kindOf(orgId)}`);
    this.orgId = orgId;
    try {
      this.#native = new native.NativeRequester(orgId, JSON.stringify(options), randomBytes(32));
      this.#number = this.#native.number;
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** Items that have not ended. */
  get openItems(): number {
    return call(() => this.#native.openItems());
  }

  /**
   * Builds a batch from items, or takes a complete body unchanged. Then PUT `submission.body` to the family's path (`FAMILIES`).
   *
   * Items of an array without a request id get a UUIDv7. The batch may hold items that the service will refuse.
   *
   * Throws a `RequestError` if the body as a whole cannot be used, an `InUseError` if a request id is in use here, a `FullError` if
   * too many items are open, and an `EncodeError` if an item holds a value that JSON cannot represent. Nothing is registered then.
   */
  submit<F extends Family = "invoke">(body: BatchOf<F>, options: SubmitOptions<F> = {}): Submission {
    const { now } = options;
    const family = options.family ?? "invoke";
    let bytes: Uint8Array;
    if (body instanceof Uint8Array) bytes = body;
    else if (typeof body === "string") bytes = bytesOf(body, "body");
    else bytes = encodeItems(this.#completed(expectItems(body), options.defaults, now));
    let batch = this.#submit(family, bytes, now);
    if (Number.isNaN(batch)) {
      // Other threads can write to the body, so a copy is submitted.
      bytes = Uint8Array.from(bytes);
      batch = this.#submit(family, bytes, now);
    }
    const [items, patienceMs] = submitted as unknown as [number, number];
    return { batch, family, body: bytes, items, patienceMs };
  }

  /** Submits a body: returns the batch's number, and leaves the rest in `submitted`. */
  #submit(family: Family, body: Uint8Array, now: Now | undefined): number {
    const number = FAMILY_NAMES.indexOf(family);
    if (number < 0) throw new TypeError(`family: ${JSON.stringify(family)} is none; it is "invoke" or "write"`);
    try {
      return native.submit(this.#number, number, body, submittedBytes, monotonic(now), epoch(now));
    } catch (error) {
      throw errorOf(error);
    }
  }

  /**
   * Call it when the batch's body is sent again: the service may receive it only now, so the items' deadlines here start again.
   */
  resend(batch: number, now?: Now): void {
    call(() => this.#native.resend(batch, monotonic(now), epoch(now)));
  }

  /** Ends the batch's open items with `Cancelled`. Commands that were sent may still be executed. */
  cancel(batch: number): void {
    call(() => this.#native.cancel(batch));
  }

  /**
   * Takes the HTTP response to the batch.
   *
   * Throws a `MessageError` if it is not a response of this protocol, for instance a proxy's: the items stay open, and the body may
   * be sent again.
   */
  handleResponse(batch: number, body: Bytes, now?: Now): SendState {
    const bytes = bytesOf(body, "body");
    return sendState(call(() => this.#native.handleResponse(batch, bytes, monotonic(now), epoch(now))));
  }

  /**
   * The attempt failed and certainly nothing was sent, for instance because no connection could be made. Ends the items as
   * refused, unless an earlier attempt may have arrived.
   */
  handleNotSent(batch: number, reason: string): SendState {
    return sendState(call(() => this.#native.handleNotSent(batch, reason)));
  }

  /**
   * Takes a message from the channel. Returns the number of replies in it, including those that end no item.
   *
   * Throws a `MessageError` if it is not a channel message; nothing of it is used then.
   */
  handleMessage(body: Bytes): number {
    const bytes = body instanceof Uint8Array ? body : bytesOf(body, "body");
    try {
      const replies = native.handleMessage(this.#number, bytes);
      // Other threads can write to the message, so a copy is read.
      return Number.isNaN(replies) ? native.handleMessage(this.#number, Uint8Array.from(bytes)) : replies;
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** Ends the items whose deadline and grace period have passed. */
  handleTimeout(now?: Now): void {
    call(() => this.#native.handleTimeout(monotonic(now), epoch(now)));
  }

  /** The events since the last call, in order; at most `most` of them, if given. */
  pollEvents(most = Number.POSITIVE_INFINITY): Event[] {
    // NaN counts as 0.
    const bound = Math.max(0, most) || 0;
    let events = this.#left;
    while (events.length < bound) {
      const block = call(() => drain(this.#number));
      if (block === null) break;
      const drained = eventsOf(block);
      if (events.length === 0) events = drained;
      else for (const event of drained) events.push(event);
      if (!block.hasMore) break;
    }
    this.#left = events.length > bound ? events.splice(bound) : [];
    return events;
  }

  /**
   * When to call `handleTimeout` next, on the monotonic clock of `Now`, in milliseconds; null while no item is open. It may be a
   * little earlier than the next deadline, never later.
   */
  pollTimeout(): number | null {
    const at = call(() => this.#native.pollTimeout());
    return at < 0 ? null : at;
  }

  /** The items, with request ids and defaults filled in. */
  #completed(items: readonly object[], defaults: object | undefined, now: Now | undefined): readonly object[] {
    const fields = Object.entries(defaults ?? {}).filter(([, value]) => !isNothing(value));
    const nameless = items.filter((item) => isItem(item) && isNothing(item["requestId"])).length;
    if (nameless === 0 && fields.length === 0) return items;
    const ids = nameless === 0 ? "" : call(() => this.#native.newRequestIds(nameless, epoch(now)));
    let at = 0;
    return items.map((item) => {
      if (!isItem(item)) return item;
      const complete: Item = { ...item };
      for (const [name, value] of fields) {
        if (isNothing(complete[name])) complete[name] = value;
      }
      if (isNothing(item["requestId"])) {
        complete["requestId"] = ids.slice(at, at + ID);
        at += ID;
      }
      return complete;
    });
  }
}

/** Reads both clocks. */
export function readNow(): Now {
  return { monotonicMs: native.monotonicMs(), epochMs: Date.now() };
}

/** The families in the order of `Family::ALL`: the native half takes their index. */
const FAMILY_NAMES: readonly Family[] = ["invoke", "write"];

/** Where the native half writes the number of items and the patience of a submitted batch. */
const submitted = new Float64Array(2);
const submittedBytes = new Uint8Array(submitted.buffer);

type Item = Record<string, unknown>;

/** Characters of a UUID. */
const ID = 36;

function isItem(item: unknown): item is Item {
  return typeof item === "object" && item !== null && !Array.isArray(item);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function call<R>(work: () => R): R {
  try {
    return work();
  } catch (error) {
    throw errorOf(error);
  }
}

function sendState(isSettled: boolean): SendState {
  return isSettled ? "settled" : "resend";
}

function monotonic(now: Now | undefined): number {
  return now?.monotonicMs ?? Number.NaN;
}

function epoch(now: Now | undefined): number {
  return now?.epochMs ?? Number.NaN;
}
