// Events as the native half writes them: `events.rs` has the layout.

/** The outcome is one of the write family. */
export const WRITE = 1 << 4;
/** There is an outcome. */
export const OUTCOME = 1 << 5;
/** The whole request was refused; or it is known that nothing was sent; or a duplicate says something else. */
export const SAID = 1 << 6;
/** Where the batch stands in a row. */
export const BATCH = 1;
/** Where the index stands. */
export const INDEX = 3;
/** Where the code stands. */
export const CODE = 6;
/** Where the counts of a batch stand. */
export const SUMMARY = 3;
const TIMES = 8;
const REQUEST_ID = 4;
const OTHERS = 12;
const NULL_TEXT = 8;
const NULL_TIME = 16;
/** How many numbers come before the rows of a block. */
const HEAD = 4;
/** By how much the head of a row is shifted for how many numbers it has, and what of it is the kind. */
const LENGTH = 26;
const KIND = 0xf;

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is no ASCII is looked for
const NOT_ASCII = /[^\x00-\x7f]/;

/** What was told at once: the numbers of all rows, and their text. Several of them share the room that they lie in. */
export class Block {
  /** The numbers of its room. */
  readonly numbers: Int32Array;
  /** How many events there are. */
  readonly events: number;
  /** Whether there may be another block. */
  readonly hasMore: boolean;
  /** From where to where in the numbers their rows stand. */
  readonly start: number;
  readonly end: number;
  readonly #bytes: Buffer;
  readonly #textLength: number;
  readonly #isAscii: boolean;
  #text: string | undefined;

  /** The block that the native half wrote into a room at a byte. */
  constructor(room: Room, at: number) {
    const { numbers } = room;
    const head = at / 4;
    this.numbers = numbers;
    this.events = numbers[head] as number;
    this.start = head + HEAD;
    this.end = this.start + (numbers[head + 1] as number);
    this.#bytes = room.bytes;
    this.#textLength = numbers[head + 2] as number;
    const flags = numbers[head + 3] as number;
    this.#isAscii = (flags & 1) !== 0;
    this.hasMore = (flags & 2) !== 0;
  }

  /** The number of the kind of the event whose row starts there. */
  kind(at: number): number {
    return (this.numbers[at] as number) & KIND;
  }

  /** Where the row after the one that starts there does. */
  next(at: number): number {
    return at + ((this.numbers[at] as number) >>> LENGTH);
  }

  /** A text of it. */
  slice(start: number, end: number): string {
    const text = this.#all().substring(start, end);
    return this.#isAscii || !NOT_ASCII.test(text) ? text : Buffer.from(text, "latin1").toString();
  }

  /** All text of it, a character for each byte of UTF-8: slices of a string cost least. */
  #all(): string {
    if (this.#text === undefined) {
      const start = 4 * this.end;
      this.#text = this.#bytes.toString("latin1", start, start + this.#textLength);
    }
    return this.#text;
  }
}

/** Memory for blocks. */
export class Room {
  readonly bytes: Buffer;
  readonly numbers: Int32Array;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafeSlow(length);
    this.numbers = new Int32Array(this.bytes.buffer, 0, length / 4);
  }
}

// What a row holds, under symbols: neither listed nor copied with what an event says.
const BLOCK = Symbol("block");
/** Where its numbers start. */
const AT = Symbol("at");
/** What was made of it. */
const MADE = Symbol("made");

/** What an event says: a row of a block. Events are many, so none has another object for that. */
export abstract class Row {
  /** @internal */
  declare readonly [BLOCK]: Block;
  /** @internal */
  declare readonly [AT]: number;
  /** @internal */
  declare [MADE]: unknown;

  // Rows are made by `makerOf`.
  protected constructor() {}

  /** @internal Where it stands. */
  protected get place(): [block: Block, at: number] {
    return [this[BLOCK], this[AT]];
  }

  /** @internal What is made of it when it is first asked for. */
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
    if (this.flag(1 << (NULL_TEXT + which))) return null;
    const place = which === 0 ? REQUEST_ID : OTHERS + 2 * (which - 1);
    return this[BLOCK].slice(this.number(place), this.number(place + 1));
  }

  /** @internal One of its times; null if it is null. */
  protected time(which: 0 | 1): number | null {
    return this.flag(1 << (NULL_TIME + which)) ? null : this.long(TIMES + 2 * which);
  }

  /** @internal One of its times with all digits. */
  protected timeExact(which: 0 | 1): bigint | null {
    return this.flag(1 << (NULL_TIME + which)) ? null : this.exact(TIMES + 2 * which);
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
