// The caller's side of the conversation, for people with an HTTP client and a message queue of their own.

import { randomBytes } from "node:crypto";

import { type Bytes, bytesOf, kindOf } from "./bytes.js";
import { drain } from "./drain.js";
import { encodeItems, expectItems } from "./encode.js";
import { type Event, eventsOf } from "./events.js";
import type { BatchOf, Family, ItemOf, Limits, Now } from "./items.js";
import { errorOf, native } from "./native.js";

/** Bounds and allowances of a requester. What is left out has the engine's default. */
export interface RequesterOptions {
  /** Bounds on what one message may cost to read. */
  readonly limits?: Limits | undefined;
  /** Most items open at once; 1,000,000. */
  readonly openItems?: number | undefined;
  /** How long after an item's own deadline its outcome may still be on its way, in milliseconds; 5,000. */
  readonly graceMs?: number | undefined;
  /** Most ended items remembered, to tell late and duplicate replies from unknown ones; 100,000. */
  readonly remembered?: number | undefined;
}

/** How a batch is submitted. */
export interface SubmitOptions<F extends Family = Family> {
  /** Which family the batch is of; `"invoke"` if left out. */
  readonly family?: F;
  /** Values for the fields that an item of an array does not have, or has as null or `""`. */
  readonly defaults?: Partial<ItemOf<F>> | undefined;
  /** The time; the clocks are read if it is left out. */
  readonly now?: Now | undefined;
}

/** A batch that is ready to be sent. */
export interface Submission {
  /** The batch's number from here on. */
  readonly batch: number;
  /** Which call to make. */
  readonly family: Family;
  /** The body to PUT. Send exactly these bytes again if no response arrived. */
  readonly body: Uint8Array;
  /** How many items it has. */
  readonly items: number;
  /**
   * Once so many milliseconds have passed, nobody expects every command to be carried out any more: do not send the
   * body again.
   */
  readonly patienceMs: number;
}

/**
 * What a response, or the lack of one, means for whoever sends the batch. `"settled"`: there is nothing more to send.
 * `"resend"`: what an earlier attempt achieved is not known; send the same body again later (after `resend`), or leave the
 * items to their deadlines.
 */
export type SendState = "settled" | "resend";

/**
 * Submits batches, reads responses and channel messages, and ends every item exactly once. It does no I/O and has no
 * timer.
 *
 * Four kinds of methods: getters; `handle…` inputs; commands (`submit`, `resend`, `cancel`); `poll…` outputs. After
 * anything else, drain `pollEvents` and arrange for `handleTimeout` at `pollTimeout`. Draining late is only late, and spurious
 * calls are harmless. Items are known from `submit` on, before anything is sent, so that no answer can come too early.
 */
export class Requester {
  /** The org that this requester speaks for. */
  readonly orgId: string;
  readonly #native: InstanceType<typeof native.NativeRequester>;
  /** By which it is found where there is no time to unwrap it. */
  readonly #number: number;
  /** What was drained and not polled yet. */
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
   * Builds a batch from items, or takes a body that was written elsewhere as it is. PUT `submission.body` to the family's
   * path (`FAMILIES`) then.
   *
   * Items of an array without a request id get a UUIDv7. Items that the service is going to refuse may be in it.
   *
   * Throws a `RequestError` if the body is not usable as a whole, an `InUseError` if a request id is in use here, a `FullError`
   * if too many items are open, and an `EncodeError` if an item holds what is no JSON. Nothing is kept then.
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
      // Other threads may write to it: what they cannot see is taken.
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
   * Notes that the batch's body is being sent once more: the service's clock may start only now, so the items'
   * deadlines here start again too.
   */
  resend(batch: number, now?: Now): void {
    call(() => this.#native.resend(batch, monotonic(now), epoch(now)));
  }

  /** Ends the batch's open items with `Cancelled`. What was sent may still be executed. */
  cancel(batch: number): void {
    call(() => this.#native.cancel(batch));
  }

  /**
   * The HTTP response to the batch.
   *
   * Throws a `MessageError` if it is not an answer of this protocol, as from a proxy: the items stay open, and the body may
   * be sent again.
   */
  handleResponse(batch: number, body: Bytes, now?: Now): SendState {
    const bytes = bytesOf(body, "body");
    return sendState(call(() => this.#native.handleResponse(batch, bytes, monotonic(now), epoch(now))));
  }

  /**
   * The attempt is over and certainly nothing was sent, for instance because no connection could be made. Ends the
   * items as refused, unless an earlier attempt may have arrived.
   */
  handleNotSent(batch: number, reason: string): SendState {
    return sendState(call(() => this.#native.handleNotSent(batch, reason)));
  }

  /**
   * A message from the channel. Returns how many replies it carried, also those that end nothing.
   *
   * Throws a `MessageError` if it is no channel message; nothing of it was used then.
   */
  handleMessage(body: Bytes): number {
    const bytes = body instanceof Uint8Array ? body : bytesOf(body, "body");
    try {
      const replies = native.handleMessage(this.#number, bytes);
      // Other threads may write to it: what they cannot see is read.
      return Number.isNaN(replies) ? native.handleMessage(this.#number, Uint8Array.from(bytes)) : replies;
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** Ends what has been waited for long enough. */
  handleTimeout(now?: Now): void {
    call(() => this.#native.handleTimeout(monotonic(now), epoch(now)));
  }

  /** What happened since the last time, in order; at most so many events, if `most` is given. */
  pollEvents(most = Number.POSITIVE_INFINITY): Event[] {
    // What is no number is no event.
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
   * When to call `handleTimeout` next, on the monotonic clock of `Now`, in milliseconds; null while nothing is open. At
   * times a little earlier than necessary, never later.
   */
  pollTimeout(): number | null {
    const at = call(() => this.#native.pollTimeout());
    return at < 0 ? null : at;
  }

  /** The items with what they lack. */
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

/** By their places in here the native half knows the families. */
const FAMILY_NAMES: readonly Family[] = ["invoke", "write"];

/** What the native half says of the batch that was submitted last: how many items it has, and its patience. */
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
