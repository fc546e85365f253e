// What is worth knowing and nobody's to handle.

import { debuglog } from "node:util";

/** Written to standard error with `NODE_DEBUG=setpoint`. */
export const debug = debuglog("setpoint");

/** A function of the caller's failed. Told as a warning of the process, which hurts nobody. */
export function warn(what: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`${what} failed`, { type: "SetpointWarning", detail });
}
