// Parses a server-sent event stream. Bounded: an event that is too large is skipped and reported.

/** One event. `data` is null if it was too large. */
export interface Parsed {
  readonly kind: string;
  readonly data: Uint8Array | null;
}

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Allowance for the field name and the line end, beyond the data. */
const FIELD_BYTES = 64;

/** Bytes in, events out. */
export class Parser {
  /** The id of the last complete event; undefined before the first. */
  lastId: string | undefined;
  readonly #most: number;
  #line: Uint8Array[] = [];
  #lineBytes = 0;
  /** The last byte was a CR: an LF right after it belongs to the same line end. */
  #afterCr = false;
  #isStart = true;
  #kind = "";
  #data: Uint8Array[] = [];
  #size = 0;
  #isTooLarge = false;
  #pendingId: string | undefined;

  /** `most` bounds the data of an event, in bytes. */
  constructor(most: number, lastId?: string) {
    this.#most = most;
    this.lastId = lastId;
    this.#pendingId = lastId;
  }

  /** How many bytes of an unfinished line are held. */
  get held(): number {
    return this.#lineBytes;
  }

  /** Takes the next piece of the stream, which may be cut anywhere. It is parsed as far as the iterator is read. */
  *push(chunk: Uint8Array): Generator<Parsed> {
    let start = 0;
    if (chunk.length === 0) return;
    if (this.#afterCr && chunk[0] === LF) start = 1;
    this.#afterCr = false;
    while (start < chunk.length) {
      const end = lineEnd(chunk, start);
      if (end === -1) break;
      this.#extend(chunk.subarray(start, end));
      const isCr = chunk[end] === CR;
      start = end + (isCr && chunk[end + 1] === LF ? 2 : 1);
      this.#afterCr = isCr && end === chunk.length - 1;
      const parsed = this.#endLine();
      if (parsed !== undefined) yield parsed;
    }
    if (start < chunk.length) this.#extend(chunk.subarray(start));
  }

  #extend(part: Uint8Array): void {
    const room = Math.max(this.#most + FIELD_BYTES - this.#lineBytes, 0);
    if (part.length > room) this.#isTooLarge = true;
    if (room === 0 || part.length === 0) return;
    const kept = part.length > room ? part.subarray(0, room) : part;
    this.#line.push(kept);
    this.#lineBytes += kept.length;
  }

  #endLine(): Parsed | undefined {
    let line: Uint8Array = this.#line.length === 1 ? (this.#line[0] as Uint8Array) : Buffer.concat(this.#line);
    this.#line = [];
    this.#lineBytes = 0;
    if (this.#isStart) {
      this.#isStart = false;
      if (BOM.equals(line.subarray(0, 3))) line = line.subarray(3);
    }
    if (line.length === 0) return this.#dispatch();
    const colon = line.indexOf(COLON);
    const name = text(colon === -1 ? line : line.subarray(0, colon));
    const from = line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    this.#field(name, colon === -1 ? new Uint8Array() : line.subarray(from));
    return undefined;
  }

  #field(name: string, value: Uint8Array): void {
    if (name === "data") {
      this.#size += value.length;
      if (this.#size > this.#most) this.#isTooLarge = true;
      // Skipped data counts as data, so that its event is reported.
      this.#data.push(this.#isTooLarge ? new Uint8Array() : value);
    } else if (name === "event") {
      this.#kind = text(value);
    } else if (name === "id" && !value.includes(0)) {
      this.#pendingId = text(value);
    }
    // Comments (an empty name), `retry` and unknown fields are ignored.
  }

  #dispatch(): Parsed | undefined {
    this.lastId = this.#pendingId;
    const kind = this.#kind || "message";
    const data = this.#data;
    const isTooLarge = this.#isTooLarge;
    this.#kind = "";
    this.#data = [];
    this.#size = 0;
    this.#isTooLarge = false;
    if (isTooLarge) return { kind, data: null };
    return data.length === 0 ? undefined : { kind, data: joined(data) };
  }
}

function lineEnd(chunk: Uint8Array, start: number): number {
  const lf = chunk.indexOf(LF, start);
  // Only as far as the line goes: a search to the end of the chunk for each line would be quadratic.
  const cr = chunk.subarray(start, lf === -1 ? chunk.length : lf).indexOf(CR);
  return cr === -1 ? lf : start + cr;
}

function joined(lines: readonly Uint8Array[]): Uint8Array {
  if (lines.length === 1) return lines[0] as Uint8Array;
  return Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [Buffer.of(LF), line])));
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
