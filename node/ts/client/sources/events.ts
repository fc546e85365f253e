// Sources of channel messages, and the events that they yield.

/** A change of a source's connection. */
export type SourceChange =
  /** The connection is back. */
  | { readonly kind: "connected" }
  /** The connection was lost, or still cannot be made, for this reason; the source goes on trying. */
  | { readonly kind: "disconnected"; readonly reason: string }
  /** Messages may have been missed: the outcomes in them will not come, and their items time out here. */
  | { readonly kind: "gap"; readonly reason: string }
  /** Data that cannot be handed on as a message, for instance because it is too large. */
  | { readonly kind: "unreadable"; readonly reason: string };

/** A channel message in bytes, or a change. */
export type SourceEvent = Uint8Array | SourceChange;

/** Anything that yields channel messages: the service's event stream, MQTT topics, or your own. */
export interface ChannelSource {
  /** What it is called in events and errors, for instance its URL. */
  readonly name: string;
  /**
   * Starts to listen. Once the promise is resolved, every message published from then on comes out of `events`: no
   * batch is sent before. Rejects if it cannot, best with a `SourceError`. Stops trying when the signal says so.
   */
  open(signal?: AbortSignal): Promise<void>;
  /**
   * The messages and changes. The source reconnects by itself; if the iterator ends, the source has ended for good. A request for
   * the next event means that the one before was handed on.
   */
  events(): AsyncIterable<SourceEvent>;
  /** The client is closing: release everything, and let `events` end. The client waits only for a short time. */
  close(): Promise<void>;
}

/** What `source` takes: an object with the members of `ChannelSource`, or any async iterable of bytes. */
export type SourceLike = ChannelSource | AsyncIterable<Uint8Array>;

/** Whether it has the members of `ChannelSource`. */
export function isChannelSource(source: SourceLike): source is ChannelSource {
  return typeof (source as Partial<ChannelSource>).events === "function";
}

/** Messages that another part of the program yields. */
export class IterableSource implements ChannelSource {
  readonly name: string;
  readonly #messages: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  /** Ends the wait for the next message. */
  #stopWaiting: (() => void) | undefined;
  #isClosed = false;

  constructor(messages: AsyncIterable<Uint8Array>) {
    this.#messages = messages;
    this.name = messages.constructor?.name || "the source";
  }

  /** Nothing to do. */
  open(): Promise<void> {
    return Promise.resolve();
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const iterator = this.#messages[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#isClosed) {
      const next = await this.#next(iterator);
      if (next?.done !== false) return;
      yield next.value;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const isWaiting = this.#stopWaiting !== undefined;
    this.#stopWaiting?.();
    const { destroy } = this.#messages as { destroy?: () => void };
    // `destroy` ends a stream of Node's at once; `return` would end it only at its next chunk.
    destroy?.call(this.#messages);
    const ending = this.#iterator?.return?.();
    // A generator that waits ends when it wakes up, which may be never.
    if (isWaiting) ending?.catch(() => {});
    else await ending;
  }

  /** The next message; nothing if the client closed meanwhile. */
  #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array> | undefined> {
    return new Promise<IteratorResult<Uint8Array> | undefined>((resolve, reject) => {
      this.#stopWaiting = () => resolve(undefined);
      iterator.next().then(resolve, reject);
    }).finally(() => {
      this.#stopWaiting = undefined;
    });
  }
}
