import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { PickleCursor } from "../pickle/cursor.ts";

/** Longest text that is read: a chat template has some thousand characters, a token a few hundred. */
export const MAX_TEXT_BYTES = 2 ** 20;

/** Numbers and texts of a GGUF header, front to back. `need` makes bytes available; the readers behind it do not wait. */
export class GgufCursor {
  readonly #path: string;
  readonly #bytes: PickleCursor;
  readonly isLittle: boolean;

  constructor(source: ByteSource, begin: number, isLittle: boolean) {
    this.#path = source.label;
    this.#bytes = new PickleCursor(source, begin);
    this.isLittle = isLittle;
  }

  get position(): number {
    return this.#bytes.position;
  }

  /** Makes `count` bytes readable. @throws WbError WB3511 where fewer are left. */
  async need(count: number, what: string): Promise<void> {
    if (this.#bytes.has(count)) return;
    const left = this.#bytes.remaining;
    if (count > left)
      throw damaged(
        this.#path,
        this.position,
        `${what} needs ${count} bytes, but only ${left} are left`,
      );
    await this.#bytes.fill(count);
  }

  u32(): number {
    return this.view(4).getUint32(0, this.isLittle);
  }

  u64(): bigint {
    return this.view(8).getBigUint64(0, this.isLittle);
  }

  /** The next `count` bytes, as a view on them. */
  view(count: number): DataView {
    const bytes = this.#bytes.bytes(count);
    return new DataView(bytes.buffer, bytes.byteOffset, count);
  }

  /** Steps over bytes unread. @throws WbError WB3511 where they reach past the end. */
  skip(count: number, what: string): void {
    const left = this.#bytes.remaining;
    if (count > left)
      throw damaged(
        this.#path,
        this.position,
        `${what} of ${count} bytes reaches past the end, ${left} are left`,
      );
    this.#bytes.range(count);
  }

  /** A count or a length. @throws WbError WB5511 above `most`. */
  async count(most: number, what: string): Promise<number> {
    await this.need(8, what);
    const at = this.position;
    const value = this.u64();
    if (value <= BigInt(most)) return Number(value);
    throw new WbError(
      "WB5511",
      `${this.#path}: ${what} at byte ${at} is ${value}, expected at most ${most}`,
      { details: { path: this.#path, offset: at } },
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
      throw damaged(this.#path, at, `${what} is not UTF-8`);
    }
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function damaged(path: string, offset: number, problem: string): WbError {
  return new WbError("WB3511", `${path}: byte ${offset}: ${problem}`, {
    details: { path, offset },
  });
}
