// Carries what a source yields to the client.

import { setImmediate } from "node:timers/promises";

import { debug, warn } from "../log.js";
import type { ChannelSource, SourceEvent } from "./events.js";

/** Messages taken from a source that never waits before everybody else has a turn. */
const IN_A_ROW = 64;

/** Who takes what a source yields. */
export interface Taker {
  /** The next message or change. */
  sourceEvent(name: string, event: SourceEvent): void;
  /** There is nothing more to come. */
  sourceEnded(name: string, reason: string): void;
}

/** Runs until the source ends; what it yields after the signal is nobody's any more. */
export async function run(source: ChannelSource, taker: Taker, signal: AbortSignal): Promise<void> {
  const { name } = source;
  let reason = "it yields no more messages";
  try {
    let taken = 0;
    for await (const event of source.events()) {
      if (signal.aborted) return;
      if (!(event instanceof Uint8Array)) debug("%s: %s %s", name, event.kind, "reason" in event ? event.reason : "");
      taker.sourceEvent(name, event);
      taken += 1;
      if (taken % IN_A_ROW === 0) await setImmediate();
    }
  } catch (error) {
    if (signal.aborted) return;
    // A plug-in's failure ends the plug-in, and is told like any other end: else every later batch would be sent, and
    // no outcome ever be heard.
    warn(name, error);
    reason = `it failed: ${String(error)}`;
  }
  if (!signal.aborted) taker.sourceEnded(name, reason);
}
