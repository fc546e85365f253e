// What calls throw. Every error is a `SetpointError` with its details in properties.

import type { RefusedItem } from "./report-items.js";

/** The base of everything that this package throws on purpose. */
export class SetpointError extends Error {
  /** The name of the class. */
  override readonly name: string = "SetpointError";
}

/** The whole request is refused: nothing in it was accepted. */
export class RequestError extends SetpointError {
  override readonly name = "RequestError";
  /** 400, 401, 403, 404, 413, 415, 429, 500 or 503. */
  readonly code: number;
  /** The message, such as `Invalid Argument orgId`. */
  readonly msg: string;
  /** What exactly is wrong: the answer's `submsg`. */
  readonly reason: string;
  /** The byte of the body that is at fault; null where the body is not. */
  readonly offset: number | null;
  /** The response body that says so: JSON in UTF-8. */
  readonly response: Buffer;

  constructor(code: number, msg: string, reason: string, offset: number | null, response: Buffer) {
    super(`${code} ${msg}: ${reason}`);
    this.code = code;
    this.msg = msg;
    this.reason = reason;
    this.offset = offset;
    this.response = response;
  }
}

/** Some items of a batch would be refused. */
export class RefusedError extends SetpointError {
  override readonly name = "RefusedError";
  /** The refused items, each with everything that is wrong with it. */
  readonly refused: readonly RefusedItem[];
  /** The code of the first of them. */
  readonly code: number | null;

  constructor(text: string, refused: readonly RefusedItem[]) {
    super(text);
    this.refused = refused;
    this.code = refused[0]?.code ?? null;
  }
}

/** An item holds a value that JSON cannot represent. Nothing was sent and nothing is kept. */
export class EncodeError extends SetpointError {
  override readonly name = "EncodeError";
  /** What is wrong, and what to do. */
  readonly reason: string;
  /** Which item, from 0. */
  readonly index: number;
  /** Where in the item, such as `inputData.speeds[2]`; empty for the item itself. */
  readonly field: string;

  constructor(reason: string, index: number, field: string) {
    super(`item ${index}${field === "" ? "" : `, ${field}`}: ${reason}`);
    this.reason = reason;
    this.index = index;
    this.field = field;
  }
}

/** A request id of the batch is still open, or was used a short while ago, under the same family. */
export class InUseError extends SetpointError {
  override readonly name = "InUseError";
  /** Which item, from 0. */
  readonly index: number;
  /** The id. */
  readonly requestId: string;

  constructor(text: string, index: number, requestId: string) {
    super(text);
    this.index = index;
    this.requestId = requestId;
  }
}

/** Too many items are open: wait for outcomes first. */
export class FullError extends SetpointError {
  override readonly name = "FullError";
  /** Items that are open. */
  readonly open: number;
  /** Items that the batch has. */
  readonly more: number;
  /** How many may be open. */
  readonly bound: number;

  constructor(text: string, open: number, more: number, bound: number) {
    super(text);
    this.open = open;
    this.more = more;
    this.bound = bound;
  }
}

/** A response or a channel message that cannot be used at all. */
export class MessageError extends SetpointError {
  override readonly name: string = "MessageError";
  /** What is wrong. */
  readonly reason: string;
  /** The byte where reading stopped. */
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(`${reason} at byte ${offset}`);
    this.reason = reason;
    this.offset = offset;
  }
}

/** A text that is not strict JSON. */
export class JsonError extends MessageError {
  override readonly name = "JsonError";
}

/** A device's answer whose id cannot be read. */
export class AnswerError extends SetpointError {
  override readonly name = "AnswerError";
  /** What is wrong. */
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** An earlier call panicked, which is a bug of this package: the state of the items is unknown. */
export class PoisonedError extends SetpointError {
  override readonly name = "PoisonedError";

  constructor() {
    super("an earlier call failed inside, which is a bug; make a new requester");
  }
}

/** The native half of the package cannot be loaded. The message says what was tried. */
export class LoadError extends SetpointError {
  override readonly name = "LoadError";
  /** What was tried, in order, and why each failed. */
  readonly tried: readonly { readonly path: string; readonly reason: string }[];

  constructor(text: string, tried: readonly { path: string; reason: string }[], cause: unknown) {
    super(text, { cause });
    this.tried = tried;
  }
}

/** The buffer is too small for the response. */
export class RoomError extends RangeError {
  override readonly name = "RoomError";
  /** Bytes needed. */
  readonly needed: number;

  constructor(needed: number, found: number) {
    super(`the response takes ${needed} bytes, and there is room for ${found}`);
    this.needed = needed;
  }
}
