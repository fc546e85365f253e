// A bound on the requests under way at once.

import { ClosedError } from "./errors.js";

/** Gives a slot back; may be called more than once. */
export type Release = () => void;

interface Turn {
  come(release: Release): void;
  fail(error: unknown): void;
}

/** A bounded number of slots; further callers wait for their turn, in order. */
export class Slots {
  #free: number;
  #closed = false;
  // A set keeps the order, and a wait that is given up can be removed from the middle.
  readonly #waiting = new Set<Turn>();

  constructor(free: number) {
    this.#free = free;
  }

  /**
   * Waits for a slot. A wait that is given up takes none.
   *
   * Throws the signal's reason, and `ClosedError` once `close` was called.
   */
  acquire(signal?: AbortSignal): Promise<Release> {
    if (this.#closed) return Promise.reject(new ClosedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(this.#permit());
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(turn);
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => turn.fail(signal?.reason);
      const turn: Turn = {
        come(release) {
          leave();
          resolve(release);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      this.#waiting.add(turn);
      signal?.addEventListener("abort", abort);
    });
  }

  /** Ends every wait, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const turn of [...this.#waiting]) turn.fail(new ClosedError());
  }

  #permit(): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next.come(this.#permit());
    };
  }
}
