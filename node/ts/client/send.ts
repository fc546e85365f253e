// Sends one batch until its response has been read, or until the batch has ended without one.

import { performance } from "node:perf_hooks";

import type { Family } from "../items.js";
import { Backoff, pauseFor } from "./backoff.js";
import type { Attempt, Http } from "./http.js";
import { debug } from "./log.js";
import type { Release, Slots } from "./slots.js";

/** What follows an attempt: nothing, or the same body again after a pause. */
export type Next = "done" | "again";

/** What sending needs, the same for every batch. */
export interface Sending {
  readonly http: Http;
  /** Where the batches of each family go. */
  readonly urls: { readonly [F in Family]: string };
  /** One slot for each request under way. */
  readonly slots: Slots;
  /** How long one attempt waits for its response. */
  readonly responseTimeoutMs: number;
  /** How often a connection is tried before a batch that was never sent is given up. */
  readonly connectAttempts: number;
  /** The first and the longest pause. */
  readonly backoffMs: readonly [number, number];
}

/** A batch that is being sent. */
export interface PendingBatch {
  readonly batch: number;
  readonly family: Family;
  readonly body: Uint8Array;
  /** How long it may be sent again. */
  readonly patienceMs: number;
}

/** Who knows the state of a batch. */
export interface Judge {
  /** The batch is about to be sent once more. */
  resending(batch: number): void;
  /** An attempt is over. Says whether there is to be another. */
  attempted(batch: number, attempt: Attempt): Next;
}

/**
 * Runs until there is nothing more to send, or until the signal says that the batch has ended. The first slot is given.
 *
 * A body is not sent again once the shortest of its items' timeouts has passed: by then nobody expects that command to
 * be executed. The items are then left to their deadlines.
 */
export async function send(
  sending: Sending,
  { batch, family, body, patienceMs }: PendingBatch,
  first: Release,
  judge: Judge,
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + patienceMs;
  const backoff = new Backoff(...sending.backoffMs);
  let release = first;
  let mayHaveArrived = false;
  let connectionsRefused = 0;
  for (;;) {
    let attempt: Attempt;
    try {
      if (mayHaveArrived) judge.resending(batch);
      attempt = await sending.http.call("PUT", sending.urls[family], body, sending.responseTimeoutMs, signal);
    } finally {
      // Releases the request slot while waiting, so that other batches can use it.
      release();
    }
    if (signal.aborted) return;
    debug("batch %d: %o", batch, attempt.kind === "response" ? attempt.status : attempt);
    const notSent = attempt.kind === "notSent";
    connectionsRefused += Number(notSent);
    const pause = backoff.pause();
    const isTimeLeft = (): boolean => performance.now() + pause < until;
    const anotherConnection = notSent && connectionsRefused < sending.connectAttempts && isTimeLeft();
    if (!anotherConnection) {
      mayHaveArrived ||= !notSent;
      if (judge.attempted(batch, attempt) === "done" || !isTimeLeft()) return;
    }
    await pauseFor(pause, signal);
    try {
      release = await sending.slots.acquire(signal);
    } catch {
      // The batch has ended, or the client is closing.
      return;
    }
  }
}
