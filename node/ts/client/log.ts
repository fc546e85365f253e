// Messages for people: debug output and warnings.

import { debuglog } from "node:util";

/** Written to standard error with `NODE_DEBUG=setpoint`. */
export const debug = debuglog("setpoint");

/** A function of the caller's failed. Emits a warning of the process; nothing else happens. */
export function warn(what: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`${what} failed`, { type: "SetpointWarning", detail });
}
