// The protocol's own tables, as the engine has them.

import type { Family } from "./items.js";
import { native } from "./native.js";

/** What the published table says of one code. */
export interface CodeInfo {
  /** The code. */
  readonly code: number;
  /** The exact published message. */
  readonly msg: string;
  /**
   * Where it surfaces: `request` (the whole request), `response` (one item, at once), `channel` (one item, later),
   * `channels` (the calls that create, get, list, update and delete channels).
   */
  readonly planes: readonly ("request" | "response" | "channel" | "channels")[];
  /** Whether the command's effect is known with this code. */
  readonly certainty: "known" | "unknown";
  /** Whether sending the command again is safe. */
  readonly retry: "needless" | "afterfix" | "later" | "decide" | "unsafe";
}

/** How one family differs from the other. */
export interface FamilyInfo {
  /** Its name. */
  readonly name: Family;
  /** Path of the batch call. */
  readonly path: string;
  /** The `action` of the later alias `/edge-service/v1/commands`. */
  readonly action: string;
  /** Path of the channel calls. */
  readonly channelsPath: string;
  /** Field that names an item's channel. */
  readonly channelField: string;
  /** What every channel id of this family starts with. */
  readonly channelPrefix: string;
  /** Field that names an item's target. */
  readonly targetField: string;
  /** The code that says that a channel exists already. */
  readonly channelExists: number;
  /** The code that says that a channel does not exist. */
  readonly channelMissing: number;
}

/** The whole published table of codes, in ascending order. */
export const CODES: readonly CodeInfo[] = frozen(JSON.parse(native.codesJson()) as CodeInfo[]);

/** How the families differ, by name. */
export const FAMILIES: { readonly [F in Family]: FamilyInfo } = frozen(
  JSON.parse(native.familiesJson()) as { [F in Family]: FamilyInfo },
);

const BY_CODE = new Map(CODES.map((info) => [info.code, info]));

/** What the published table says of a code; undefined for a code that is not in it. */
export function codeInfo(code: number): CodeInfo | undefined {
  return BY_CODE.get(code);
}

function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) frozen(inner);
  }
  return Object.freeze(value);
}
