/** Source: the xxHash specification 0.1.1 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), XXH64. */
const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;

const STRIPE_BYTES = 32;

const wrapped = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotated = (value: bigint, bits: bigint): bigint =>
  wrapped((value << bits) | (value >> (64n - bits)));
const round = (lane: bigint, word: bigint): bigint =>
  wrapped(rotated(wrapped(lane + word * PRIME_2), 31n) * PRIME_1);

/** A sum of 64 bits as two halves, since numbers are many times faster than bigints. */
class Lane {
  #low: number;
  #high: number;

  constructor(value: bigint) {
    this.#low = Number(BigInt.asIntN(32, value));
    this.#high = Number(BigInt.asIntN(32, value >> 32n));
  }

  get value(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  /** `round` of the bytes at a place, with the primes as halves. */
  take(low: number, high: number): void {
    const before = this.#low;
    const wasHigh = this.#high;
    this.#low = low;
    this.#high = high;
    this.#multiply(0x27d4eb4f, 0xc2b2ae3d);
    const sum = (this.#low >>> 0) + (before >>> 0);
    const sumLow = sum | 0;
    const sumHigh = (this.#high + wasHigh + (sum >= 2 ** 32 ? 1 : 0)) | 0;
    // By 31 to the left.
    this.#low = (sumLow << 31) | (sumHigh >>> 1);
    this.#high = (sumHigh << 31) | (sumLow >>> 1);
    this.#multiply(0x85ebca87, 0x9e3779b1);
  }

  #multiply(low: number, high: number): void {
    const [a0, a1, b0, b1] = [this.#low & 0xffff, this.#low >>> 16, low & 0xffff, low >>> 16];
    const first = a0 * b0;
    const middle = a0 * b1 + a1 * b0 + (first >>> 16);
    const upper = a1 * b1 + Math.floor(middle / 0x10000);
    this.#high = (upper + Math.imul(this.#low, high) + Math.imul(this.#high, low)) | 0;
    this.#low = ((middle & 0xffff) << 16) | (first & 0xffff);
  }
}

/** XXH64 of some bytes, with seed 0. */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = PRIME_5;
  if (bytes.byteLength >= STRIPE_BYTES) {
    const a = new Lane(wrapped(PRIME_1 + PRIME_2));
    const b = new Lane(PRIME_2);
    const c = new Lane(0n);
    const d = new Lane(wrapped(-PRIME_1));
    for (; at + STRIPE_BYTES <= bytes.byteLength; at += STRIPE_BYTES) {
      a.take(view.getInt32(at, true), view.getInt32(at + 4, true));
      b.take(view.getInt32(at + 8, true), view.getInt32(at + 12, true));
      c.take(view.getInt32(at + 16, true), view.getInt32(at + 20, true));
      d.take(view.getInt32(at + 24, true), view.getInt32(at + 28, true));
    }
    const lanes = [a.value, b.value, c.value, d.value];
    const turns = [1n, 7n, 12n, 18n];
    hash = wrapped(lanes.reduce((sum, lane, index) => sum + rotated(lane, turns[index] ?? 0n), 0n));
    for (const lane of lanes) hash = wrapped((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4);
  }
  hash = wrapped(hash + BigInt(bytes.byteLength));
  for (; at + 8 <= bytes.byteLength; at += 8) {
    const word = round(0n, view.getBigUint64(at, true));
    hash = wrapped(rotated(hash ^ word, 27n) * PRIME_1 + PRIME_4);
  }
  if (at + 4 <= bytes.byteLength) {
    const word = wrapped(BigInt(view.getUint32(at, true)) * PRIME_1);
    hash = wrapped(rotated(hash ^ word, 23n) * PRIME_2 + PRIME_3);
    at += 4;
  }
  for (; at < bytes.byteLength; at++)
    hash = wrapped(rotated(hash ^ wrapped(BigInt(bytes[at] ?? 0) * PRIME_5), 11n) * PRIME_1);
  hash = wrapped((hash ^ (hash >> 33n)) * PRIME_2);
  hash = wrapped((hash ^ (hash >> 29n)) * PRIME_3);
  return hash ^ (hash >> 32n);
}
