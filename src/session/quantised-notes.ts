import type { ModelConfig } from "../model/config/model-config.ts";
import { expectedTensors } from "../model/tensors.ts";
import { EMBEDDINGS } from "../model/network.ts";
import { architectureOf } from "../runtime/model/architecture.ts";
import type { Ops } from "../runtime/backends/ops.ts";
import type { WeightSource } from "../runtime/model/weights.ts";

/** How the device takes the quantised matrices of a model: as they are, or dequantised and why. One sentence for each way. */
export function quantisedNotes(
  config: ModelConfig,
  source: WeightSource,
  { quantised }: Pick<Ops, "quantised">,
): readonly string[] {
  const kept: string[] = [];
  const dequantised = new Map<string, string[]>();
  const isHead = architectureOf(config).head === EMBEDDINGS;
  for (const { name } of expectedTensors(config)) {
    const { quantised: types = [], blocks } = source.facts(name) ?? {};
    // A table of embeddings only stands in host memory, as it is stored.
    if (types.length === 0 || (name === EMBEDDINGS && !isHead)) continue;
    if (blocks !== undefined && quantised?.elementBytes(blocks) !== undefined) kept.push(blocks);
    else {
      const why = reason(quantised !== undefined, blocks);
      dequantised.set(why, [...(dequantised.get(why) ?? []), types.join("+")]);
    }
  }
  return [
    ...(kept.length === 0
      ? []
      : [`weights: quantised matrices are multiplied as they are stored: ${counted(kept)}`]),
    ...[...dequantised].map(
      ([why, types]) =>
        `weights: quantised matrices are dequantised when they are loaded, since ${why}: ${counted(types)}`,
    ),
  ];
}

function reason(multiplies: boolean, blocks: string | undefined): string {
  if (!multiplies) return "only kernels in float32 multiply them as they are";
  return blocks === undefined
    ? "their rows are not whole blocks of one type"
    : "there are no kernels for their types";
}

/** "168 Q8_0, 42 Q4_K". */
function counted(types: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${count} ${type}`).join(", ");
}
