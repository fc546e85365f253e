// Owns the requester of a client: gives it its inputs and delivers its events.
//
// It never waits, so a slow consumer, source or service cannot block it.

import { type Requester, readNow } from "../engine.js";
import { MessageError } from "../errors.js";
import type { Event, LateEvent, Summary } from "../events.js";
import type { BatchOf, Family } from "../items.js";
import { SourceEndedError } from "./errors.js";
import type { Feeds } from "./feeds.js";
import type { Attempt } from "./http.js";
import { warn } from "./log.js";
import { type Judge, type Next, type Sending, send } from "./send.js";
import type { Release } from "./slots.js";
import type { SourceEvent } from "./sources/events.js";
import type { Taker } from "./sources/pump.js";

/** The longest sleep while items are open, in ms: timers elsewhere stand still while the machine is suspended. */
const LONGEST_SLEEP_MS = 1_000;

/** A batch as the caller gave it: items, or a complete body. */
export interface Work {
  readonly family: Family;
  readonly content: BatchOf<Family>;
  /** Values for items that lack them, by field. */
  readonly defaults: Readonly<Record<string, string | number>>;
}

/** A batch's place in the driver. Holds at most two events an item and one for the batch, so it needs no bound. */
export class Ticket {
  readonly batch: number;
  readonly items: number;
  /** How the items ended; null while one is open. */
  summary: Summary | null = null;
  readonly #events: Event[] = [];
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(batch: number, items: number) {
    this.batch = batch;
    this.items = items;
  }

  /** The next event, if there is one already. */
  take(): Event | undefined {
    const event = this.#events[this.#taken];
    if (event === undefined) return undefined;
    this.#taken += 1;
    // What was read is let go of, and not one by one.
    if (this.#taken === this.#events.length) {
      this.#events.length = 0;
      this.#taken = 0;
    }
    return event;
  }

  put(event: Event): void {
    this.#events.push(event);
  }

  /** Waits until `wake`. */
  more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends a wait: there are events, or something else has changed. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

interface Open {
  readonly ticket: Ticket;
  readonly ending: AbortController;
}

/** One requester, and all that is under way for it. */
export class Driver implements Judge, Taker {
  readonly #requester: Requester;
  readonly #sending: Sending;
  readonly #feeds: Feeds;
  readonly #open = new Map<number, Open>();
  readonly #senders = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = 0;
  #isDelivering = false;
  #ended: { name: string; reason: string } | undefined;

  constructor(requester: Requester, sending: Sending, feeds: Feeds) {
    this.#requester = requester;
    this.#sending = sending;
    this.#feeds = feeds;
  }

