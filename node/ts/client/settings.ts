// The settings of a client.

import type { Family, Limits } from "../items.js";
import { FAMILIES } from "../tables.js";
import { familyOf } from "./channels.js";
import { NoChannelError, NotListeningError, SettingError } from "./errors.js";
import type { Fetch, Http } from "./http.js";
import { type ChannelSource, IterableSource, isChannelSource, type SourceLike } from "./sources/events.js";
import { MqttTopics } from "./sources/mqtt.js";
import { EventStream } from "./sources/stream.js";

/** The engine's own bound on a message, where no other is set. */
const REPLY_BYTES = 32 << 20;

/** Settings of a client, none of which is a rule of the protocol. */
export interface ClientOptions {
  /** The org in whose name every call is made. */
  readonly orgId: string;
  /** One channel id or several to listen on. The first one of each family is the channel of items that name none. */
  readonly channel?: string | readonly string[] | undefined;
  /** Creates those channels that do not exist yet; false. */
  readonly createChannels?: boolean | undefined;
  /**
   * Listens on the MQTT topics named by the channels, at the broker `mqtt[s]://[user:password@]host[:port]`, instead
   * of the service's event streams. Needs the package `mqtt`.
   */
  readonly mqtt?: string | undefined;
  /**
   * Names the session at the broker, which then outlives this client. Without it, the name is generated and the session is
   * removed when the client closes.
   */
  readonly mqttClientId?: string | undefined;
  /**
   * Listens on a source of your own, or several. With one, nothing else is listened on, and `channel` only says what
   * goes into items that name none.
   */
  readonly source?: SourceLike | readonly SourceLike[] | undefined;
  /** The timeout of items that name none, in ms; without it, the service's own default is theirs. */
  readonly timeoutMs?: number | undefined;
  /** Bounds on the cost of reading one message. */
  readonly limits?: Limits | undefined;
  /** How many items may be open at once; as of `Requester`. */
  readonly openItems?: number | undefined;
  /** How long after its deadline an item still waits for its outcome, in ms; as of `Requester`. */
  readonly graceMs?: number | undefined;
  /** How many ended items are kept, to tell late replies from unknown ones; as of `Requester`. */
  readonly remembered?: number | undefined;
  /**
   * How long one attempt waits for its response before the same body is sent again, in ms; 15,000. It is above
   * the 10 s after which `fetch` gives up connecting, so that the client learns that nothing was sent.
   */
  readonly responseTimeoutMs?: number | undefined;
  /** How often a connection is tried before a batch of which nothing was sent is given up; 4. */
  readonly connectAttempts?: number | undefined;
  /**
   * The first and the longest pause between attempts, of requests and of connections, in ms; 100 and 5,000. They
   * double, with jitter.
   */
  readonly backoffMs?: readonly [number, number] | undefined;
  /**
   * How many requests may be under way at once; 32. Further calls wait. The order in which the service receives batches
   * that are under way at once is open: with 1 it is the order of the calls.
   */
  readonly requestsUnderWay?: number | undefined;
  /** How many events each feed may leave unread; 1,024. More are counted, not kept. */
  readonly lateBuffer?: number | undefined;
  /** What makes the HTTP calls instead of the global `fetch`: one with a proxy or with certificates of its own. */
  readonly fetch?: Fetch | undefined;
}

/** The channels on which a client listens; the first of each family is for the items that name none. */
export class Listening {
  readonly #channels: { readonly [F in Family]: readonly string[] };
  // A source of the caller's may carry any channel, so none can be ruled out.
  readonly #isOpen: boolean;

  constructor(channels: readonly string[], isOpen: boolean) {
    const of = (family: Family): string[] => channels.filter((id) => familyOf(id) === family);
    this.#channels = { invoke: of("invoke"), write: of("write") };
    this.#isOpen = isOpen;
  }

