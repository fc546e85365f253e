// Finds and loads the native half.

import { existsSync } from "node:fs";
import { join } from "node:path";

import type * as Native from "../native.js";
import { LoadError } from "./errors.js";
import { libc, triple } from "./platform.js";

/** The native half of the package: what `native.d.ts` describes, and `node/src/raw_calls.rs`. */
export type Binding = typeof Native & {
  readonly checkInto: CheckInto;
  readonly checkTextInto: CheckInto;
  readonly checkReportInto: CheckInto;
  /**
   * Submits a batch of a family (0: invoke, 1: write) and returns its number; `NaN` if the body is shared with other threads.
   * Writes two doubles into `out`: the number of items, and the patience in milliseconds.
   */
  readonly submit: (
    requester: number,
    family: number,
    body: Uint8Array,
    out: Uint8Array,
    monotonicMs: number,
    epochMs: number,
  ) => number;
  /** Returns the number of replies in the message; `NaN` if the body is shared with other threads. */
  readonly handleMessage: (requester: number, body: Uint8Array) => number;
  /**
   * Writes the next block of events (`node/src/row_layout.rs`) from the byte `at` on. Returns its length; 0 if there is none; the
   * negated length if it does not fit.
   */
  readonly pollInto: (requester: number, out: Uint8Array, at: number) => number;
};

/** Returns the length written; negated, and nothing written, if it does not fit; `NaN` if the body is shared with other threads. */
export type CheckInto = (checker: number, body: Uint8Array, out: Uint8Array, epochMs: number) => number;

/** Where a binary may be. */
export interface Place {
  /** A path of a file, or the name of a package. */
  readonly path: string;
  /** Whether it exists: then a failure to load it is the error to report. */
  readonly exists: boolean;
}

/** Loads the binary from the first place that has a usable one. */
export function load(places: readonly Place[], open: (path: string) => unknown): Binding {
  const tried: { path: string; reason: string }[] = [];
  let first: { isThere: boolean; error: unknown } | undefined;
  for (const { path, exists } of places) {
    try {
      return open(path) as Binding;
    } catch (error) {
      tried.push({ path, reason: reasonOf(error) });
      // The error of a file that exists and does not load says more than that others do not exist.
      if (first === undefined || (exists && !first.isThere)) first = { isThere: exists, error };
    }
  }
  throw new LoadError(describe(tried, first), tried, first?.error);
}

/** The places where this package looks, in order: beside itself, and in the package of this platform. */
export function places(): Place[] {
  const name = triple();
  const file = join(__dirname, "..", "native", `setpoint.${name}.node`);
  const packaged = `@setpoint/binding-${name}`;
  return [
    { path: file, exists: existsSync(file) },
    { path: packaged, exists: isInstalled(packaged) },
  ];
}

function describe(tried: readonly { path: string; reason: string }[], first: { isThere: boolean } | undefined): string {
  const machine = [`${process.platform}-${process.arch}`, libc(), `Node ${process.versions.node}`];
  const advice = first?.isThere
    ? "the binary is there, but this system cannot load it"
    : `no binary for this platform is installed; install setpoint again without --omit=optional, or build it from source with Node and Rust ("npm run build")`;
  const list = tried.map(({ path, reason }) => `  ${path}: ${reason}`);
  return [`setpoint has no native binary on ${machine.filter(Boolean).join(", ")}: ${advice}. Tried:`, ...list].join(
    "\n",
  );
}

/** The first line; the others list the modules that required it. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}
