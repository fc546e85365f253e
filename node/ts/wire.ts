// Single messages, for devices, services and tools written in JavaScript.

import { type Bytes, bytesOf } from "./bytes.js";
import { parseExact } from "./exact-json.js";
import type { Family, Limits } from "./items.js";
import { errorOf, native } from "./native.js";

/** Options for reading a message. */
export interface ReadOptions {
  /** Bounds on the cost of reading it. */
  readonly limits?: Limits | undefined;
}

/** One reply of a response or of a channel message. */
export class Reply {
  /** Its family. */
  readonly family: Family;
  /** The reply as it is written: JSON text of an object with all fields of the family, payloads as they came. */
  readonly text: string;

  constructor(family: Family, text: string) {
    this.family = family;
    this.text = text;
  }

  /** The fields by name, parsed anew each time by `JSON.parse`: integers are exact up to 2^53 − 1. */
  get fields(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  /** The fields by name, with a `bigint` for every integer beyond ±(2^53 − 1). */
  get fieldsExact(): Record<string, unknown> {
    return parseExact(this.text) as Record<string, unknown>;
  }
}

/** A reply that cannot be used. */
export class BadReply {
  /** Which reply, from 0. */
  readonly index: number;
  /** Where it starts, in bytes. */
  readonly offset: number;
  /** What is wrong with it. */
  readonly reason: string;

  constructor(index: number, offset: number, reason: string) {
    this.index = index;
    this.offset = offset;
    this.reason = reason;
  }
}

/** Where a device's answer came from. */
export interface AnswerTopic {
  /** Key of the product. */
  readonly productKey: string;
  /** Key of the device. */
  readonly deviceKey: string;
  /** The service that answers; null for a write. */
  readonly serviceId: string | null;
}

/** What a device answered. */
export interface Answer {
  /** The message id that it answers. */
  readonly id: string;
  /**
   * 200 is success, anything else is the device's failure; a bigint beyond ±(2^53 − 1), and null if the answer cannot be
   * used.
   */
  readonly code: number | bigint | null;
  /** The output as JSON text; null if it is absent or null. */
  readonly data: string | null;
  /** The device's own words. */
  readonly message: string | null;
  /** Why the answer cannot be used, though its message id could be read; null if it can. */
  readonly bad: string | null;
}

/** A command, as its device gets it. */
export interface Command {
  readonly family: Family;
  /** The service's own id, which the answer must repeat. */
  readonly messageId: string;
  /** Service id or measure point id. */
  readonly target: string;
  /** JSON text of an object. */
  readonly input?: string | null | undefined;
  /** Milliseconds left until the deadline. */
  readonly timeoutMs: number | bigint;
  /** The deadline, epoch milliseconds. */
  readonly deadlineEpochMs: number | bigint;
}

/**
 * Checks that a text is strict JSON, as the engine reads it: exactly one value, in UTF-8, without duplicate keys and lone
 * surrogates, nested at most `depth` deep (the engine's default if left out).
 *
 * Throws a `JsonError` with the byte offset and the reason if it is not.
 */
export function checkJson(text: Bytes, depth?: number): void {
  call(() => native.checkJson(bytesOf(text, "text"), depth));
}

/**
 * Reads the response to a batch: one `Reply` for each item, or a `BadReply` for one that cannot be used.
 *
 * Throws a `RequestError` if it says that the whole request was refused, and a `MessageError` if it is not a response.
 */
export function readResponse(body: Bytes, options: ReadOptions & { family?: Family } = {}): (Reply | BadReply)[] {
  const { family, limits } = options;
  return replies(call(() => native.readResponse(bytesOf(body, "body"), family ?? "invoke", textOf(limits))));
}

/**
 * Reads a channel message: one `Reply` for each that it carries, or a `BadReply` for one that cannot be used.
 *
 * Throws a `MessageError` if it is not a channel message.
 */
export function readMessage(body: Bytes, options: ReadOptions = {}): (Reply | BadReply)[] {
  return replies(call(() => native.readMessage(bytesOf(body, "body"), textOf(options.limits))));
}

/** The response that carries these replies. */
export function writeResponse(replies: readonly Reply[]): Buffer {
  return native.writeReplies(true, joined(replies));
}

/** The channel message that carries these replies. */
export function writeMessage(replies: readonly Reply[]): Buffer {
  return native.writeReplies(false, joined(replies));
}

/** The MQTT topic that carries a command to its device. `target` is a service id or a measure point id. */
export function commandTopic(family: Family, productKey: string, deviceKey: string, target: string): string {
  return call(() => native.commandTopic(family, productKey, deviceKey, target));
}

/** The payload that carries a command to its device. Throws a `JsonError` if `input` is not the strict JSON of an object. */
export function commandPayload(command: Command): string {
  const { family, messageId, target, input, timeoutMs, deadlineEpochMs } = command;
  const [timeout, deadline] = [String(timeoutMs), String(deadlineEpochMs)];
  return call(() => native.commandPayload(family, messageId, target, input, timeout, deadline));
}

/** Where a device's answer came from; null if the topic is not that of an answer. */
export function answerTopic(topic: string): AnswerTopic | null {
  const text = call(() => native.answerTopic(topic));
  return text === null ? null : (JSON.parse(text) as AnswerTopic);
}

/** Reads a device's answer. Throws an `AnswerError` if not even its id can be read. */
export function readAnswer(payload: Bytes, options: ReadOptions = {}): Answer {
  const text = call(() => native.readAnswer(bytesOf(payload, "payload"), textOf(options.limits)));
  const answer = JSON.parse(text) as Answer & { code: string | null };
  return { ...answer, code: answer.code === null ? null : integer(answer.code) };
}

function integer(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

function textOf(limits: Limits | undefined): string | undefined {
  return limits === undefined ? undefined : JSON.stringify(limits);
}

function replies(text: string): (Reply | BadReply)[] {
  type Row = { family: Family; text: string } | { family?: never; index: number; offset: number; reason: string };
  return (JSON.parse(text) as Row[]).map((row) =>
    row.family === undefined ? new BadReply(row.index, row.offset, row.reason) : new Reply(row.family, row.text),
  );
}

function joined(replies: readonly Reply[]): Buffer {
  return Buffer.from(replies.map(({ text }) => text).join(","));
}

function call<R>(work: () => R): R {
  try {
    return work();
  } catch (error) {
    throw errorOf(error);
  }
}