  /** Throws `NoChannelError` or `NotListeningError` for the first item whose outcome would never be seen. */
  check(family: Family, items: readonly object[]): void {
    const { channelField, channelPrefix } = FAMILIES[family];
    const ours = this.#channels[family];
    for (const [index, item] of items.entries()) {
      // The requester refuses what is not an item.
      const channelId = (item as Record<string, unknown> | null)?.[channelField];
      if (!channelId) {
        if (ours.length === 0) throw new NoChannelError(index, family, channelPrefix);
      } else if (!this.#isOpen && typeof channelId === "string" && !ours.includes(channelId)) {
        throw new NotListeningError(index, channelId);
      }
    }
  }

  /** The fields for items that name no channel. */
  defaults(family: Family): Record<string, string | number> {
    const [first] = this.#channels[family];
    return first === undefined ? {} : { [FAMILIES[family].channelField]: first };
  }
}

/** The settings, with the defaults of those that were left out. */
export class Settings {
  readonly orgId: string;
  readonly channels: readonly string[];
  readonly responseTimeoutMs: number;
  readonly connectAttempts: number;
  readonly backoffMs: readonly [number, number];
  readonly requestsUnderWay: number;
  readonly lateBuffer: number;
  readonly replyBytes: number;
  readonly listening: Listening;
  readonly #options: ClientOptions;
  readonly #sources: readonly SourceLike[];

  /** Throws `SettingError` for what cannot be used, before anything is opened. */
  constructor(options: ClientOptions) {
    const { channel = [], source = [] } = options;
    this.#options = options;
    this.orgId = options.orgId;
    this.channels = typeof channel === "string" ? [channel] : [...channel];
    this.#sources = Array.isArray(source) ? (source as readonly SourceLike[]) : [source as SourceLike];
    this.responseTimeoutMs = options.responseTimeoutMs ?? 15_000;
    this.connectAttempts = atLeastOne("connectAttempts", options.connectAttempts ?? 4);
    this.backoffMs = options.backoffMs ?? [100, 5_000];
    this.requestsUnderWay = atLeastOne("requestsUnderWay", options.requestsUnderWay ?? 32);
    this.lateBuffer = options.lateBuffer ?? 1_024;
    this.replyBytes = options.limits?.replyBytes ?? REPLY_BYTES;
    this.#check();
    this.listening = new Listening(this.channels, this.#sources.length > 0);
  }

  /** The sources of outcomes, not opened yet. */
  sources(http: Http): ChannelSource[] {
    const { mqtt, mqttClientId } = this.#options;
    if (this.#sources.length > 0) {
      return this.#sources.map((source) => (isChannelSource(source) ? source : new IterableSource(source)));
    }
    const ids = [...new Set(this.channels)].sort();
    if (mqtt !== undefined) return [new MqttTopics(mqtt, mqttClientId, ids, this.replyBytes, this.backoffMs)];
    return ids.map((id) => new EventStream(http, id, this.replyBytes, this.responseTimeoutMs, this.backoffMs));
  }

  #check(): void {
    const { orgId, mqtt, mqttClientId } = this.#options;
    if (!orgId) throw new SettingError("orgId", "it is empty; every call is made in the name of an org");
    if (mqtt !== undefined && this.#sources.length > 0) throw new SettingError("mqtt", "give one of mqtt and source");
    if (mqttClientId !== undefined && mqtt === undefined) {
      throw new SettingError("mqttClientId", "it is of use only with mqtt");
    }
    if (this.channels.length === 0 && this.#sources.length === 0) {
      const examples = Object.values(FAMILIES).map(({ channelPrefix }) => `channel: "${channelPrefix}…"`);
      const reason = `none was given, so no outcome could be heard; give at least one: ${examples.join(" or ")}`;
      throw new SettingError("channel", reason);
    }
  }
}

function atLeastOne(setting: string, given: number): number {
  if (given >= 1) return given;
  throw new SettingError(setting, `it is at least 1, not ${given}`);
}