  /**
   * Submits a batch and starts to send it; the caller's slot goes with it.
   *
   * Throws what `Requester.submit` throws, and `SourceEndedError`; then nothing was sent and the slot is the caller's.
   */
  submit({ family, content, defaults }: Work, release: Release): Ticket {
    if (this.#ended !== undefined) throw new SourceEndedError(this.#ended.name, this.#ended.reason);
    const { batch, items, body, patienceMs } = this.#requester.submit(content, { family, defaults });
    const ticket = new Ticket(batch, items);
    const ending = new AbortController();
    this.#open.set(batch, { ticket, ending });
    const sender = send(this.#sending, { batch, family, body, patienceMs }, release, this, ending.signal)
      // Only a bug leads here; the items are left to their deadlines.
      .catch((error: unknown) => warn(`sending batch ${batch}`, error))
      .finally(() => this.#senders.delete(sender));
    this.#senders.add(sender);
    this.#settle();
    return ticket;
  }

  /** Ends the batch's open items; harmless if it has ended. */
  cancel(batch: number): void {
    if (!this.#open.has(batch)) return;
    this.#requester.cancel(batch);
    this.#settle();
  }

  resending(batch: number): void {
    this.#requester.resend(batch);
    this.#settle();
  }

  attempted(batch: number, attempt: Attempt): Next {
    let isSettled = false;
    if (attempt.kind === "response") isSettled = this.#response(batch, attempt.status, attempt.body);
    else if (attempt.kind === "notSent") isSettled = this.#notSent(batch, attempt.reason);
    this.#settle();
    return isSettled ? "done" : "again";
  }

  sourceEvent(source: string, event: SourceEvent): void {
    if (event instanceof Uint8Array) {
      try {
        this.#requester.handleMessage(event);
      } catch (error) {
        if (!(error instanceof MessageError)) throw error;
        this.#feeds.late({ kind: "unreadable", reason: `a message from ${source}: ${error.message}` });
      }
      this.#settle();
    } else if (event.kind === "unreadable") {
      this.#feeds.late({ kind: "unreadable", reason: `${source}: ${event.reason}` });
    } else {
      this.#feeds.tell({ kind: event.kind, source, reason: event.kind === "connected" ? null : event.reason });
    }
  }

  sourceEnded(name: string, reason: string): void {
    this.#ended = { name, reason };
    this.#feeds.tell({ kind: "ended", source: name, reason });
  }

  /** Cancels what is open, in the order of the calls. Resolved when nothing is being sent any more. */
  async shutDown(): Promise<void> {
    for (const { ending } of this.#open.values()) ending.abort();
    for (const batch of [...this.#open.keys()]) this.#requester.cancel(batch);
    this.#settle();
    this.#feeds.close();
    clearTimeout(this.#timer);
    await Promise.all(this.#senders);
  }

  #notSent(batch: number, reason: string): boolean {
    return this.#requester.handleNotSent(batch, reason) === "settled";
  }

  /** Whether there is nothing more to send. */
  #response(batch: number, status: number, body: Uint8Array): boolean {
    let reason: string;
    try {
      return this.#requester.handleResponse(batch, body) === "settled";
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      reason = `HTTP ${status} without a Setpoint answer (${error.message}); check the URL`;
    }
    this.#feeds.late({ kind: "unreadable", reason: `the response to batch ${batch}: ${reason}` });
    // With such a status something other than the service refused it and passed nothing on. After any other, such as a proxy's 502,
    // the service may have received the batch.
    return status >= 300 && status < 500 && this.#notSent(batch, reason);
  }

  /** Called after every input: delivers the events and sets the timer. */
  #settle(): void {
    // A handler of the caller's may call the client: those events are delivered by the loop below.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (let events = this.#requester.pollEvents(); events.length > 0; events = this.#requester.pollEvents()) {
        this.#deliver(events);
      }
    } finally {
      this.#isDelivering = false;
    }
    this.#setTimer();
  }

  #deliver(events: readonly Event[]): void {
    const touched = new Set<Ticket>();
    for (const event of events) {
      if (isLate(event)) {
        this.#feeds.late(event);
        continue;
      }
      const open = this.#open.get(event.batch);
      if (open === undefined) continue;
      if (event.kind === "batchDone") {
        this.#open.delete(event.batch);
        // All its items have ended: an attempt that is under way is of no use.
        open.ending.abort();
        open.ticket.summary = event.summary;
      }
      open.ticket.put(event);
      touched.add(open.ticket);
    }
    for (const ticket of touched) ticket.wake();
  }

  #setTimer(): void {
    const at = this.#requester.pollTimeout();
    if (at === null) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = readNow().monotonicMs;
    const wakeAt = Math.min(Math.max(at, now), now + LONGEST_SLEEP_MS);
    if (this.#timer !== undefined) {
      // Waking up too early is harmless, and cheaper than a new timer for every input.
      if (this.#timerAt <= wakeAt) return;
      clearTimeout(this.#timer);
    }
    this.#timerAt = wakeAt;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#requester.handleTimeout();
      this.#settle();
    }, wakeAt - now);
    // The connections of the sources keep a process alive, not this timer.
    this.#timer.unref();
  }
}

function isLate(event: Event): event is LateEvent {
  const { kind } = event;
  return kind === "late" || kind === "duplicate" || kind === "unknown" || kind === "unreadable";
}
