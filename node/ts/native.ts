// The native half, and the only place that turns its errors into the classes of this package.

import {
  AnswerError,
  FullError,
  InUseError,
  JsonError,
  MessageError,
  PoisonedError,
  RequestError,
  SetpointError,
} from "./errors.js";
import { load, places } from "./loader.js";

/** The native half of the package. */
export const native = load(places(), (path) => require(path) as unknown);

interface Fields {
  class: string;
  text: string;
  code: number;
  msg: string;
  reason: string;
  offset: number;
  response: string;
  index: number;
  requestId: string;
  open: number;
  more: number;
  bound: number;
}

/** Turns an error of the native half into one of this package. */
export function errorOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || (thrown as { code?: unknown }).code !== "SETPOINT") return thrown;
  const fields = JSON.parse(thrown.message) as Fields;
  const error = made(fields);
  // The stack starts at the caller, not in here.
  Error.captureStackTrace(error, errorOf);
  return error;
}

function made(fields: Fields): Error {
  switch (fields.class) {
    case "RequestError": {
      const { code, msg, reason, offset, response } = fields;
      return new RequestError(code, msg, reason, offset ?? null, Buffer.from(response));
    }
    case "MessageError":
      return new MessageError(fields.reason, fields.offset);
    case "JsonError":
      return new JsonError(fields.reason, fields.offset);
    case "AnswerError":
      return new AnswerError(fields.reason);
    case "InUseError":
      return new InUseError(fields.text, fields.index, fields.requestId);
    case "FullError":
      return new FullError(fields.text, fields.open, fields.more, fields.bound);
    case "PoisonedError":
      return new PoisonedError();
    case "TypeError":
      return new TypeError(fields.text);
    default:
      return new SetpointError(fields.text);
  }
}
