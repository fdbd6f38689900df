/** Why a compressed stream was not decoded to its end. What came before it stays in the output. */
export class DecodeFault extends Error {
  override readonly name = "DecodeFault";
}

/** Bytes that an output begins with; it doubles from there. */
const FIRST_BYTES = 2 ** 16;

/**
 * What a decoder has written so far. It is the decoder's window as well, so that no stream is given memory for the window that it
 * claims to need.
 */
export class Output {
  readonly #limit: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  /** @param limit Bytes at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; later ones may be elsewhere. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  at(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  push(byte: number): void {
    if (this.#length >= this.#bytes.byteLength) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#grow(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  fill(byte: number, count: number): void {
    this.#grow(count);
    this.#bytes.fill(byte, this.#length, this.#length + count);
    this.#length += count;
  }

  /** Copies `count` bytes from `distance` before the end, which may reach into what is being written. */
  copy(distance: number, count: number): void {
    this.#grow(count);
    const bytes = this.#bytes;
    const begin = this.#length;
    if (distance >= count) bytes.copyWithin(begin, begin - distance, begin - distance + count);
    else if (distance === 1) bytes.fill(bytes[begin - 1] ?? 0, begin, begin + count);
    else for (let at = begin; at < begin + count; at++) bytes[at] = bytes[at - distance] ?? 0;
    this.#length = begin + count;
  }

  #grow(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.byteLength) return;
    if (needed > this.#limit) throw new DecodeFault(`has more than ${this.#limit} bytes`);
    const larger = new Uint8Array(
      Math.min(this.#limit, Math.max(needed, this.#bytes.byteLength * 2)),
    );
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
