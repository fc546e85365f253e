// Sends batches of device commands and ends every item exactly once.

import { Requester } from "../engine.js";
import type { Family, InvokeItem, WriteItem } from "../items.js";
import { FAMILIES } from "../tables.js";
import { Channels } from "./channels.js";
import { Driver, type Work } from "./driver.js";
import { ClosedError } from "./errors.js";
import { type ChannelEvent, type ClientEvents, type Feed, Feeds, type LateReply, type Stats } from "./feeds.js";
import { Http } from "./http.js";
import { warn } from "./log.js";
import { type BatchOptions, collect, type ItemsOptions, Outcomes, type Results } from "./outcomes.js";
import { type ClientOptions, Settings } from "./settings.js";
import { Slots } from "./slots.js";
import type { ChannelSource } from "./sources/events.js";
import { run } from "./sources/pump.js";

/** How long sources may take to close, in ms. */
const CLOSING_MS = 3_000;

/** What a client is made of. */
interface Parts {
  readonly settings: Settings;
  readonly timeoutMs: number | undefined;
  readonly requester: Requester;
  readonly channels: Channels;
  readonly slots: Slots;
  readonly feeds: Feeds;
  readonly driver: Driver;
  readonly sources: readonly ChannelSource[];
}

/**
 * Sends batches to the service at one URL and hears their outcomes.
 *
 * ```ts
 * await using client = await Client.open("http://127.0.0.1:8080", { orgId: "o1", channel: "DATASVC.CONTROL.ops" });
 * for await (const outcome of client.invoke([{ assetId: "turbine-7", serviceId: "start" }])) {
 *   console.log(outcome.requestId, outcome.ok, outcome.output);
 * }
 * ```
 *
 * - It listens before it sends, so the fastest outcome is not missed.
 * - If a response is lost, it sends the same body again; the service executes no command twice.
 * - Items that were certainly never sent end as refused; those that may have been sent stay open until their deadlines.
 * - A lost channel is connected again and resumed; where outcomes may have been missed, "channel" tells of a gap.
 * - Every wait can be aborted: the batch is then cancelled, and no other call receives its answer.
 *
 * The connections on which it listens keep the process alive until it is closed.
 */
