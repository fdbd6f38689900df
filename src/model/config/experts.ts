import type { ConfigFields } from "./fields.ts";
import type { ExpertsConfig } from "./model-config.ts";

/** What a class takes where config.json does not say. */
export interface ExpertsDefaults {
  readonly count: number;
  readonly perToken: number;
  readonly size: number;
  readonly isNormalised: boolean;
}

/** Experts of all layers, which are described one by one; the largest public models have about 25,000. */
const MAX_EXPERTS = 100_000;

/** @throws WbError WB3701 for more experts than any model has. */
export function expertCount(
  config: ConfigFields,
  layers: number,
  usual: number,
  ...names: readonly string[]
): number {
  const count = config.optionalCount(...names) ?? usual;
  const most = Math.floor(MAX_EXPERTS / layers);
  if (count <= most) return count;
  throw config.problem(config.spelling(...names), `at most ${most}`, count);
}

/**
 * The experts of Mixtral's and Qwen's configurations; transformers 5 writes `num_local_experts` for Qwen's `num_experts`.
 * @throws WbError WB3701.
 */
export function readExperts(
  config: ConfigFields,
  layers: number,
  usual: ExpertsDefaults,
): ExpertsConfig {
  const names = ["num_experts", "num_local_experts"];
  const count = expertCount(config, layers, usual.count, ...names);
  const perToken = config.optionalCount("num_experts_per_tok") ?? usual.perToken;
  if (perToken > count)
    throw config.problem(
      "num_experts_per_tok",
      `at most ${config.spelling(...names)} ${count}`,
      perToken,
    );
  const step = config.optionalCount("decoder_sparse_step") ?? 1;
  const dense = layerList(config, layers);
  return {
    count,
    perToken,
    size: config.optionalCount("moe_intermediate_size") ?? usual.size,
    isNormalised: config.flag(usual.isNormalised, "norm_topk_prob"),
    layers: Array.from(
      { length: layers },
      (_unused, layer) => !dense.has(layer) && (layer + 1) % step === 0,
    ),
  };
}

/** `mlp_only_layers`: the numbers of layers that have one network. */
function layerList(config: ConfigFields, layers: number): ReadonlySet<number> {
  const found = config.find("mlp_only_layers") ?? [];
  const numbers: readonly unknown[] = Array.isArray(found) ? found : [undefined];
  const known = numbers.filter(
    (layer): layer is number =>
      typeof layer === "number" && Number.isSafeInteger(layer) && layer >= 0 && layer < layers,
  );
  if (known.length === numbers.length) return new Set(known);
  throw config.problem("mlp_only_layers", `numbers of layers below ${layers}`, found);
}
