import type { Ops, Weight } from "../backends/ops.ts";

/** Uploaded parameters that several models have in common, by name; of one in bands of rows, each by its first. */
export interface SharedWeights {
  get(name: string, begin?: number): Weight | undefined;
  /** Takes a weight over; false where it does not, and the caller frees it. */
  keep(name: string, weight: Weight, begin?: number): boolean;
}

/** A layer of a 1B model in float32. Larger ones are uploaded anew each time, so that memory stays as it is without a pool. */
const MAX_BYTES = 320 * 2 ** 20;

/**
 * Keeps parameters on the device while one layer is run again and again with some of them changed: the others are read and uploaded
 * once.
 */
export class WeightPool implements SharedWeights {
  readonly #ops: Pick<Ops, "releaseWeight">;
  readonly #weights = new Map<string, Weight>();
  #bytes = 0;

  constructor(ops: Pick<Ops, "releaseWeight">) {
    this.#ops = ops;
  }

  get(name: string, begin = 0): Weight | undefined {
    return this.#weights.get(keyOf(name, begin));
  }

  keep(name: string, weight: Weight, begin = 0): boolean {
    const key = keyOf(name, begin);
    if (this.#bytes + weight.byteLength > MAX_BYTES || this.#weights.has(key)) return false;
    this.#weights.set(key, weight);
    this.#bytes += weight.byteLength;
    return true;
  }

  /** The pool for a model in which some parameters are others: those are its own. */
  without(isOther: (name: string) => boolean): SharedWeights {
    return {
      get: (name, begin) => (isOther(name) ? undefined : this.get(name, begin)),
      keep: (name, weight, begin) => !isOther(name) && this.keep(name, weight, begin),
    };
  }

  /** Frees everything. No model that was given the pool may be in use. */
  clear(): void {
    for (const weight of this.#weights.values()) this.#ops.releaseWeight(weight);
    this.#weights.clear();
    this.#bytes = 0;
  }
}

function keyOf(name: string, begin: number): string {
  return `${begin} ${name}`;
}