export class Client implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #closing = new AbortController();
  readonly #pumps: readonly Promise<void>[];
  #closed: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#pumps = parts.sources.map((source) => run(source, parts.driver, this.#closing.signal));
  }

  /**
   * Connects and subscribes, so that from here on no outcome can be missed.
   *
   * Rejects with `SettingError` for a setting that cannot be used, with `SourceError` if a channel cannot be listened
   * on, with `createChannels` with what `Channels.create` throws, and with the reason of the signal, which breaks off
   * this call alone.
   */
  static async open(url: string, options: ClientOptions & { readonly signal?: AbortSignal }): Promise<Client> {
    const { signal, limits, openItems, graceMs, remembered } = options;
    signal?.throwIfAborted();
    const settings = new Settings(options);
    const http = new Http(url, settings.orgId, settings.replyBytes, options.fetch ?? ((...call) => fetch(...call)));
    const channels = new Channels(http, settings.responseTimeoutMs);
    const requester = new Requester(settings.orgId, { limits, openItems, graceMs, remembered });
    const sources = settings.sources(http);
    const opened: ChannelSource[] = [];
    try {
      if (options.createChannels) for (const id of settings.channels) await channels.ensure(id, { signal });
      for (const source of sources) {
        opened.push(source);
        await source.open(signal);
        signal?.throwIfAborted();
      }
    } catch (error) {
      // If one cannot be opened, the others are closed.
      await closeAll(opened);
      throw signal?.aborted ? signal.reason : error;
    }
    const slots = new Slots(settings.requestsUnderWay);
    const feeds = new Feeds(settings.lateBuffer);
    const urls = { invoke: http.url(FAMILIES.invoke.path), write: http.url(FAMILIES.write.path) };
    const { responseTimeoutMs, connectAttempts, backoffMs } = settings;
    const sending = { http, urls, slots, responseTimeoutMs, connectAttempts, backoffMs };
    const driver = new Driver(requester, sending, feeds);
    const { timeoutMs } = options;
    return new Client({ settings, timeoutMs, requester, channels, slots, feeds, driver, sources });
  }

  /**
   * The outcomes of a batch of invokes, as they come. The batch is sent when the iteration starts; while as many
   * requests are under way as the client may have, it waits.
   *
   * Throws `ClosedError`.
   */
  invoke(items: readonly InvokeItem[], options?: ItemsOptions): Outcomes {
    return this.#items("invoke", items, options);
  }

  /** The outcomes of a batch of writes; otherwise as `invoke`. */
  write(items: readonly WriteItem[], options?: ItemsOptions): Outcomes {
    return this.#items("write", items, options);
  }

  /**
   * The outcomes of a complete body, which is sent byte for byte.
   *
   * It may hold items that the service will refuse, and no channel is filled in or checked: the outcomes of a
   * channel on which this client does not listen are never seen here, and their items time out.
   */
  sendBody(family: Family, body: Uint8Array | string, options?: BatchOptions): Outcomes {
    // The caller may use its buffer for something else before the iteration starts.
    const content = typeof body === "string" ? body : Uint8Array.from(body);
    return this.#outcomes({ family, content, defaults: {} }, options);
  }

  /**
   * Sends a batch of invokes and waits until every item has ended. Rejects with what the iteration of `invoke` throws.
   */
  async invokeAll(items: readonly InvokeItem[], options?: ItemsOptions): Promise<Results> {
    return collect(this.invoke(items, options));
  }

  /** The same for a batch of writes. */
  async writeAll(items: readonly WriteItem[], options?: ItemsOptions): Promise<Results> {
    return collect(this.write(items, options));
  }

  /** Calls a function with every event of that name. If it throws, the process emits a warning. */
  on<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => unknown): this {
    this.#parts.feeds.on(name, handler);
    return this;
  }

  /** Removes a function given to `on`. */
  off<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => unknown): this {
    this.#parts.feeds.off(name, handler);
    return this;
  }

  /** Replies that end nothing: late, duplicate, unknown and unreadable ones, from now on. */
  lateEvents(): Feed<LateReply> {
    return this.#parts.feeds.lateEvents();
  }

  /** Changes of the connection on which outcomes come (lost, back, possible gaps), from now on. */
  channelEvents(): Feed<ChannelEvent> {
    return this.#parts.feeds.channelEvents();
  }

  /** Counters of events that belong to no batch, since the client was opened. */
  get stats(): Stats {
    return this.#parts.feeds.stats;
  }

  /** The channel calls. */
  get channels(): Channels {
    return this.#parts.channels;
  }

  /** How many items have not ended. */
  get openItems(): number {
    return this.#parts.requester.openItems;
  }

  /**
   * Cancels open batches, stops listening, and waits until everything is closed. Iterations of outcomes end with `Cancelled`
   * for the open items; wait for them first if they matter. May be called again.
   */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  /** Closes the client: `await using` does it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shutDown(): Promise<void> {
    const { slots, driver, sources } = this.#parts;
    slots.close();
    this.#closing.abort();
    const sent = driver.shutDown();
    await closeAll(sources);
    await within(CLOSING_MS, Promise.all([sent, ...this.#pumps]));
  }

  #items(family: Family, items: readonly (InvokeItem | WriteItem)[], options: ItemsOptions | undefined): Outcomes {
    const { settings } = this.#parts;
    const defaults = settings.listening.defaults(family);
    const timeout = options?.timeoutMs ?? this.#parts.timeoutMs;
    if (timeout !== undefined) defaults["timeout"] = timeout;
    return this.#outcomes({ family, content: items, defaults }, options);
  }

  #outcomes(work: Work, options: BatchOptions = {}): Outcomes {
    if (this.#closed !== undefined) throw new ClosedError();
    const { settings, slots, driver } = this.#parts;
    const { signal } = options;
    const start = async () => {
      signal?.throwIfAborted();
      if (Array.isArray(work.content)) settings.listening.check(work.family, work.content);
      // Before the submission: deadlines run from there, and a batch that waits here was never sent.
      const release = await slots.acquire(signal);
      try {
        // Meanwhile the client may have closed, or the caller have gone away.
        signal?.throwIfAborted();
        if (this.#closed !== undefined) throw new ClosedError();
        return driver.submit(work, release);
      } catch (error) {
        release();
        throw error;
      }
    };
    return new Outcomes(start, driver, options);
  }
}

/** Closes all of them. */
async function closeAll(sources: readonly ChannelSource[]): Promise<void> {
  // If one of them fails, the others are closed all the same.
  const closing = sources.map(async (source) => {
    try {
      await source.close();
    } catch (error) {
      warn(`closing ${source.name}`, error);
    }
  });
  await within(CLOSING_MS, Promise.all(closing));
}

/** Waits for a bounded time: sources of the caller's may be slow to close, or never do. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
