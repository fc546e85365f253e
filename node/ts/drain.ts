// What a requester of the native half tells, in blocks.

import { native } from "./native.js";
import { Block, Room } from "./row.js";

/**
 * So much is allocated for the blocks to come, in bytes: more, and the memory is new to the process each time; less, and a
 * message of 100 replies has none for it.
 */
const ROOM = 1 << 16;
/** In which the next block is written. It is never written to twice: events read from it as long as they are kept. */
let room = new Room(ROOM);
let free = 0;

/** What happened next; null if nothing did. */
export function drain(requester: number): Block | null {
  let length = native.pollInto(requester, room.bytes, free);
  while (length < 0) {
    enter(-length);
    length = native.pollInto(requester, room.bytes, free);
  }
  if (length === 0) return null;
  const block = new Block(room, free);
  // Rows are numbers of four bytes.
  free = (free + length + 3) & ~3;
  return block;
}

/** Takes new room, of which so many bytes are needed. */
function enter(needed: number): void {
  room = new Room(Math.max(ROOM, (needed + 3) & ~3));
  free = 0;
}
