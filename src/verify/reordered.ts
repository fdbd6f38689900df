import type { ModelConfig } from "../model/config/model-config.ts";
import { expectedTensors } from "../model/tensors.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";

/** Causes that say that the same rows or columns stand in another order. */
const REORDERED: ReadonlySet<Diagnosis["cause"]> = new Set(["head-order", "rank-order"]);

/**
 * Whether rows or columns only stand in another order, in tensors that every token passes through: where all logits agree, what reads
 * them is reordered alike, as heads with the columns behind them. Experts, their routers and embeddings say nothing there: prompts reach
 * some of their rows alone.
 */
export function isReordered({ cause, tensors }: Diagnosis, config: ModelConfig): boolean {
  if (!REORDERED.has(cause) || tensors.length === 0) return false;
  const everyToken = new Set(
    expectedTensors(config)
      .filter(
        ({ layer, expert, parameter }) => layer >= 0 && expert < 0 && parameter.class !== "router",
      )
      .map(({ name }) => name),
  );
  return tensors.every((name) => everyToken.has(name));
}
