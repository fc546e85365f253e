// The service's own event stream: `GET /channels/{id}/events`, resumable.

import { Backoff, pauseFor } from "../backoff.js";
import { said } from "../envelope.js";
import { SourceError } from "../errors.js";
import { describe, type Http, Limit, read } from "../http.js";
import type { ChannelSource, SourceEvent } from "./events.js";
import { type Parsed, Parser } from "./parser.js";

/** A connection without a byte for this long, comments included, counts as dead. */
const IDLE_MS = 45_000;
/** Most bytes read of a response that refuses the stream. */
const REFUSAL_BYTES = 64 << 10;

interface Live {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly hangUp: AbortController;
}

/** Why a connection could not be made. */
class Refused extends Error {}

/**
 * A channel's server-sent events over HTTP. Reconnects with `Last-Event-ID`, so nothing is lost as long as the service
 * still has it; otherwise there is a gap.
 */
export class EventStream implements ChannelSource {
  readonly name: string;
  readonly #http: Http;
  readonly #channelId: string;
  readonly #most: number;
  readonly #answerMs: number;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #parser: Parser;
  #live: Live | undefined;

  /** `most` bounds a message, in bytes; `answerMs` is how long the service may take to answer. */
  constructor(http: Http, channelId: string, most: number, answerMs: number, backoffMs: readonly [number, number]) {
    this.#http = http;
    this.#channelId = channelId;
    this.#most = most;
    this.#answerMs = answerMs;
    this.#backoff = new Backoff(...backoffMs);
    this.#parser = new Parser(most);
    this.name = http.url("/channels", [channelId, "events"]);
  }

  async open(signal?: AbortSignal): Promise<void> {
    try {
      await this.#connect(signal);
    } catch (error) {
      throw error instanceof Refused ? new SourceError(this.name, error.message) : error;
    }
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const { signal } = this.#closing;
    let told = "";
    while (!signal.aborted) {
      if (this.#live !== undefined) {
        const chunk = await this.#read(this.#live);
        if (typeof chunk !== "string") {
          for (const parsed of this.#parser.push(chunk)) yield this.#event(parsed);
          continue;
        }
        this.#hangUp();
        if (signal.aborted) return;
        told = chunk;
        yield { kind: "disconnected", reason: told };
      }
      await pauseFor(this.#backoff.pause(), signal);
      if (signal.aborted) return;
      const isResumable = Boolean(this.#parser.lastId);
      try {
        await this.#connect(signal);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        // It goes on trying; a new reason, such as a deleted channel, is told.
        if (error.message === told || signal.aborted) continue;
        told = error.message;
        yield { kind: "disconnected", reason: told };
        continue;
      }
      yield { kind: "connected" };
      if (!isResumable)
        yield { kind: "gap", reason: "the stream broke before it had given an event id to resume from" };
    }
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#hangUp();
    return Promise.resolve();
  }

  #hangUp(): void {
    this.#live?.hangUp.abort();
    this.#live = undefined;
  }

  async #connect(signal?: AbortSignal): Promise<void> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    const { lastId } = this.#parser;
    if (lastId) headers["last-event-id"] = lastId;
    const hangUp = new AbortController();
    const limit = new Limit(this.#answerMs, signal);
    const abort = (): void => hangUp.abort(limit.signal.reason);
    limit.signal.addEventListener("abort", abort);
    if (limit.signal.aborted) abort();
    try {
      const response = await this.#http.request("GET", this.name, headers, hangUp.signal);
      if (response.status !== 200) throw new Refused(await this.#explain(response));
      const type = response.headers.get("content-type") ?? "";
      if (response.body === null || !type.trim().toLowerCase().startsWith("text/event-stream")) {
        throw new Refused("the answer is not an event stream; check the URL");
      }
      this.#parser = new Parser(this.#most, lastId);
      this.#live = { reader: response.body.getReader(), hangUp };
    } catch (error) {
      hangUp.abort();
      if (error instanceof Refused) throw error;
      const reason = limit.signal.aborted ? String(limit.signal.reason) : describe(error);
      throw new Refused(`${reason}; check the URL and that the service runs (\`setpoint serve\`)`);
    } finally {
      limit.end();
    }
  }

  async #explain(response: Response): Promise<string> {
    const body = await read(response, REFUSAL_BYTES);
    const text = body === undefined ? undefined : said(body);
    const quoted = text === undefined ? "" : ` (${text})`;
    if (response.status !== 404) return `the service answered HTTP ${response.status}${quoted}`;
    const orgId = JSON.stringify(this.#http.orgId);
    return (
      `the service answered 404${quoted}; does org ${orgId} have this channel? Create it with ` +
      `\`setpoint channel create ${this.#channelId}\` or createChannels: true`
    );
  }

  /** The next piece of the live connection; or why there is none. */
  async #read({ reader, hangUp }: Live): Promise<Uint8Array | string> {
    const idle = `nothing came for ${IDLE_MS / 1_000} s, not even a sign of life`;
    const timer = setTimeout(() => hangUp.abort(idle), IDLE_MS);
    try {
      const { done, value } = await reader.read();
      if (done) return "the service closed the stream";
      this.#backoff.reset();
      return value;
    } catch (error) {
      return hangUp.signal.aborted ? String(hangUp.signal.reason) : describe(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #event({ kind, data }: Parsed): SourceEvent {
    if (data === null) return { kind: "unreadable", reason: `an event of more than ${this.#most} bytes was skipped` };
    if (kind !== "gap") return data;
    return { kind: "gap", reason: `the service no longer holds them: ${Buffer.from(data).toString()}` };
  }
}
