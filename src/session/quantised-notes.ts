import type { ModelConfig } from "../model/config/model-config.ts";
import { expectedTensors } from "../model/tensors.ts";
import { EMBEDDINGS, POSITIONS } from "../model/network.ts";
import { architectureOf } from "../runtime/model/architecture.ts";
import { cannotRound } from "../runtime/backends/cannot-round.ts";
import type { Ops } from "../runtime/backends/ops.ts";
import type { WeightSource } from "../runtime/model/weights.ts";

/**
 * How the device takes the quantised matrices of a model: as they are, or dequantised and why. One sentence for each way.
 * @throws WbError WB6204 where activations are to be rounded for matrices in blocks, and there are none.
 */
export function quantisedNotes(
  config: ModelConfig,
  source: WeightSource,
  { quantised }: Pick<Ops, "quantised">,
): readonly string[] {
  const kept: string[] = [];
  let plain = 0;
  const dequantised = new Map<string, string[]>();
  const isHead = architectureOf(config).head === EMBEDDINGS;
  for (const { name, shape } of expectedTensors(config)) {
    const { quantised: types = [], blocks } = source.facts(name) ?? {};
    // A table of embeddings only stands in host memory, as it is stored.
    if (name === POSITIONS || (name === EMBEDDINGS && !isHead)) continue;
    if (types.length === 0) {
      if (shape.length > 1) plain++;
      continue;
    }
    if (blocks !== undefined && quantised?.elementBytes(blocks) !== undefined) kept.push(blocks);
    else {
      const why = reason(quantised !== undefined, blocks);
      dequantised.set(why, [...(dequantised.get(why) ?? []), types.join("+")]);
    }
  }
  const isRounded = quantised?.activations === "int8";
  if (isRounded && kept.length === 0)
    throw cannotRound("none of the model's matrices is multiplied in blocks");
  const others = plain + [...dequantised.values()].reduce((sum, { length }) => sum + length, 0);
  return [
    ...(kept.length === 0
      ? []
      : [`weights: quantised matrices are multiplied as they are stored: ${counted(kept)}`]),
    ...(isRounded ? [ROUNDED] : []),
    ...(isRounded && others > 0
      ? [`activations: float32 for ${others} of the matrices, which are not multiplied in blocks`]
      : []),
    ...[...dequantised].map(
      ([why, types]) =>
        `weights: quantised matrices are dequantised when they are loaded, since ${why}: ${counted(types)}`,
    ),
  ];
}

const ROUNDED =
  "activations: rounded to int8, 32 at a time, for these matrices: the logits are not those of the dequantised model, which `verify` judges";

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
