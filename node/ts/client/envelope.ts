// The answers of the calls that are not batches: `{"status":…,"msg":…,"submsg":…,"data":…}`.

import { codeInfo } from "../tables.js";

/** An answer of this shape. */
export interface Envelope {
  readonly status: number;
  /** Never empty if the status is a known code. */
  readonly msg: string;
  readonly submsg: string | null;
  readonly data: unknown;
}

/** Reads an answer. Throws an `Error` that says why for anything else. */
export function openEnvelope(body: Uint8Array): Envelope {
  const content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown;
  if (!isObject(content)) throw new Error("it is not an object");
  const { status, msg, submsg, data } = content;
  if (typeof status !== "number" || !Number.isSafeInteger(status)) throw new Error("it has no status");
  if (!isText(msg) || !isText(submsg)) throw new Error("its msg or submsg is not text");
  return { status, msg: msg || (codeInfo(status)?.msg ?? ""), submsg: submsg ?? null, data };
}

/** The message of an answer, for people; undefined if it does not have this shape. */
export function said(body: Uint8Array): string | undefined {
  try {
    const { status, msg, submsg } = openEnvelope(body);
    return submsg && submsg !== msg ? `${status} ${msg}: ${submsg}` : `${status} ${msg}`;
  } catch {
    return undefined;
  }
}

/** Whether it is an object with members, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}
