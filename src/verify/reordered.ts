import type { ModelConfig } from "../model/config/model-config.ts";
import { expectedTensors } from "../model/tensors.ts";
import type { Parity } from "./compare/parity.ts";
import { SHAKEN_FACTOR } from "./compare/tolerance.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";

/** Causes that say that the same rows or columns stand in another order, or have factors. */
const REVERSIBLE: ReadonlySet<Diagnosis["cause"]> = new Set(["head-order", "rank-order", "scaled"]);

/**
 * Whether rows or columns only stand in another order or have factors, in tensors that every token passes through: where all logits
 * agree within float32's own noise, what reads them is reordered or divided alike, as heads with the columns behind them. A tolerance of the user's, or a half
 * dtype's noise, could hide two rows that changed places. Experts, their routers and embeddings say nothing there: prompts reach some of
 * their rows alone.
 */
export function isReordered(
  { cause, tensors }: Diagnosis,
  { compute, timesNoise }: Pick<Parity, "compute" | "timesNoise">,
  config: ModelConfig,
): boolean {
  if (!REVERSIBLE.has(cause) || tensors.length === 0) return false;
  if (compute !== "f32" || timesNoise === null || timesNoise > SHAKEN_FACTOR) return false;
  const everyToken = new Set(
    expectedTensors(config)
      .filter(
        ({ layer, expert, parameter }) => layer >= 0 && expert < 0 && parameter.class !== "router",
      )
      .map(({ name }) => name),
  );
  return tensors.every((name) => everyToken.has(name));
}
