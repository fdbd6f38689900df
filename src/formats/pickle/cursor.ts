import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { IntegerWidth } from "./opcodes.ts";
import type { PickleRange } from "./value.ts";

/** Bytes read at a time; a pickle's opcodes are close together, its payloads are stepped over. */
const WINDOW_BYTES = 64 * 1024;

/** Bytes read first, then twice as many each time: old files have thousands of pickles of a few bytes. */
const FIRST_WINDOW_BYTES = 1024;

/** Longest argument that is a line of text, in bytes; torch's and paddle's are names of at most 200. */
const MAX_LINE_BYTES = 16 * 1024;

/** A line of text, without the newline that ends it. */
export interface LooseLine {
  readonly bytes: Uint8Array;
  /** Of the whole line, of which `bytes` may be the beginning alone. */
  readonly byteLength: number;
  readonly hasNewline: boolean;
}

/**
 * Reads a source front to back through a small window. `need` makes bytes available, and the readers behind it are
 * synchronous, so that millions of small opcodes cost no promise each.
 */
export class PickleCursor {
  readonly #source: ByteSource;
  #window: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  #windowBegin: number;
  #index = 0;
  #windowBytes = FIRST_WINDOW_BYTES;

  constructor(source: ByteSource, begin: number) {
    this.#source = source;
    this.#windowBegin = begin;
  }

  /** Byte of the source that comes next. */
  get position(): number {
    return this.#windowBegin + this.#index;
  }

  get remaining(): number {
    return this.#source.byteLength - this.position;
  }

  /** True when `count` bytes can be read without waiting. */
  has(count: number): boolean {
    return this.#index + count <= this.#window.byteLength;
  }

  /** Makes the next `count` bytes readable, or all that are left when that is fewer. */
  async fill(count: number): Promise<void> {
    const begin = this.position;
    const length = Math.min(Math.max(count, this.#windowBytes), this.remaining);
    this.#windowBytes = Math.min(2 * this.#windowBytes, WINDOW_BYTES);
    this.#window = await this.#source.read(begin, length);
    this.#view = new DataView(
      this.#window.buffer,
      this.#window.byteOffset,
      this.#window.byteLength,
    );
    this.#windowBegin = begin;
    this.#index = 0;
  }

  /** @throws WbError WB3201 when fewer than `count` bytes are left in the source. */
  async need(count: number, what: string): Promise<void> {
    if (this.has(count)) return;
    if (count > this.remaining) {
      throw new WbError(
        "WB3201",
        `${this.#source.label}: ${what} at byte ${this.position} needs ${count} bytes, but only ${this.remaining} are left`,
        {
          details: {
            where: this.#source.label,
            offset: this.position,
            needed: count,
            left: this.remaining,
          },
        },
      );
    }
    await this.fill(count);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** The next whole number; a bigint for 64 bits. */
  integer(width: IntegerWidth): number | bigint {
    return this[width]();
  }

  f64be(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** The next `count` bytes, which `need` has made available; valid until the next `fill` or for ever (never reused). */
  bytes(count: number): Uint8Array {
    const begin = this.#advance(count);
    return this.#window.subarray(begin, begin + count);
  }

  /** Steps over `count` bytes and gives them as a range of the source, unread. */
  range(count: number): PickleRange {
    const begin = this.position;
    if (this.has(count)) this.#index += count;
    else {
      this.#windowBegin = begin + count;
      this.#window = new Uint8Array(0);
      this.#view = new DataView(this.#window.buffer);
      this.#index = 0;
    }
    return { parent: this.#source, begin, byteLength: count };
  }

  /** Bytes up to the next newline, which is stepped over. */
  async line(what: string): Promise<Uint8Array> {
    let end = this.#window.indexOf(0x0a, this.#index);
    if (end < 0 && !this.has(Math.min(MAX_LINE_BYTES, this.remaining))) {
      await this.fill(MAX_LINE_BYTES);
      end = this.#window.indexOf(0x0a, this.#index);
    }
    if (end < 0 || end - this.#index > MAX_LINE_BYTES) {
      const atEnd = this.remaining <= MAX_LINE_BYTES;
      throw new WbError(
        atEnd ? "WB3201" : "WB5204",
        `${this.#source.label}: ${what} at byte ${this.position} is a line of text with no end within ${Math.min(MAX_LINE_BYTES, this.remaining)} bytes`,
        { details: { where: this.#source.label } },
      );
    }
    const bytes = this.#window.subarray(this.#index, end);
    this.#index = end + 1;
    return bytes;
  }

  /**
   * Bytes up to the next newline, which is stepped over, or up to the end of the source. Of a long line only the first
   * `keep` bytes are given. Undefined when no newline comes within `limit` bytes.
   */
  looseLine(keep: number, limit: number): LooseLine | Promise<LooseLine | undefined> {
    const end = this.#window.indexOf(0x0a, this.#index);
    const byteLength = end - this.#index;
    // Most lines are short and in the window: a promise for each would take longer than the line.
    if (end < 0 || byteLength > Math.min(keep, limit)) return this.#longLine(keep, limit);
    const bytes = this.#window.subarray(this.#index, end);
    this.#index = end + 1;
    return { bytes, byteLength, hasNewline: true };
  }

  async #longLine(keep: number, limit: number): Promise<LooseLine | undefined> {
    let kept: Uint8Array = new Uint8Array(0);
    let byteLength = 0;
    while (byteLength <= limit) {
      if (!this.has(1)) await this.fill(1);
      const newline = this.#window.indexOf(0x0a, this.#index);
      const end = newline < 0 ? this.#window.byteLength : newline;
      const part = this.#window.subarray(this.#index, end);
      byteLength += part.byteLength;
      if (kept.byteLength < keep)
        kept = Buffer.concat([kept, part.subarray(0, keep - kept.byteLength)]);
      this.#index = newline < 0 ? end : end + 1;
      if (newline >= 0) return { bytes: kept, byteLength, hasNewline: true };
      if (this.remaining === 0) return { bytes: kept, byteLength, hasNewline: false };
    }
    return undefined;
  }

  #advance(count: number): number {
    const begin = this.#index;
    this.#index += count;
    return begin;
  }
}
