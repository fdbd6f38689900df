import { WbError } from "../../errors/wb-error.ts";
import type { LinearWeights, Value, Weight } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";

/** Uploaded parameters, looked up by names that nest as the checkpoint's do. */
export class ModuleWeights {
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #prefix: string;

  constructor(weights: ReadonlyMap<string, Weight>, prefix = "") {
    this.#weights = weights;
    this.#prefix = prefix;
  }

  /** Bytes on the device, of all modules. */
  get byteLength(): number {
    let bytes = 0;
    for (const weight of this.#weights.values()) bytes += weight.byteLength;
    return bytes;
  }

  scope(module: string): ModuleWeights {
    return new ModuleWeights(this.#weights, `${this.#prefix}${module}.`);
  }

  get(name: string): Weight {
    const weight = this.find(name);
    if (weight !== undefined) return weight;
    throw new WbError("WB7001", `the model uses ${this.#prefix}${name}, which it did not declare`);
  }

  find(name: string): Weight | undefined {
    return this.#weights.get(this.#prefix + name);
  }
}

/** weight, and bias where the module has one. */
export function linearWeights(weights: ModuleWeights): LinearWeights {
  return { weight: weights.get("weight"), bias: weights.find("bias") };
}

/** x · weightᵀ + bias; [..., in] -> [..., out]. */
export function linear(steps: Steps<Carried>, weights: ModuleWeights, x: Value): Value {
  return steps.linear(x, linearWeights(weights));
}

/** `linear` of one x by three modules. */
export function linears(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  modules: readonly [string, string, string],
  x: Value,
): readonly [Value, Value, Value] {
  const layers = modules.map((module) => linearWeights(weights.scope(module)));
  const [first, second, third] = steps.linears(x, layers);
  if (first === undefined || second === undefined || third === undefined) {
    throw new WbError("WB7001", "fewer results than linear layers");
  }
  return [first, second, third];
}
