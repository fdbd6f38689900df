import type { Ops, Weight } from "../backends/ops.ts";

/** Uploaded parameters that several models have in common, by name. */
export interface SharedWeights {
  get(name: string): Weight | undefined;
  /** Takes a weight over; false where it does not, and the caller frees it. */
  keep(name: string, weight: Weight): boolean;
}

/** A layer of a 1B model in float32. Larger ones are uploaded anew each time, so that memory stays as it is without a pool. */
const MAX_BYTES = 320 * 2 ** 20;

/**
 * Keeps parameters on the device while one layer is run again and again with some of them changed: the others are read and uploaded
 * once.
 */
export class WeightPool implements SharedWeights {
  readonly #ops: Ops;
  readonly #weights = new Map<string, Weight>();
  #bytes = 0;

  constructor(ops: Ops) {
    this.#ops = ops;
  }

  get(name: string): Weight | undefined {
    return this.#weights.get(name);
  }

  keep(name: string, weight: Weight): boolean {
    if (this.#bytes + weight.byteLength > MAX_BYTES || this.#weights.has(name)) return false;
    this.#weights.set(name, weight);
    this.#bytes += weight.byteLength;
    return true;
  }

  /** The pool for a model in which some parameters are others: those are its own. */
  without(isOther: (name: string) => boolean): SharedWeights {
    return {
      get: (name) => (isOther(name) ? undefined : this.get(name)),
      keep: (name, weight) => !isOther(name) && this.keep(name, weight),
    };
  }

  /** Frees everything. No model that was given the pool may be in use. */
  clear(): void {
    for (const weight of this.#weights.values()) this.#ops.releaseWeight(weight);
    this.#weights.clear();
    this.#bytes = 0;
  }
}
