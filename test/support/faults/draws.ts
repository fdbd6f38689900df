/** Numbers that look drawn, the same in every run: mulberry32. */
export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Even in [0, 1). */
  even(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.even())) * Math.cos(2 * Math.PI * this.even());
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.even() * count);
  }

  /** e to the power of a normal number of this spread: what rows and columns of trained weights are scaled by. */
  spread(sigma: number): number {
    return Math.exp(sigma * this.normal());
  }
}
