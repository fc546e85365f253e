// Events as the native half writes them: `events.rs` has the layout.

/** Numbers of a row. */
export const ROW = 19;
/** The outcome is one of the write family. */
export const WRITE = 1 << 8;
/** There is an outcome. */
export const OUTCOME = 1 << 9;
/** The whole request was refused; or it is known that nothing was sent; or a duplicate says something else. */
export const SAID = 1 << 10;
/** Where the batch stands in a row. */
export const BATCH = 1;
/** Where the index stands. */
export const INDEX = 3;
/** Where the code stands. */
export const CODE = 4;
/** Where the counts of a batch stand. */
export const SUMMARY = 11;
const TIMES = 6;
const TEXTS = 10;
const NULL_TEXT = 16;
const NULL_TIME = 24;

/** What was drained at once. */
export class Block {
  /** The numbers of all rows. */
  readonly numbers: Int32Array;
  /** How many events there are. */
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #isAscii: boolean;
  #text: string | undefined;

  constructor(bytes: Buffer) {
    // Numbers are read from a multiple of their size alone.
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(Uint8Array.from(bytes).buffer);
    const head = new Int32Array(aligned.buffer, aligned.byteOffset, 2);
    this.#bytes = aligned;
    this.count = head[0] as number;
    this.#isAscii = head[1] === 1;
    this.numbers = new Int32Array(aligned.buffer, aligned.byteOffset + 8, this.count * ROW);
  }

  /** The text of all events, decoded when the first of it is asked for. */
  get text(): string {
    this.#text ??= this.#decode();
    return this.#text;
  }

  #decode(): string {
    const start = 8 + 4 * ROW * this.count;
    return this.#bytes.toString(this.#isAscii ? "latin1" : "utf8", start);
  }
}

/** What an event says: a row of a block. Events are many, so none has another object for that. */
export abstract class Row {
  readonly #block: Block;
  /** Where its numbers start. */
  readonly #at: number;

  /** @internal */
  constructor(block: Block, at: number) {
    this.#block = block;
    this.#at = at;
  }

  /** @internal Where it stands. */
  protected get place(): [block: Block, at: number] {
    return [this.#block, this.#at];
  }

  /** @internal Whether one of the flags is set. */
  protected flag(flag: number): boolean {
    return (this.number(0) & flag) !== 0;
  }

  /** @internal One of its texts; null if it is null. */
  protected text(which: number): string | null {
    if (this.flag(1 << (NULL_TEXT + which))) return null;
    return this.#block.text.substring(this.number(TEXTS + which), this.number(TEXTS + which + 1));
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
    return this.#block.numbers[this.#at + place] as number;
  }

  /** @internal A number of 64 bits; NaN if it would have to be rounded. */
  protected long(place: number): number {
    const number = this.number(place + 1) * 4_294_967_296 + (this.number(place) >>> 0);
    return Number.isSafeInteger(number) ? number : Number.NaN;
  }

  /** @internal A number of 64 bits with all digits. */
  protected exact(place: number): bigint {
    return (BigInt(this.number(place + 1)) << 32n) | BigInt(this.number(place) >>> 0);
  }
}
