// Errors that calls of the client throw, in addition to those of a requester.

import { SetpointError } from "../errors.js";

/** A call of the client failed. */
export class ClientError extends SetpointError {
  override readonly name: string = "ClientError";
}

/** A setting of the client cannot be used. */
export class SettingError extends ClientError {
  override readonly name = "SettingError";
  /** Which one. */
  readonly setting: string;
  /** What is wrong with it and what would be right. */
  readonly reason: string;

  constructor(setting: string, reason: string) {
    super(`${setting}: ${reason}`);
    this.setting = setting;
    this.reason = reason;
  }
}

/** An item names no channel, and the client has none of its family. */
export class NoChannelError extends ClientError {
  override readonly name = "NoChannelError";
  /** Which item, from 0. */
  readonly index: number;
  /** Its family. */
  readonly family: string;
  /** What the channel ids of its family start with. */
  readonly prefix: string;

  constructor(index: number, family: string, prefix: string) {
    super(
      `item ${index} names no channel and this client has none for the ${family} family; ` +
        `give one to the client: channel: "${prefix}…"`,
    );
    this.index = index;
    this.family = family;
    this.prefix = prefix;
  }
}

/** An item names a channel on which this client does not listen: its outcome would never be seen. */
export class NotListeningError extends ClientError {
  override readonly name = "NotListeningError";
  /** Which item, from 0. */
  readonly index: number;
  /** The channel that it names. */
  readonly channelId: string;

  constructor(index: number, channelId: string) {
    super(
      `item ${index}: this client does not listen on channel ${JSON.stringify(channelId)}, so the outcome would ` +
        "never be seen; add it to the client's channel: […]",
    );
    this.index = index;
    this.channelId = channelId;
  }
}

/** A channel cannot be listened on. */
export class SourceError extends ClientError {
  override readonly name = "SourceError";
  /** The source, for instance its URL. */
  readonly source: string;
  /** What went wrong, and what to check. */
  readonly reason: string;

  constructor(source: string, reason: string) {
    super(`cannot listen on ${source}: ${reason}`);
    this.source = source;
    this.reason = reason;
  }
}

/** A source ended for good, so outcomes can no longer be heard: nothing more is sent. */
export class SourceEndedError extends ClientError {
  override readonly name = "SourceEndedError";
  /** Which source. */
  readonly source: string;
  /** Why. */
  readonly reason: string;

  constructor(source: string, reason: string) {
    super(`${source} has ended (${reason}), so outcomes can no longer be heard; make a new client`);
    this.source = source;
    this.reason = reason;
  }
}

/** No answer from the service. */
export class UnreachableError extends ClientError {
  override readonly name = "UnreachableError";
  /** What was called. */
  readonly url: string;
  /** What went wrong. */
  readonly reason: string;
  /** Whether it is certain that nothing was sent. */
  readonly notSent: boolean;

  constructor(url: string, reason: string, notSent: boolean) {
    super(`no answer from ${url}: ${reason}; check the URL and that the service runs (\`setpoint serve\`)`);
    this.url = url;
    this.reason = reason;
    this.notSent = notSent;
  }
}

/** The service refused a call that is not a batch. */
export class CallRefusedError extends ClientError {
  override readonly name = "CallRefusedError";
  /** What was called. */
  readonly url: string;
  /** The code, or the status where the whole request was refused. */
  readonly code: number;
  /** The code's message. */
  readonly msg: string;
  /** What exactly is wrong. */
  readonly submsg: string | null;

  constructor(url: string, code: number, msg: string, submsg: string | null) {
    super(`${url} answered ${code} ${msg}${submsg ? `: ${submsg}` : ""}`);
    this.url = url;
    this.code = code;
    this.msg = msg;
    this.submsg = submsg;
  }
}

/** An answer is not one of this protocol. */
export class UnreadableError extends ClientError {
  override readonly name = "UnreadableError";
  /** What was called. */
  readonly url: string;
  /** The HTTP status. */
  readonly httpStatus: number;
  /** What is wrong with it. */
  readonly reason: string;
  /** The byte where reading stopped; null if it is JSON, but not an answer of this protocol. */
  readonly offset: number | null;

  constructor(url: string, httpStatus: number, reason: string, offset: number | null) {
    super(`${url} answered HTTP ${httpStatus} with something that is not a Setpoint answer (${reason}); check the URL`);
    this.url = url;
    this.httpStatus = httpStatus;
    this.reason = reason;
    this.offset = offset;
  }
}

/** The client is closed. */
export class ClosedError extends ClientError {
  override readonly name = "ClosedError";

  constructor() {
    super("the client is closed");
  }
}
