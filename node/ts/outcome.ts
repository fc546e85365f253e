// A reply from the channel.

import { parseExact } from "./exact-json.js";
import type { Family } from "./items.js";
import { type Block, makerOf, Row } from "./row.js";
import {
  CODE,
  FLAG_WRITE,
  TEXT_ASSET_ID,
  TEXT_DEVICE_KEY,
  TEXT_MSG,
  TEXT_OUTPUT,
  TEXT_PRODUCT_KEY,
  TEXT_REQUEST_ID,
  TEXT_SUBMSG,
  TEXT_TARGET,
  TIME_DEVICE_REPLY,
  TIME_SERVICE_REPLY,
} from "./row-layout.js";

/** An outcome as plain data, for `structuredClone`, `JSON.stringify` and messages between threads. */
export interface OutcomeData {
  family: Family;
  requestId: string;
  /** A text of digits if a number would round it; the times likewise. */
  code: number | string;
  msg: string | null;
  submsg: string | null;
  productKey: string | null;
  deviceKey: string | null;
  assetId: string | null;
  target: string | null;
  /** The output as JSON text. */
  outputData: string;
  gmtServiceReply: number | string | null;
  gmtDeviceReply: number | string | null;
}

/**
 * A reply as it came on the channel. Texts are read when they are asked for, so an outcome that is kept keeps a block of memory: 64
 * KiB, or its message if that is larger. `toJSON` returns plain data, which does not.
 *
 * An integer beyond ±(2^53 − 1) is `NaN` where a number is returned, never rounded; `integer` returns it as a bigint.
 */
export class Outcome extends Row {
  /** Invoke or write. */
  get family(): Family {
    return this.flag(FLAG_WRITE) ? "write" : "invoke";
  }

  /** 0 is success. */
  get code(): number {
    return this.long(CODE);
  }

  /** Whether the command succeeded. */
  get ok(): boolean {
    return this.isZero(CODE);
  }

  /** The request id; empty if the reply has none. */
  get requestId(): string {
    return this.text(TEXT_REQUEST_ID) ?? "";
  }

  /** The code's message. */
  get msg(): string | null {
    return this.text(TEXT_MSG);
  }

  /** The further message. */
  get submsg(): string | null {
    return this.text(TEXT_SUBMSG);
  }

  /** The device's product key, as far as the reply names it. */
  get productKey(): string | null {
    return this.text(TEXT_PRODUCT_KEY);
  }

  /** The device's key, as far as the reply names it. */
  get deviceKey(): string | null {
    return this.text(TEXT_DEVICE_KEY);
  }

  /** The device's asset id, as far as the reply names it. */
  get assetId(): string | null {
    return this.text(TEXT_ASSET_ID);
  }

  /** Service id or measure point id. */
  get target(): string | null {
    return this.text(TEXT_TARGET);
  }

  /** `outputData` as the device wrote it: JSON text of an object; `{}` if there is none. */
  get outputText(): string {
    return this.text(TEXT_OUTPUT) ?? "{}";
  }

  /** `outputData`, parsed by `JSON.parse` when it is first asked for: integers are exact up to 2^53 − 1. */
  get output(): Record<string, unknown> {
    return this.once(() => JSON.parse(this.outputText) as Record<string, unknown>);
  }

  /** `outputData` with a `bigint` for every integer beyond ±(2^53 − 1), parsed anew each time. */
  get outputExact(): Record<string, unknown> {
    return parseExact(this.outputText) as Record<string, unknown>;
  }

  /** When the service replied, epoch milliseconds. */
  get gmtServiceReply(): number | null {
    return this.time(TIME_SERVICE_REPLY);
  }

  /** When the device's answer was received, epoch milliseconds; -1 without one, null in the write family. */
  get gmtDeviceReply(): number | null {
    return this.time(TIME_DEVICE_REPLY);
  }

  /** An integer with all of its digits, however large. */
  integer(name: "code" | "gmtServiceReply" | "gmtDeviceReply"): bigint | null {
    if (name === "code") return this.exact(CODE);
    return this.timeExact(name === "gmtServiceReply" ? TIME_SERVICE_REPLY : TIME_DEVICE_REPLY);
  }

  /** As plain data. */
  toJSON(): OutcomeData {
    const { family, requestId, msg, submsg, productKey, deviceKey, assetId, target } = this;
    return {
      family,
      requestId,
      code: orDigits(this.code, this.exact(CODE)) ?? 0,
      msg,
      submsg,
      productKey,
      deviceKey,
      assetId,
      target,
      outputData: this.outputText,
      gmtServiceReply: orDigits(this.gmtServiceReply, this.integer("gmtServiceReply")),
      gmtDeviceReply: orDigits(this.gmtDeviceReply, this.integer("gmtDeviceReply")),
    };
  }

  /** What `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): OutcomeData {
    return this.toJSON();
  }
}

const NewOutcome = makerOf(Outcome);

/** The outcome in the row that starts there. */
export function outcomeOf(block: Block, at: number): Outcome {
  return new NewOutcome(block, at);
}

function orDigits(number: number | null, exact: bigint | null): number | string | null {
  return Number.isNaN(number) ? String(exact) : number;
}
