// MQTT topics named by the channels, QoS 1, in a session that outlives the connection.

import { randomBytes } from "node:crypto";

import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";

import { Backoff, pauseFor } from "../backoff.js";
import { SettingError, SourceError } from "../errors.js";
import { describe } from "../http.js";
import { parseBrokerUrl } from "./broker-url.js";
import type { ChannelSource, SourceEvent } from "./events.js";

/** How long the broker may take for a connection and the subscriptions. */
const ANSWER_MS = 10_000;
/** How long closing may take. */
const GOODBYE_MS = 1_000;
const KEEP_ALIVE_S = 30;

/** A message, which `done` acknowledges, or a change. */
interface Entry {
  readonly event: SourceEvent;
  readonly done?: () => void;
}

/** Result of connecting: whether the broker still had the session, or why there is no connection. */
type Greeting = { readonly isPresent: boolean } | { readonly reason: string };

/**
 * The topics of one or more channels, over MQTT 3.1.1.
 *
 * The session is persistent: messages published while the connection is down are delivered when it is back, and a message is
 * acknowledged only once it was handed on, except those that come before the broker has answered the subscription. A session with a
 * generated client id is removed by `close`; one with a client id of the caller's stays, and messages published meanwhile are
 * delivered at the next start.
 *
 * Every connection has an `MqttClient` of its own, so an acknowledgement is never sent on another connection than that of its
 * message; there, the broker may use the same packet id for another message.
 */
export class MqttTopics implements ChannelSource {
  readonly name: string;
  readonly #options: IClientOptions;
  readonly #topics: readonly string[];
  readonly #most: number;
  readonly #backoff: Backoff;
  readonly #isOwnSession: boolean;
  readonly #closing = new AbortController();
  #entries: Entry[] = [];
  #wake: (() => void) | undefined;
  #client: MqttClient | undefined;
  /** Whether the broker knows of the session. */
  #hasSession = false;
  #hasListened = false;

