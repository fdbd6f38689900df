import { maxDifference } from "./metrics.ts";
import type { RunnerStates } from "./model-runner.ts";
import { UNIT, type ComputeKind } from "./tolerance.ts";

/** Copies of each prompt, each shaken by its own draws: one draw alone may happen to cancel in a small model. */
const COPIES = 3;

/** Which prompts are run a second time with shaken states. */
export interface ShakeOptions {
  /** What the coarser of the two sides computes in: its rounding unit is the shake. */
  readonly compute: ComputeKind;
  /** Tokens of the prompts that are copied; the shortest prompts first, one at least. */
  readonly tokens: number;
}

/**
 * Copies of prompts that walk through the model beside the prompts themselves, so that weights pass once. After each step every
 * value of theirs is moved by one rounding unit, as another implementation's rounding moves it: what comes of it in the logits
 * is the noise of this very model, however much it lets errors grow.
 */
export class ShakenCopies {
  readonly #copied: readonly number[];
  readonly #prompts: number;
  readonly #shaker: Shaker;

  constructor(prompts: readonly (readonly number[])[], { compute, tokens }: ShakeOptions) {
    const chosen = shortest(prompts, tokens);
    this.#copied = Array.from({ length: COPIES }, () => chosen).flat();
    this.#prompts = prompts.length;
    this.#shaker = new Shaker(compute);
  }

  /** How many different prompts are copied. */
  get prompts(): number {
    return this.#copied.length / COPIES;
  }

  /** One entry a prompt, and behind them those of the copies. */
  withCopies<T>(entries: readonly T[]): readonly T[] {
    return [...entries, ...this.#copied.flatMap((index) => entries.slice(index, index + 1))];
  }

  /** The prompts' own entries. */
  own<T>(entries: readonly T[]): readonly T[] {
    return entries.slice(0, this.#prompts);
  }

  /** Shakes the copies, and leaves the prompts as they are. */
  shake(
    states: readonly RunnerStates[],
    before?: readonly RunnerStates[],
  ): readonly RunnerStates[] {
    return states.map((state, index) =>
      index < this.#prompts ? state : this.#shaker.shake(state, before?.[index]),
    );
  }

  /** The largest difference of the copies' logits from their prompts' own. Differences that are no number are left out. */
  noise(logits: readonly Float32Array[]): number {
    return this.#copied.reduce((most, index, copy) => {
      const [own, shaken] = [logits[index], logits[this.#prompts + copy]];
      if (own === undefined || shaken === undefined) return most;
      const difference = maxDifference(own, shaken);
      return Number.isFinite(difference) ? Math.max(most, difference) : most;
    }, 0);
  }
}

function shortest(prompts: readonly (readonly number[])[], tokens: number): readonly number[] {
  const order = [...prompts.keys()].toSorted(
    (left, right) => (prompts[left]?.length ?? 0) - (prompts[right]?.length ?? 0),
  );
  let left = tokens;
  return order.filter((index, place) => {
    left -= prompts[index]?.length ?? 0;
    return place === 0 || left >= 0;
  });
}

/** Moves every value by a rounding unit of its size, up or down by a fixed draw. */
export class Shaker {
  readonly #unit: number;
  #state = 20_261_128;

  constructor(compute: ComputeKind) {
    this.#unit = UNIT[compute];
  }

  /** @param before The states that these were added to: a sum is rounded by the size of its terms, not by its own. */
  shake(states: RunnerStates, before?: RunnerStates): RunnerStates {
    const data = states.data.slice();
    for (let index = 0; index < data.length; index++) {
      const value = data[index] ?? 0;
      const size = Math.abs(value) + Math.abs(before?.data[index] ?? 0);
      data[index] = value + (this.#isUp() ? this.#unit : -this.#unit) * size;
    }
    return { ...states, data };
  }

  /** Numerical Recipes' linear congruential generator: the same draws each time. */
  #isUp(): boolean {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state >= 2 ** 31;
  }
}
