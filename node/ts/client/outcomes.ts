// The outcomes of a batch: events as they come, or all results at once.

import type { Ended, Event, Summary } from "../events.js";
import type { Driver, Ticket } from "./driver.js";
import { ClosedError } from "./errors.js";
import { warn } from "./log.js";

/** What `progress` takes: a progress bar, or anything else with this method. */
export interface Progress {
  /** `n` more items have ended. */
  update(ended: number): unknown;
}

/** Options of a call that sends a batch. */
export interface BatchOptions {
  /**
   * Gets an `update(1)` for each item that ended, when its event is read. If that fails, a warning of the process says so, and
   * nothing else happens.
   */
  readonly progress?: Progress | undefined;
  /** Cancels the batch: whoever waits for an outcome gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a call with a list of items. */
export interface ItemsOptions extends BatchOptions {
  /** The timeout of items that name none, in ms, 1 to 300,000. */
  readonly timeoutMs?: number | undefined;
}

/** Cancels the batch of an iteration that was garbage-collected; harmless if the batch has ended. */
const dropped = new FinalizationRegistry(({ driver, batch }: { driver: Driver; batch: number }) =>
  driver.cancel(batch),
);

/**
 * The outcomes of one batch as they come: `for await (const outcome of client.invoke(items))` yields one event for each
 * item, in the order in which they end, and then stops.
 *
 * The batch is sent when the iteration starts. Whatever ends the iteration early cancels the batch: leaving the loop, `cancel`, the
 * signal, or dropping this object (with a `signal`, only together with that), once it is collected. A request under way is then
 * aborted, and replies for items that the service had already taken are "late" events. The devices may execute them all the same.
 *
 * Reading events late loses none and blocks nobody else.
 */
export class Outcomes implements AsyncIterableIterator<Ended> {
  readonly #driver: Driver;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: Progress | undefined;
  // Sends the batch; undefined once it was called, or if it never will be.
  #start: (() => Promise<Ticket>) | undefined;
  #started: Promise<Ticket> | undefined;
  #ticket: Ticket | undefined;
  readonly #abort = (): void => {
    this.#isAborted = true;
    this.cancel();
    this.#ticket?.wake();
  };
  #isAborted = false;
  /** The call of `next` before the one to come. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(start: () => Promise<Ticket>, driver: Driver, { signal, progress }: BatchOptions) {
    this.#start = start;
    this.#driver = driver;
    this.#signal = signal;
    this.#progress = progress;
  }

  /** The batch, as its events name it; null before it was sent. */
  get batch(): number | null {
    return this.#ticket?.batch ?? null;
  }

  /** How the items ended; null while one is open. */
  get summary(): Summary | null {
    return this.#ticket?.summary ?? null;
  }

  /**
   * The next item that ended.
   *
   * Rejects with what the submission throws, and then nothing was sent: `RequestError`, `InUseError`, `FullError`,
   * `EncodeError`, `NoChannelError`, `NotListeningError`, `SourceEndedError`, `ClosedError`; and with the signal's
   * reason.
   */
  next(): Promise<IteratorResult<Ended>> {
    // Concurrent calls take their turns.
    const turn = this.#turn.then(() => this.#nextEnded());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Cancels the batch and reads nothing more. Leaving a `for await` loop does it. */
  return(): Promise<IteratorResult<Ended>> {
    this.cancel();
    while (this.#ticket?.take() !== undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** All events of the batch instead: `Accepted` as well, and `BatchDone` as the last one. */
  async *events(): AsyncGenerator<Event, void, undefined> {
    try {
      for (let event = await this.#next(); event !== undefined; event = await this.#next()) yield event;
    } finally {
      await this.return();
    }
  }

  /** Cancels the batch. Its open items end with `Cancelled`, which can still be read; harmless if it has ended. */
  cancel(): void {
    this.#start = undefined;
    this.#signal?.removeEventListener("abort", this.#abort);
    if (this.#ticket !== undefined) this.#driver.cancel(this.#ticket.batch);
  }

  async #nextEnded(): Promise<IteratorResult<Ended>> {
    for (;;) {
      const event = await this.#next();
      if (event === undefined) return { done: true, value: undefined };
      if (isEnded(event)) return { done: false, value: event };
    }
  }

  async #next(): Promise<Event | undefined> {
    const ticket = await this.#begin();
    for (;;) {
      if (this.#isAborted) throw this.#signal?.reason;
      const event = ticket?.take();
      if (event?.kind === "batchDone") this.#signal?.removeEventListener("abort", this.#abort);
      if (event !== undefined && isEnded(event)) this.#advance();
      if (event !== undefined || ticket === undefined || ticket.summary !== null) return event;
      await ticket.more();
    }
  }

  #advance(): void {
    try {
      this.#progress?.update(1);
    } catch (error) {
      warn("progress", error);
    }
  }

  /** The batch's ticket, once it was sent; undefined if it never will be. */
  async #begin(): Promise<Ticket | undefined> {
    const start = this.#start;
    if (start !== undefined) {
      this.#start = undefined;
      this.#started = start();
    }
    const ticket = await this.#started;
    if (start !== undefined && ticket !== undefined) {
      this.#ticket = ticket;
      dropped.register(this, { driver: this.#driver, batch: ticket.batch });
      if (this.#signal?.aborted) this.#abort();
      else this.#signal?.addEventListener("abort", this.#abort);
    }
    return ticket;
  }
}

function isEnded(event: Event): event is Ended {
  const { kind } = event;
  return kind === "refused" || kind === "finished" || kind === "timedOut" || kind === "cancelled";
}

/** One item's end as plain data, a row of a table. */
export interface ResultRecord {
  index: number;
  requestId: string | null;
  kind: Ended["kind"];
  ok: boolean;
  code: number | null;
  msg: string | null;
  submsg: string | null;
  target: string | null;
  assetId: string | null;
  productKey: string | null;
  deviceKey: string | null;
  gmtServiceReply: number | null;
  gmtDeviceReply: number | null;
  output: Record<string, unknown> | null;
}

/** How every item of a batch ended, in the order of the items. Its array methods return plain arrays. */
export class Results extends Array<Ended> {
  /** How many ended in which way. */
  readonly summary: Summary;

  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** @internal */
  constructor(events: readonly Ended[], summary: Summary) {
    super();
    for (const event of events) this[event.index] = event;
    this.summary = summary;
  }

  /** Whether every item ended with success. */
  get ok(): boolean {
    return this.summary.succeeded === this.summary.submitted;
  }

  /** One object for each item, with the output parsed: for `console.table`, CSV and the like. */
  toRecords(): ResultRecord[] {
    return Array.from(this, recordOf);
  }
}

function recordOf(event: Ended): ResultRecord {
  const { index, requestId, kind, ok, code, msg, submsg, output } = event;
  const outcome = event.kind === "finished" || event.kind === "timedOut" ? event.outcome : null;
  return {
    ...{ index, requestId, kind, ok, code, msg, submsg },
    target: outcome?.target ?? null,
    assetId: outcome?.assetId ?? null,
    productKey: outcome?.productKey ?? null,
    deviceKey: outcome?.deviceKey ?? null,
    gmtServiceReply: outcome?.gmtServiceReply ?? null,
    gmtDeviceReply: outcome?.gmtDeviceReply ?? null,
    output,
  };
}

/** Waits until every item has ended. */
export async function collect(outcomes: Outcomes): Promise<Results> {
  const ended: Ended[] = [];
  for await (const event of outcomes) ended.push(event);
  // Only a bug leads here: the client lost the batch.
  if (outcomes.summary === null) throw new ClosedError();
  return new Results(ended, outcomes.summary);
}
