/** Numbers that look random and are the same in every run: about normal, mean 0, spread 1. */
export class Noise {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  values(count: number): number[] {
    return Array.from({ length: count }, () => {
      let sum = 0;
      // The sum of twelve even numbers in [0, 1), less 6.
      for (let at = 0; at < 12; at++) sum += this.#next();
      return sum - 6;
    });
  }

  /** A whole number from 0 on. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  /** Numerical Recipes' linear congruence. */
  #next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
