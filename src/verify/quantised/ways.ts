import { HALF_WAYS, roundedThrough, type Way } from "./half-way.ts";
import { isRequantised, requantised } from "./requantised.ts";

/** Blocks by which one way must be ahead of all others before they are out of the question. */
const MIN_LEAD = 3;

/** A band of rows of a tensor's original, as each way reads it; nothing is made before it is asked for. */
export class WaysOfBand {
  readonly #originals: Float32Array;
  readonly #make: (values: Float32Array) => Uint8Array | undefined;
  readonly #values = new Map<Way, Float32Array>();
  readonly #made = new Map<Float32Array, Uint8Array | undefined>();

  constructor(originals: Float32Array, type: string, tensor: string, columns?: Float32Array) {
    this.#originals = originals;
    this.#make = (values) =>
      isRequantised(type) ? requantised(values, type, tensor, columns) : undefined;
  }

  values(way: Way): Float32Array {
    const known = this.#values.get(way);
    if (known !== undefined) return known;
    const rounded = way === undefined ? this.#originals : roundedThrough(this.#originals, way);
    // An original that has a half dtype itself is the same in several ways, and is quantised once.
    const isSame = rounded.every((value, index) => value === this.#originals[index]);
    const values = isSame ? this.#originals : rounded;
    this.#values.set(way, values);
    return values;
  }

  /** Whether these bytes of a band's blocks are those that quantising makes of it. */
  isMade(way: Way, bytes: Uint8Array, at: number, length: number): boolean {
    const values = this.values(way);
    if (!this.#made.has(values)) this.#made.set(values, this.#make(values));
    const made = this.#made.get(values);
    if (made === undefined) return false;
    for (let index = at; index < at + length; index++)
      if (bytes[index] !== made[index]) return false;
    return true;
  }

  /** How many of a band's blocks are those that a way makes. */
  made(way: Way, bytes: Uint8Array, blockBytes: number): number {
    let count = 0;
    for (let at = 0; at < bytes.byteLength; at += blockBytes)
      if (this.isMade(way, bytes, at, blockBytes)) count++;
    return count;
  }
}

/** A quantiser reads all blocks of a tensor in one way: a block that only another way makes was not made with the rest. */
export class WaysOfTensor {
  readonly #counts = new Map<Way, number>(HALF_WAYS.map((way) => [way, 0]));
  #possible: readonly Way[] = HALF_WAYS;

  /** The ways that a block may be of: all, until its tensor's blocks tell them apart. */
  get possible(): readonly Way[] {
    return this.#possible;
  }

  /** Counts the blocks of a band that each way makes, while that is not decided. */
  learn(band: WaysOfBand, bytes: Uint8Array, blockBytes: number): void {
    if (this.#possible.length === 1) return;
    for (const way of HALF_WAYS)
      this.#counts.set(way, (this.#counts.get(way) ?? 0) + band.made(way, bytes, blockBytes));
    const [first, second] = [...this.#counts].toSorted(([, a], [, b]) => b - a);
    if (first !== undefined && first[1] - (second?.[1] ?? 0) >= MIN_LEAD)
      this.#possible = [first[0]];
  }
}
