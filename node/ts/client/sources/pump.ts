// Forwards the events of a source to the client.

import { setImmediate } from "node:timers/promises";

import { debug, warn } from "../log.js";
import type { ChannelSource, SourceEvent } from "./events.js";

/** Messages taken from a source that never waits before other tasks get a turn. */
const IN_A_ROW = 64;

/** The receiver of a source's events. */
export interface Taker {
  /** The next message or change. */
  sourceEvent(name: string, event: SourceEvent): void;
  /** The source has ended. */
  sourceEnded(name: string, reason: string): void;
}

/** Runs until the source ends. Events after the signal are dropped. */
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
    // A source that throws has ended, and is reported as such: otherwise later batches would be sent without anybody to receive
    // their outcomes.
    warn(name, error);
    reason = `it failed: ${String(error)}`;
  }
  if (!signal.aborted) taker.sourceEnded(name, reason);
}
