// The channel calls: create, get, list, update, delete.

import { JsonError } from "../errors.js";
import type { Family } from "../items.js";
import { FAMILIES } from "../tables.js";
import { checkJson } from "../wire.js";
import { type Envelope, isObject, openEnvelope } from "./envelope.js";
import { CallRefusedError, SettingError, UnreachableError, UnreadableError } from "./errors.js";
import type { Http } from "./http.js";

const NOT_FOUND = 404;

/** A channel, as the service describes it. */
export interface Channel {
  /** Its id, which is also the name of its topic. */
  readonly id: string;
  /** Its description. */
  readonly desc: string;
  /** Its family. */
  readonly family: Family;
}

/** Part of the list of channels. */
export interface ChannelList {
  /** How many there are in all. */
  readonly total: number;
  /** Those of this page. */
  readonly channels: readonly Channel[];
}

/** Ends a call early. */
export interface CallOptions {
  /** Aborts the call: its promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The family whose channel ids start like this one. Throws `SettingError` if neither does. */
export function familyOf(channelId: string): Family {
  for (const { name, channelPrefix } of Object.values(FAMILIES)) {
    if (channelId.startsWith(channelPrefix)) return name;
  }
  const prefixes = Object.values(FAMILIES).map((family) => family.channelPrefix);
  const reason = `${JSON.stringify(channelId)} belongs to neither family; ids start with ${prefixes.join(" or ")}`;
  throw new SettingError("channel", reason);
}

/**
 * The channel calls of the service. A channel's family follows from the prefix of its id.
 *
 * Each call rejects with `SettingError` for an id of neither family, with `CallRefusedError` if the service refused,
 * with `UnreachableError` if it did not answer, and with `UnreadableError` if something else answered.
 */
export class Channels {
  readonly #http: Http;
  readonly #timeoutMs: number;

  /** @internal */
  constructor(http: Http, timeoutMs: number) {
    this.#http = http;
    this.#timeoutMs = timeoutMs;
  }

  /** Creates a channel. */
  async create(channelId: string, desc = "", options: CallOptions = {}): Promise<Channel> {
    const family = familyOf(channelId);
    const url = this.#url(family, []);
    const { data } = await this.#exchange("POST", url, options, bodyOf(family, channelId, desc));
    return found(url, channelOf(family, data));
  }

  /** Creates a channel unless it exists. Whether it was created. */
  async ensure(channelId: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.create(channelId, "", options);
      return true;
    } catch (error) {
      if (isCode(error, FAMILIES[familyOf(channelId)].channelExists)) return false;
      throw error;
    }
  }

  /** One channel; null if the org has no such channel. */
  async get(channelId: string, options: CallOptions = {}): Promise<Channel | null> {
    const family = familyOf(channelId);
    const url = this.#url(family, [channelId]);
    try {
      const { data } = await this.#exchange("GET", url, options);
      return found(url, channelOf(family, data));
    } catch (error) {
      if (isCode(error, FAMILIES[family].channelMissing) || isCode(error, NOT_FOUND)) return null;
      throw error;
    }
  }

  /** The org's channels of a family; `pageSize` 0, the default, is all of them, and pages count from 1. */
  async list(family: Family, options: CallOptions & { pageSize?: number; page?: number } = {}): Promise<ChannelList> {
    const { pageSize = 0, page = 1 } = options;
    const url = this.#url(family, [], { pageSize: String(pageSize), pageToken: String(page) });
    const { data } = await this.#exchange("GET", url, options);
    // The answer's data holds the total beside the channels.
    const list = isObject(data) && Array.isArray(data["data"]) ? data["data"] : undefined;
    const total = isObject(data) ? Number(data["totalSize"]) : Number.NaN;
    if (list === undefined || !Number.isSafeInteger(total)) throw new UnreadableError(url, 200, "it has no list", null);
    return { total, channels: list.map((entry) => found(url, channelOf(family, entry))) };
  }

  /** Changes a channel's description. */
  async update(channelId: string, desc: string, options: CallOptions = {}): Promise<void> {
    const family = familyOf(channelId);
    await this.#exchange("PUT", this.#url(family, [channelId]), options, bodyOf(family, channelId, desc));
  }

  /**
   * Deletes a channel. While items are in flight on it the service refuses, unless `force` is set: their outcomes are
   * then never published.
   */
  async delete(channelId: string, options: CallOptions & { force?: boolean } = {}): Promise<void> {
    const query: Record<string, string> = options.force ? { force: "true" } : {};
    await this.#exchange("DELETE", this.#url(familyOf(channelId), [channelId], query), options);
  }

  #url(family: Family, segments: readonly string[], query: Record<string, string> = {}): string {
    return this.#http.url(FAMILIES[family].channelsPath, segments, query);
  }

  async #exchange(method: string, url: string, { signal }: CallOptions, body?: Uint8Array): Promise<Envelope> {
    signal?.throwIfAborted();
    const attempt = await this.#http.call(method, url, body, this.#timeoutMs, signal);
    signal?.throwIfAborted();
    if (attempt.kind !== "response") throw new UnreachableError(url, attempt.reason, attempt.kind === "notSent");
    let envelope: Envelope;
    try {
      envelope = openEnvelope(attempt.body);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UnreadableError(url, attempt.status, reason, faultAt(attempt.body));
    }
    if (envelope.status === 0) return envelope;
    throw new CallRefusedError(url, envelope.status, envelope.msg, envelope.submsg);
  }
}

/** Where a text stops being JSON; null if it is JSON. */
function faultAt(body: Uint8Array): number | null {
  try {
    checkJson(body);
    return null;
  } catch (error) {
    return error instanceof JsonError ? error.offset : null;
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof CallRefusedError && error.code === code;
}

function bodyOf(family: Family, channelId: string, desc: string): Uint8Array {
  return Buffer.from(JSON.stringify({ [FAMILIES[family].channelField]: channelId, desc }));
}

function channelOf(family: Family, data: unknown): Channel | undefined {
  if (!isObject(data)) return undefined;
  const id = data[FAMILIES[family].channelField] ?? data["channelId"];
  const desc = data["desc"];
  return typeof id === "string" ? { id, desc: typeof desc === "string" ? desc : "", family } : undefined;
}

function found(url: string, channel: Channel | undefined): Channel {
  if (channel === undefined) throw new UnreadableError(url, 200, "it has no channel", null);
  return channel;
}
