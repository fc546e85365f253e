// Events that belong to no batch: late replies, changes of the channel; and their counters.

import type { Duplicate, Late, Unknown } from "../events.js";
import { warn } from "./log.js";

/** A reply that ends nothing; or a message or response that could not be read at all. */
export type LateReply = Late | Duplicate | Unknown | { readonly kind: "unreadable"; readonly reason: string };

/** A change of the connection on which outcomes come. */
export interface ChannelEvent {
  /**
   * `disconnected`: lost, or it still cannot be made; the source goes on trying. `connected`: it is back. `gap`:
   * messages may have been missed, and items whose outcome was among them will time out. `ended`: for good; the client
   * takes no more batches.
   */
  readonly kind: "disconnected" | "connected" | "gap" | "ended";
  /** Which source. */
  readonly source: string;
  /** Why; null for `connected`. */
  readonly reason: string | null;
}

/** Counters of events that belong to no batch, since the client was opened. */
export interface Stats {
  /** Outcomes of items that had ended before. */
  readonly late: number;
  /** Replies that repeated an outcome. */
  readonly duplicate: number;
  /** Replies under a request id that is not known here. */
  readonly unknown: number;
  /** Replies, messages and responses that could not be read. */
  readonly unreadable: number;
  /** Times at which a source lost its connection, or found a new reason why it cannot be made. */
  readonly disconnects: number;
  /** Times at which messages may have been missed. */
  readonly gaps: number;
}

/** The events of the client's handlers, by name. */
export interface ClientEvents {
  /** A reply that ends nothing. */
  late: LateReply;
  /** A change of the connection on which outcomes come. */
  channel: ChannelEvent;
}

/**
 * Events since it was made, as an async iterator. It ends when the client closes, or when the loop over it is left.
 *
 * Its buffer is bounded. Events that come while it is full are dropped and counted in `missed`.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #room: number;
  readonly #leave: (feed: Feed<T>) => void;
  #events: T[] = [];
  #missed = 0;
  #isClosed = false;
  #waiting: ((result: IteratorResult<T>) => void)[] = [];

  /** @internal */
  constructor(room: number, leave: (feed: Feed<T>) => void) {
    this.#room = Math.max(room, 1);
    this.#leave = leave;
  }

  /** How many events were dropped because the buffer was full. */
  get missed(): number {
    return this.#missed;
  }

  /** The next event. */
  next(): Promise<IteratorResult<T>> {
    if (this.#events.length > 0) return Promise.resolve({ done: false, value: this.#events.shift() as T });
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the feed and drops what is unread. Leaving a `for await` loop does it. */
  return(): Promise<IteratorResult<T>> {
    this.#leave(this);
    this.close();
    this.#events = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  put(event: T): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting({ done: false, value: event });
    else if (this.#events.length < this.#room) this.#events.push(event);
    else this.#missed += 1;
  }

  /** @internal */
  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#waiting) waiting({ done: true, value: undefined });
    this.#waiting = [];
  }
}

/** The handlers and feeds for such events, and the counters. */
export class Feeds {
  readonly #room: number;
  readonly #late = new Set<Feed<LateReply>>();
  readonly #channel = new Set<Feed<ChannelEvent>>();
  readonly #handlers: { [K in keyof ClientEvents]: Set<(event: ClientEvents[K]) => unknown> } = {
    late: new Set(),
    channel: new Set(),
  };
  readonly #counts = { late: 0, duplicate: 0, unknown: 0, unreadable: 0, disconnects: 0, gaps: 0 };
  #isClosed = false;

  /** `room` is how many unread events a feed keeps. */
  constructor(room: number) {
    this.#room = room;
  }

  /** The counters, as they are now. */
  get stats(): Stats {
    return { ...this.#counts };
  }

  /** Replies that end nothing, from now on. */
  lateEvents(): Feed<LateReply> {
    return this.#subscribe(this.#late);
  }

  /** Changes of the channel, from now on. */
  channelEvents(): Feed<ChannelEvent> {
    return this.#subscribe(this.#channel);
  }

  on<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => unknown): void {
    this.#handlers[name].add(handler);
  }

  off<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => unknown): void {
    this.#handlers[name].delete(handler);
  }

  /** Counts a reply that ends nothing, and tells everybody who asked for it. */
  late(event: LateReply): void {
    this.#counts[event.kind] += 1;
    for (const feed of this.#late) feed.put(event);
    this.#call("late", event);
  }

  /** Counts a change of the channel, and tells everybody who asked for it. */
  tell(event: ChannelEvent): void {
    if (event.kind === "disconnected") this.#counts.disconnects += 1;
    if (event.kind === "gap") this.#counts.gaps += 1;
    for (const feed of this.#channel) feed.put(event);
    this.#call("channel", event);
  }

  /** Ends every feed. */
  close(): void {
    this.#isClosed = true;
    for (const feed of [...this.#late, ...this.#channel]) feed.close();
    this.#late.clear();
    this.#channel.clear();
  }

  #call<K extends keyof ClientEvents>(name: K, event: ClientEvents[K]): void {
    for (const handler of [...this.#handlers[name]]) {
      try {
        const result = handler(event);
        // An async handler fails later, and would otherwise end the process.
        if (result instanceof Promise) result.catch((error: unknown) => warn(`a handler of "${name}"`, error));
      } catch (error) {
        warn(`a handler of "${name}"`, error);
      }
    }
  }

  #subscribe<T>(feeds: Set<Feed<T>>): Feed<T> {
    const feed = new Feed<T>(this.#room, (left) => feeds.delete(left));
    // A feed made after the end is closed at once.
    if (this.#isClosed) feed.close();
    else feeds.add(feed);
    return feed;
  }
}
