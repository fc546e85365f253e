// The check of a batch: bytes, text or items in, a report, bytes or text out.

import { bytesOf, kindOf } from "./bytes.js";
import { encodeItems, expectItems } from "./encode.js";
import { RoomError } from "./errors.js";
import type { BatchOf, Family, Limits, Now } from "./items.js";
import type { CheckInto } from "./loader.js";
import { errorOf, native } from "./native.js";
import { Report } from "./report.js";
import { lentUtf8 } from "./utf8.js";

/** What a batch is checked with. */
export interface CheckOptions<F extends Family = Family> {
  /** Which family the batch is of; `"invoke"` if left out. */
  readonly family?: F;
  /** The org of the call. */
  readonly orgId: string;
  /** The orgs, channels and devices that exist. Without one only the form is checked, as if all of them did. */
  readonly directory?: Directory | undefined;
  /** Bounds on the cost of reading the batch. */
  readonly limits?: Limits | undefined;
  /** The time written into the replies; the wall clock if left out. */
  readonly now?: Pick<Now, "epochMs"> | undefined;
}

/** One org of a directory. */
export interface OrgData {
  /** Ids of its channels, of both families. */
  readonly channels?: readonly string[];
  /** Its devices. */
  readonly devices?: readonly DeviceData[];
}

/** One device of a directory. Without `services` or `measurepoints`, every target of that family exists. */
export interface DeviceData {
  readonly productKey: string;
  readonly deviceKey: string;
  readonly assetId: string;
  /** Service ids, each with the name that replies carry. */
  readonly services?: { readonly [serviceId: string]: string | null } | null;
  /** Ids of its measure points. */
  readonly measurepoints?: readonly string[] | null;
}

type Handle = InstanceType<typeof native.NativeDirectory>;

let handleOf: (directory: Directory) => Handle;

/** The orgs, channels and devices that exist, for checks without a service. It is made once and used for many checks. */
export class Directory {
  readonly #handle: Handle;

  static {
    handleOf = (directory) => directory.#handle;
  }

  constructor(orgs: { readonly [orgId: string]: OrgData }) {
    try {
      this.#handle = new native.NativeDirectory(JSON.stringify(orgs));
    } catch (error) {
      throw errorOf(error);
    }
  }
}

/**
 * Checks a batch without sending it: what a service would answer for each item when it receives the batch first.
 *
 * `body` is JSON as bytes or text, or an array of items. Nothing is kept between calls.
 *
 * Throws a `RequestError` if the whole request would be refused, and an `EncodeError` if an item holds a value
 * that JSON cannot represent.
 */
export function check<F extends Family = "invoke">(body: BatchOf<F>, options: CheckOptions<F>): Report {
  const checker = checkerOf(options);
  const bytes = batchBytes(body);
  const length = write(native.checkReportInto, checker, bytes, options);
  return new Report(options.family ?? "invoke", Buffer.from(room.subarray(0, length)));
}

/**
 * Checks a batch and writes the response into `out`. The fastest way: it makes no object.
 *
 * Returns the number of bytes written. If they do not fit, writes nothing and throws a `RoomError` (a `RangeError`) whose `needed` is
 * the length. Twice the body plus 1,000 bytes for each item is always enough.
 */
export function checkInto(body: Uint8Array, out: Uint8Array, options: CheckOptions): number {
  if (!(body instanceof Uint8Array) || !(out instanceof Uint8Array)) {
    throw new TypeError(`body and out must be a Uint8Array, not ${kindOf(body)} and ${kindOf(out)}`);
  }
  const checker = checkerOf(options);
  const epochMs = options.now?.epochMs ?? Number.NaN;
  let written: number;
  try {
    written = native.checkInto(checker, body, out, epochMs);
    if (Number.isNaN(written)) written = native.checkInto(checker, Uint8Array.from(body), out, epochMs);
  } catch (error) {
    throw errorOf(error);
  }
  if (written >= 0) return written;
  throw new RoomError(-written, out.length);
}

/** Checks a batch that is text, and returns the response as text. */
export function checkText(body: string, options: CheckOptions): string {
  if (typeof body !== "string") throw new TypeError(`body must be a string, not ${kindOf(body)}`);
  const checker = checkerOf(options);
  const length = write(native.checkTextInto, checker, lentUtf8(body), options);
  const text = room.toString(room[0] === 1 ? "latin1" : "utf16le", 1, length);
  release();
  return text;
}

/** Largest buffer kept from one call to the next, in bytes. */
const KEPT = 1 << 20;
/** The buffer for responses. */
let room = Buffer.allocUnsafeSlow(1 << 16);

function release(): void {
  if (room.length > KEPT) room = Buffer.allocUnsafeSlow(KEPT);
}

/** Writes into the buffer, after replacing it by a larger one if necessary. */
function write(into: CheckInto, checker: number, body: Uint8Array, options: CheckOptions): number {
  const written = run(into, checker, body, room, options);
  if (written >= 0) return written;
  room = Buffer.allocUnsafeSlow(-written);
  return run(into, checker, body, room, options);
}

function run(into: CheckInto, checker: number, body: Uint8Array, out: Uint8Array, options: CheckOptions): number {
  try {
    return into(checker, body, out, options.now?.epochMs ?? Number.NaN);
  } catch (error) {
    throw errorOf(error);
  }
}

function batchBytes(body: unknown): Uint8Array {
  if (typeof body === "string" || body instanceof Uint8Array) return bytesOf(body, "body");
  return encodeItems(expectItems(body));
}

/** A checker of the native half, and what it was opened with. */
interface Opened {
  readonly family: Family | undefined;
  readonly orgId: string;
  readonly directory: Directory | undefined;
  /** As JSON text: the object that they came in may change. */
  readonly limits: string | undefined;
  readonly checker: number;
}

/** Most checkers kept open. */
const MOST_OPEN = 16;
/** Most recently used first. */
const opened: Opened[] = [];

function checkerOf(options: CheckOptions): number {
  const { family, orgId, directory } = options;
  const limits = options.limits === undefined ? undefined : JSON.stringify(options.limits);
  const isSame = (one: Opened): boolean =>
    one.orgId === orgId && one.family === family && one.directory === directory && one.limits === limits;
  const [first] = opened;
  if (first !== undefined && isSame(first)) return first.checker;
  const at = opened.findIndex(isSame);
  const found = at < 0 ? open(family, orgId, directory, limits) : opened.splice(at, 1)[0];
  if (found === undefined) throw new RangeError("a checker that was found is not there");
  opened.unshift(found);
  const last = opened.length > MOST_OPEN ? opened.pop() : undefined;
  if (last !== undefined) native.closeChecker(last.checker);
  return found.checker;
}

function open(
  family: Family | undefined,
  orgId: string,
  directory: Directory | undefined,
  limits: string | undefined,
): Opened {
  if (typeof orgId !== "string") throw new TypeError(`orgId must be a string, not ${kindOf(orgId)}`);
  if (directory !== undefined && !(directory instanceof Directory)) {
    throw new TypeError(`directory must be a Directory, not ${kindOf(directory)}`);
  }
  try {
    const checker = native.openChecker(family ?? "invoke", orgId, limits, directory && handleOf(directory));
    return { family, orgId, directory, limits, checker };
  } catch (error) {
    throw errorOf(error);
  }
}
