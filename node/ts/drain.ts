// Takes the events of a requester out of the native half, in blocks.

import { native } from "./native.js";
import { Block, Room } from "./row.js";

/**
 * Size of a room, in bytes. With a larger one, the memory is new to the process each time and has to be cleared; in a smaller
 * one, a message of 100 replies does not fit.
 */
const ROOM = 1 << 16;
/** Where the next block is written. Each byte is written once: events read from it as long as they are kept. */
let room = new Room(ROOM);
let free = 0;

/** The next block of events; null if nothing happened. */
export function drain(requester: number): Block | null {
  let length = native.pollInto(requester, room.bytes, free);
  while (length < 0) {
    replaceRoom(-length);
    length = native.pollInto(requester, room.bytes, free);
  }
  if (length === 0) return null;
  const block = new Block(room, free);
  // The next block starts at a whole number of four bytes.
  free = (free + length + 3) & ~3;
  return block;
}

/** Takes a new room that holds at least `needed` bytes. */
function replaceRoom(needed: number): void {
  room = new Room(Math.max(ROOM, (needed + 3) & ~3));
  free = 0;
}
