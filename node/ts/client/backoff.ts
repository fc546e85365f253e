// Exponential back-off with jitter.

/** Doubling pauses with jitter, from `firstMs` up to `mostMs`. */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  #next: number;

  constructor(firstMs: number, mostMs: number) {
    this.#first = firstMs;
    this.#most = Math.max(firstMs, mostMs);
    this.#next = firstMs;
  }

  /** The next pause in ms: between half and all of the step, so that many clients do not come back at once. */
  pause(): number {
    const step = this.#next;
    this.#next = Math.min(step * 2, this.#most);
    return step / 2 + (Math.random() * step) / 2;
  }

  /** After a success: the next pause is the first one again. */
  reset(): void {
    this.#next = this.#first;
  }
}

/** Waits, or returns early when the signal says so. Keeps the process alive meanwhile. */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
