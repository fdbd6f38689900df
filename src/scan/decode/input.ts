import { DecodeFault, type Output } from "./output.ts";

/** Bytes that are read one after another; reading past their end is a fault. */
export class Input {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  position: number;
  /** Where reading ends: a container may say so of a part. */
  end: number;

  constructor(bytes: Uint8Array, position = 0, end = bytes.byteLength) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
    this.end = end;
  }

  get left(): number {
    return this.end - this.position;
  }

  byte(): number {
    if (this.position >= this.end) throw new DecodeFault("ends too early");
    return this.bytes[this.position++] ?? 0;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** @throws DecodeFault where fewer are left. */
  take(count: number): Uint8Array {
    const begin = this.#take(count);
    return this.bytes.subarray(begin, begin + count);
  }

  /** As `take`, into an output, which gets what is there where that is not all. */
  move(count: number, output: Output): void {
    const there = Math.min(count, this.left);
    output.append(this.take(there));
    if (there < count) throw new DecodeFault("ends too early");
  }

  /** Whether the next bytes are these. */
  startsWith(magic: Uint8Array): boolean {
    const { byteLength } = magic;
    if (this.left < byteLength) return false;
    const next = this.bytes.subarray(this.position, this.position + byteLength);
    return Buffer.compare(next, magic) === 0;
  }

  #take(count: number): number {
    if (count > this.left) throw new DecodeFault("ends too early");
    const begin = this.position;
    this.position += count;
    return begin;
  }
}

/** A length of 64 bits as a number. @throws DecodeFault where it is beyond what any file has. */
export function toLength(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new DecodeFault(`has ${what} of ${value} bytes`);
  return Number(value);
}