  /** `most` bounds a message, in bytes. Throws `SettingError`. */
  constructor(
    url: string,
    clientId: string | undefined,
    topics: readonly string[],
    most: number,
    backoffMs: readonly [number, number],
  ) {
    const { protocol, host, port, username, password, name } = parseBrokerUrl(url);
    if (clientId === "") {
      throw new SettingError("mqttClientId", "it is empty, and a session that outlives its connection needs a name");
    }
    this.#isOwnSession = clientId === undefined;
    this.#options = {
      ...{ protocol, host, port },
      ...(username === undefined ? {} : { username, password: password ?? "" }),
      clientId: clientId ?? `setpoint-${randomBytes(8).toString("hex")}`,
      protocolVersion: 4,
      keepalive: KEEP_ALIVE_S,
      connectTimeout: ANSWER_MS,
      // This class reconnects itself, with jitter.
      reconnectPeriod: 0,
      resubscribe: false,
    };
    this.#topics = topics;
    this.#most = most;
    this.#backoff = new Backoff(...backoffMs);
    this.name = `${name}/${topics.join(",")}`;
  }

  async open(signal?: AbortSignal): Promise<void> {
    const breakOff = (): void => void this.close();
    signal?.addEventListener("abort", breakOff);
    try {
      const greeting = await this.#connect();
      if ("isPresent" in greeting) return;
      const check = "check the URL, the credentials and that the broker runs";
      throw new SourceError(this.name, `${greeting.reason}; ${check}`);
    } finally {
      signal?.removeEventListener("abort", breakOff);
    }
  }

  async *events(): AsyncGenerator<SourceEvent> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const entry = this.#entries.shift();
      if (entry !== undefined) {
        yield entry.event;
        entry.done?.();
      } else if (this.#client === undefined) {
        await pauseFor(this.#backoff.pause(), signal);
        if (!signal.aborted) yield* this.#again();
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const client = this.#client;
    this.#client = undefined;
    this.#wake?.();
    if (client !== undefined) await end(client);
    if (this.#isOwnSession && this.#hasSession) {
      this.#hasSession = false;
      await this.#forgetSession();
    }
  }

  /** Why the last connection was lost, or could not be made again; it is told once. */
  #told = "";

  async *#again(): AsyncGenerator<SourceEvent> {
    const greeting = await this.#connect();
    if (this.#closing.signal.aborted) return;
    if ("isPresent" in greeting) {
      this.#told = "";
      yield { kind: "connected" };
      if (!greeting.isPresent) yield { kind: "gap", reason: "the broker no longer had the session" };
    } else if (greeting.reason !== this.#told) {
      this.#told = greeting.reason;
      yield { kind: "disconnected", reason: greeting.reason };
    }
  }

  /** Makes a connection and subscribes. */
  async #connect(): Promise<Greeting> {
    const mqtt = await library();
    if (this.#closing.signal.aborted) return { reason: "the client is closing" };
    const client = mqtt.connect({ ...this.#options, clean: false });
    this.#client = client;
    let reason = "the broker closed the connection";
    let isListening = false;
    // One message at a time: the rest waits at the broker.
    client.handleMessage = (packet, done) => {
      const event = this.#eventOf(packet as IPublishPacket);
      this.#put(isListening ? { event, done: () => done() } : { event });
      // The answer to the subscription comes after the messages that the session had kept, and nothing is read before it. So these
      // are acknowledged at once.
      if (!isListening) done();
    };
    client.on("error", (error) => {
      reason = describe(error);
    });
    const greeting = await new Promise<Greeting>((resolve) => {
      client.on("connect", ({ sessionPresent }) => {
        this.#hasSession = true;
        const listen = (): void => {
          isListening = true;
          resolve({ isPresent: sessionPresent });
        };
        // The subscriptions are part of the session.
        if (sessionPresent && this.#hasListened) listen();
        else this.#subscribe(client, listen, (why) => resolve({ reason: why }));
      });
      client.on("close", () => {
        resolve({ reason });
        if (isListening) this.#lost(client, reason);
      });
    });
    if ("isPresent" in greeting) {
      this.#hasListened = true;
      this.#backoff.reset();
    } else {
      this.#client = undefined;
      await end(client);
    }
    return greeting;
  }

  #subscribe(client: MqttClient, done: () => void, fail: (reason: string) => void): void {
    client.subscribe([...this.#topics], { qos: 1 }, (error, granted) => {
      const refused = granted?.filter(({ qos }) => qos > 2).map(({ topic }) => topic) ?? [];
      if (refused.length > 0) fail(`the broker refused the subscription to ${refused.join(", ")}`);
      else if (error) fail(describe(error));
      else done();
    });
  }

  #lost(client: MqttClient, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#told = reason;
    this.#put({ event: { kind: "disconnected", reason } });
    void end(client);
  }

  #eventOf({ payload, retain }: IPublishPacket): SourceEvent {
    // The service publishes nothing as retained: somebody else put it there, or it is old.
    if (retain) return { kind: "unreadable", reason: "a retained message was ignored" };
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    if (bytes.length <= this.#most) return bytes;
    return { kind: "unreadable", reason: `a message of more than ${this.#most} bytes was ignored` };
  }

  #put(entry: Entry): void {
    this.#entries.push(entry);
    this.#wake?.();
  }

  /** Connects once with a clean session under the same client id, which removes the old one at the broker. */
  async #forgetSession(): Promise<void> {
    const mqtt = await library();
    const client = mqtt.connect({ ...this.#options, clean: true, connectTimeout: GOODBYE_MS });
    // If the broker does not answer, the session stays until the broker removes it by its own rule.
    client.on("error", () => {});
    await new Promise<void>((resolve) => {
      client.once("connect", () => resolve());
      client.once("close", () => resolve());
    });
    await end(client);
  }
}

/** Disconnects, and closes the connection if the broker does not answer in time. */
async function end(client: MqttClient): Promise<void> {
  const force = setTimeout(() => client.end(true), GOODBYE_MS);
  await new Promise<void>((resolve) => client.end(!client.connected, {}, () => resolve()));
  clearTimeout(force);
}

async function library(): Promise<typeof import("mqtt")> {
  try {
    return await import("mqtt");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new SettingError("mqtt", "a channel over MQTT takes the package mqtt: npm install mqtt");
  }
}
