/** One row of logits [vocab], read as log-probabilities. */
export class LogRow {
  readonly #logits: Float32Array;
  readonly #scale: number;
  readonly #normalizer: number;

  /** @param temperature Logits are divided by it. */
  constructor(logits: Float32Array, temperature = 1) {
    this.#logits = logits;
    this.#scale = 1 / temperature;
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) if (logit > largest) largest = logit;
    let sum = 0;
    for (const logit of logits) sum += Math.exp((logit - largest) * this.#scale);
    this.#normalizer = largest * this.#scale + Math.log(sum);
  }

  get size(): number {
    return this.#logits.length;
  }

  /** Nats; NaN for an id that the model has not. */
  logprob(id: number): number {
    return (this.#logits[id] ?? Number.NaN) * this.#scale - this.#normalizer;
  }

  logit(id: number): number {
    return this.#logits[id] ?? Number.NaN;
  }

  /** The same row at another temperature. */
  at(temperature: number): LogRow {
    return new LogRow(this.#logits, temperature);
  }

  /** The likeliest ids, the lower first on ties. */
  top(count: number): readonly number[] {
    const best: number[] = [];
    for (let id = 0; id < this.#logits.length; id++) {
      const value = this.logit(id);
      const last = best.at(-1);
      if (best.length === count && last !== undefined && !(value > this.logit(last))) continue;
      let at = best.length;
      while (at > 0 && value > this.logit(best[at - 1] ?? 0)) at--;
      best.splice(at, 0, id);
      if (best.length > count) best.pop();
    }
    return best;
  }

  /** A token drawn by a uniform number of [0, 1). */
  draw(uniform: number): number {
    let left = uniform;
    for (let id = 0; id < this.#logits.length; id++) {
      left -= Math.exp(this.logprob(id));
      if (left < 0) return id;
    }
    return this.#logits.length - 1;
  }
}
