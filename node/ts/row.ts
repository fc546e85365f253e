// Blocks and rows as the native half writes them; `node/src/row_layout.rs` describes both.

import {
  BLOCK_HAS_MORE,
  BLOCK_IS_ASCII,
  HEAD_EVENTS,
  HEAD_FLAGS,
  HEAD_LENGTH,
  HEAD_NUMBERS,
  HEAD_TEXT_BYTES,
  KIND_MASK,
  NULL_TEXT_SHIFT,
  NULL_TIME_SHIFT,
  ROW_LENGTH_SHIFT,
  TEXTS,
  TIMES,
} from "./row-layout.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for what is not ASCII
const NOT_ASCII = /[^\x00-\x7f]/;

/** Events that crossed together: the numbers of all rows, and their text. Several blocks share one `Room`. */
export class Block {
  /** All numbers of the room. */
  readonly numbers: Int32Array;
  /** How many events there are. */
  readonly events: number;
  /** Whether there may be another block. */
  readonly hasMore: boolean;
  /** Where the rows start in `numbers`. */
  readonly start: number;
  /** Where they end. */
  readonly end: number;
  readonly #bytes: Buffer;
  readonly #textLength: number;
  readonly #isAscii: boolean;
  #text: string | undefined;

  /** The block that the native half wrote into `room` from the byte `at` on. */
  constructor(room: Room, at: number) {
    const { numbers } = room;
    const head = at / 4;
    this.numbers = numbers;
    this.events = numbers[head + HEAD_EVENTS] as number;
    this.start = head + HEAD_LENGTH;
    this.end = this.start + (numbers[head + HEAD_NUMBERS] as number);
    this.#bytes = room.bytes;
    this.#textLength = numbers[head + HEAD_TEXT_BYTES] as number;
    const flags = numbers[head + HEAD_FLAGS] as number;
    this.#isAscii = (flags & BLOCK_IS_ASCII) !== 0;
    this.hasMore = (flags & BLOCK_HAS_MORE) !== 0;
  }

  /** The kind of the event whose row starts at `at`. */
  kind(at: number): number {
    return (this.numbers[at] as number) & KIND_MASK;
  }

  /** Where the row after the one at `at` starts. */
  next(at: number): number {
    return at + ((this.numbers[at] as number) >>> ROW_LENGTH_SHIFT);
  }

  /** The text in this range of bytes. */
  slice(start: number, end: number): string {
    const text = this.#all().substring(start, end);
    return this.#isAscii || !NOT_ASCII.test(text) ? text : Buffer.from(text, "latin1").toString();
  }

  /** All text, with one character for each byte of UTF-8: slices of a string cost least. */
  #all(): string {
    if (this.#text === undefined) {
      const start = 4 * this.end;
      this.#text = this.#bytes.toString("latin1", start, start + this.#textLength);
    }
    return this.#text;
  }
}

/** Memory that several blocks share. */
export class Room {
  readonly bytes: Buffer;
  readonly numbers: Int32Array;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafeSlow(length);
    this.numbers = new Int32Array(this.bytes.buffer, 0, length / 4);
  }
}

// Members of a row have symbols as names: they are neither listed nor copied with the event's own.
const BLOCK = Symbol("block");
/** Where the row starts in the block's numbers. */
const AT = Symbol("at");
/** A value that was made of the row when it was first asked for. */
const MADE = Symbol("made");

/** A row of a block, which is an event or its outcome. Events are many, so each is one object with no other inside. */
export abstract class Row {
  /** @internal */
  declare readonly [BLOCK]: Block;
  /** @internal */
  declare readonly [AT]: number;
  /** @internal */
  declare [MADE]: unknown;

  // Rows are made by `makerOf`.
  protected constructor() {}

  /** @internal Its block, and where it starts in there. */
  protected get place(): [block: Block, at: number] {
    return [this[BLOCK], this[AT]];
  }

  /** @internal A value that is made when it is first asked for, and kept. */
  protected once<T>(make: () => T): T {
    this[MADE] ??= make();
    return this[MADE] as T;
  }

  /** @internal Whether one of the flags is set. */
  protected flag(flag: number): boolean {
    return (this.number(0) & flag) !== 0;
  }

  /** @internal One of its texts; null if it is null. */
  protected text(which: number): string | null {
    if (this.flag(1 << (NULL_TEXT_SHIFT + which))) return null;
    const place = TEXTS + 2 * which;
    return this[BLOCK].slice(this.number(place), this.number(place + 1));
  }

  /** @internal One of its times; null if it is null. */
  protected time(which: number): number | null {
    return this.flag(1 << (NULL_TIME_SHIFT + which)) ? null : this.long(TIMES + 2 * which);
  }

  /** @internal One of its times with all digits. */
  protected timeExact(which: number): bigint | null {
    return this.flag(1 << (NULL_TIME_SHIFT + which)) ? null : this.exact(TIMES + 2 * which);
  }

  /** @internal A number of 32 bits. */
  protected number(place: number): number {
    return this[BLOCK].numbers[this[AT] + place] as number;
  }

  /** @internal A number of 64 bits; NaN if it would have to be rounded. */
  protected long(place: number): number {
    const number = this.number(place + 1) * 4_294_967_296 + (this.number(place) >>> 0);
    return Number.isSafeInteger(number) ? number : Number.NaN;
  }

  /** @internal Whether a number of 64 bits is 0. */
  protected isZero(place: number): boolean {
    return (this.number(place) | this.number(place + 1)) === 0;
  }

  /** @internal A number of 64 bits with all digits. */
  protected exact(place: number): bigint {
    return (BigInt(this.number(place + 1)) << 32n) | BigInt(this.number(place) >>> 0);
  }
}

/**
 * Makes the rows of a class without its constructor: V8 makes an object at once if no constructor calls another one, which is
 * two thirds of what an event costs otherwise.
 */
export function makerOf<R extends Row>(kind: { readonly prototype: R }): new (block: Block, at: number) => R {
  function Made(this: { [BLOCK]: Block; [AT]: number; [MADE]: unknown }, block: Block, at: number): void {
    this[BLOCK] = block;
    this[AT] = at;
    this[MADE] = undefined;
  }
  Made.prototype = kind.prototype;
  return Made as unknown as new (
    block: Block,
    at: number,
  ) => R;
}
