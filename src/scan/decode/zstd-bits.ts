import { DecodeFault } from "./output.ts";

/** Bits from the end of a part backwards, as zstd's codes are read: the highest bit that is set ends them (RFC 8878, 4.1). */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  /** Bits that are left; below 0 where more were read than there are, which then are zeros. */
  left: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw new DecodeFault("is damaged: a part of codes has no end");
    this.#bytes = bytes;
    this.left = bytes.byteLength * 8 - 8 + (31 - Math.clz32(last));
  }

  read(count: number): number {
    if (count > 16) return this.read(count - 16) * 2 ** 16 + this.read(16);
    this.left -= count;
    return this.#at(this.left, count);
  }

  /** The next bits, which stay. */
  peek(count: number): number {
    return this.#at(this.left - count, count);
  }

  #at(position: number, count: number): number {
    if (position < 0)
      return (this.#at(0, Math.max(0, count + position)) << -position) & (2 ** count - 1);
    const bytes = this.#bytes;
    const at = position >> 3;
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (word >>> (position & 7)) & (2 ** count - 1);
  }
}

/** Bits from the first on, the lowest of a byte first. */
export class ForwardBits {
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    const at = this.position >> 3;
    const bytes = this.#bytes;
    this.position += count;
    if (this.position > bytes.byteLength * 8) throw new DecodeFault("ends too early");
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (word >>> (this.position - count - at * 8)) & (2 ** count - 1);
  }
}
