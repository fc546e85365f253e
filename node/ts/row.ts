// Events as the native half writes them: `events.rs` has the layout.

const ROW = 19;
const WRITE = 1 << 8;
const OUTCOME = 1 << 9;
const SAID = 1 << 10;
const NULL_TEXT = 16;
const NULL_TIME = 24;
const TEXTS = 10;
const SUMMARY = 11;

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

/** One event of a block. */
export class Row {
  readonly #block: Block;
  /** Where its numbers start. */
  readonly #at: number;

  constructor(block: Block, index: number) {
    this.#block = block;
    this.#at = index * ROW;
  }

  get kind(): number {
    return this.#number(0) & 0xff;
  }

  get isWrite(): boolean {
    return (this.#number(0) & WRITE) !== 0;
  }

  get hasOutcome(): boolean {
    return (this.#number(0) & OUTCOME) !== 0;
  }

  /** What is said of it besides: see `events.rs`. */
  get said(): boolean {
    return (this.#number(0) & SAID) !== 0;
  }

  get batch(): number {
    return this.#long(1);
  }

  get index(): number {
    return this.#number(3);
  }

  get code(): number {
    return this.#long(4);
  }

  get codeExact(): bigint {
    return this.#exact(4);
  }

  time(which: 0 | 1): number | null {
    return this.#isNullTime(which) ? null : this.#long(6 + 2 * which);
  }

  timeExact(which: 0 | 1): bigint | null {
    return this.#isNullTime(which) ? null : this.#exact(6 + 2 * which);
  }

  text(which: number): string | null {
    if ((this.#number(0) & (1 << (NULL_TEXT + which))) !== 0) return null;
    return this.#block.text.substring(this.#number(TEXTS + which), this.#number(TEXTS + which + 1));
  }

  /** How many items of a batch ended in the way of that place. */
  counted(place: number): number {
    return this.#number(SUMMARY + place);
  }

  #number(place: number): number {
    return this.#block.numbers[this.#at + place] as number;
  }

  /** A number of 64 bits; NaN if it would have to be rounded. */
  #long(place: number): number {
    const number = this.#number(place + 1) * 4_294_967_296 + (this.#number(place) >>> 0);
    return Number.isSafeInteger(number) ? number : Number.NaN;
  }

  #exact(place: number): bigint {
    return (BigInt(this.#number(place + 1)) << 32n) | BigInt(this.#number(place) >>> 0);
  }

  #isNullTime(which: 0 | 1): boolean {
    return (this.#number(0) & (1 << (NULL_TIME + which))) !== 0;
  }
}
