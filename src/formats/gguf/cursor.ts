import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";

/** Bytes read at a time: a vocabulary of 150,000 texts is a few MiB. */
const WINDOW_BYTES = 256 * 1024;

/** Longest text that is read: a chat template has some thousand characters, a token a few hundred. */
export const MAX_TEXT_BYTES = 2 ** 20;

/** Reads the header of a GGUF file front to back. `need` makes bytes available; the readers behind it do not wait. */
export class GgufCursor {
  readonly #source: ByteSource;
  readonly isLittle: boolean;
  #window: DataView = new DataView(new ArrayBuffer(0));
  #begin: number;
  #index = 0;

  constructor(source: ByteSource, begin: number, isLittle: boolean) {
    this.#source = source;
    this.#begin = begin;
    this.isLittle = isLittle;
  }

  get position(): number {
    return this.#begin + this.#index;
  }

  get #remaining(): number {
    return this.#source.byteLength - this.position;
  }

  /** Makes `count` bytes readable. @throws WbError WB3511 where fewer are left. */
  async need(count: number, what: string): Promise<void> {
    if (this.#index + count <= this.#window.byteLength) return;
    if (count > this.#remaining)
      throw damaged(
        this.#source.label,
        this.position,
        `${what} needs ${count} bytes, but only ${this.#remaining} are left`,
      );
    const begin = this.position;
    const bytes = await this.#source.read(
      begin,
      Math.min(Math.max(count, WINDOW_BYTES), this.#remaining),
    );
    this.#window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#begin = begin;
    this.#index = 0;
  }

  u32(): number {
    return this.#window.getUint32(this.#advance(4), this.isLittle);
  }

  u64(): bigint {
    return this.#window.getBigUint64(this.#advance(8), this.isLittle);
  }

  /** The next `count` bytes, as a view on them. */
  view(count: number): DataView {
    const at = this.#advance(count);
    return new DataView(this.#window.buffer, this.#window.byteOffset + at, count);
  }

  /** Steps over bytes unread. @throws WbError WB3511 where they reach past the end. */
  skip(count: number, what: string): void {
    if (count > this.#remaining)
      throw damaged(
        this.#source.label,
        this.position,
        `${what} of ${count} bytes reaches past the end, ${this.#remaining} are left`,
      );
    if (this.#index + count <= this.#window.byteLength) this.#index += count;
    else {
      this.#begin = this.position + count;
      this.#window = new DataView(new ArrayBuffer(0));
      this.#index = 0;
    }
  }

  /** A count or a length. @throws WbError WB5511 above `most`. */
  async count(most: number, what: string): Promise<number> {
    await this.need(8, what);
    const at = this.position;
    const value = this.u64();
    if (value <= BigInt(most)) return Number(value);
    throw new WbError(
      "WB5511",
      `${this.#source.label}: ${what} at byte ${at} is ${value}, expected at most ${most}`,
      { details: { path: this.#source.label, offset: at } },
    );
  }

  /** A text: its length, then UTF-8. @throws WbError WB3511, WB5511. */
  async text(what: string): Promise<string> {
    const length = await this.count(MAX_TEXT_BYTES, `the length of ${what}`);
    await this.need(length, what);
    const at = this.position;
    try {
      return UTF8.decode(this.view(length));
    } catch {
      throw damaged(this.#source.label, at, `${what} is not UTF-8`);
    }
  }

  #advance(count: number): number {
    const begin = this.#index;
    this.#index += count;
    return begin;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function damaged(path: string, offset: number, problem: string): WbError {
  return new WbError("WB3511", `${path}: byte ${offset}: ${problem}`, {
    details: { path, offset },
  });
}
