import type { ConfigFields } from "./fields.ts";
import { expertCount } from "./experts.ts";
import { unsupported } from "./unsupported.ts";
import type { ExpertGroups, ExpertsConfig } from "./model-config.ts";

/** What a class of DeepSeek's kind takes where config.json does not say, and what its code does whatever it says. */
export interface RoutedDefaults {
  readonly count: number;
  readonly perToken?: number;
  readonly size: number;
  readonly shared: number;
  readonly denseLayers: number;
  readonly scale: number;
  readonly scoring: "softmax" | "sigmoid";
  /** Undefined where weights are never made to sum up to 1. */
  readonly isNormalised?: boolean;
  readonly groups: Omit<ExpertGroups, "score">;
  readonly groupScore: ExpertGroups["score"];
}

/** What weights sum up to at least (transformers v5.23.0, models/deepseek_v3/modeling_deepseek_v3.py). */
const LEAST_SUM = 1e-20;

/**
 * The experts of DeepSeek's and GLM-4.5's configurations.
 * @throws WbError WB3701 naming a number that contradicts another, WB4702 for a router that no class of transformers has.
 */
export function readRoutedExperts(
  config: ConfigFields,
  layers: number,
  usual: RoutedDefaults,
): ExpertsConfig {
  const names = ["n_routed_experts", "num_local_experts", "num_experts"];
  const count = expertCount(config, layers, usual.count, ...names);
  const perToken =
    config.optionalCount("num_experts_per_tok") ??
    usual.perToken ??
    config.count("num_experts_per_tok");
  if (perToken > count)
    throw config.problem(
      "num_experts_per_tok",
      `at most ${config.spelling(...names)} ${count}`,
      perToken,
    );
  const size = config.optionalCount("moe_intermediate_size") ?? usual.size;
  const shared = wholeNumber(config, "n_shared_experts", usual.shared);
  const dense = wholeNumber(config, "first_k_dense_replace", usual.denseLayers);
  refuseOtherRouters(config, usual);
  const groups = readGroups(config, count, perToken, usual);
  return {
    count,
    perToken,
    size,
    ...(shared === 0 ? {} : { sharedSize: shared * size }),
    scoring: usual.scoring,
    isCorrected: usual.scoring === "sigmoid",
    ...(groups === undefined ? {} : { groups }),
    isNormalised:
      usual.isNormalised === undefined ? false : config.flag(usual.isNormalised, "norm_topk_prob"),
    leastSum: LEAST_SUM,
    scale: config.positive(usual.scale, "routed_scaling_factor"),
    layers: Array.from({ length: layers }, (_unused, layer) => layer >= dense),
  };
}

/** Settings that transformers' classes do not read, where they say something else than what these compute. */
function refuseOtherRouters(config: ConfigFields, usual: RoutedDefaults): void {
  const scoring = config.text(usual.scoring, "scoring_func");
  if (scoring !== usual.scoring) throw unsupported(config.path, "scoring_func", scoring);
  const every = config.optionalCount("moe_layer_freq") ?? 1;
  if (every !== 1) throw unsupported(config.path, "moe_layer_freq", every);
  if (usual.isNormalised === undefined && config.flag(false, "norm_topk_prob"))
    throw unsupported(config.path, "norm_topk_prob", true);
}

/** Groups of which a token takes some; undefined where it takes all. */
function readGroups(
  config: ConfigFields,
  experts: number,
  perToken: number,
  usual: RoutedDefaults,
): ExpertGroups | undefined {
  const count = config.optionalCount("n_group") ?? usual.groups.count;
  const taken = config.optionalCount("topk_group") ?? usual.groups.perToken;
  if (experts % count !== 0)
    throw config.problem("n_group", `a divisor of the number of experts ${experts}`, count);
  if (taken > count) throw config.problem("topk_group", `at most n_group ${count}`, taken);
  const open = (experts / count) * taken;
  if (perToken > open)
    throw config.problem(
      "num_experts_per_tok",
      `at most ${open}, the experts of ${taken} of ${count} groups`,
      perToken,
    );
  return taken === count ? undefined : { count, perToken: taken, score: usual.groupScore };
}

function wholeNumber(config: ConfigFields, name: string, usual: number): number {
  const found = config.find(name);
  return found === 0 ? 0 : (config.optionalCount(name) ?? usual);
}

/** What config.json says of such experts. */
export function routedFields(
  experts: ExpertsConfig | undefined,
): Readonly<Record<string, unknown>> {
  if (experts === undefined) return {};
  const { count, perToken, size, sharedSize = 0, groups, layers } = experts;
  return {
    n_routed_experts: count,
    num_experts_per_tok: perToken,
    moe_intermediate_size: size,
    n_shared_experts: sharedSize / size,
    first_k_dense_replace: layers.filter((isSparse) => !isSparse).length,
    n_group: groups?.count ?? 1,
    topk_group: groups?.perToken ?? 1,
    norm_topk_prob: experts.isNormalised,
    routed_scaling_factor: experts.scale ?? 1,
    scoring_func: experts.scoring ?? "softmax",
    moe_layer_freq: 1,
    // The layers that predict tokens further ahead are left out.
    num_nextn_predict_layers: 0,
  };
}

/** How many layers files have behind the last, which predict tokens further ahead. */
export function readPredictingLayers(config: ConfigFields): { readonly predictingLayers?: number } {
  const count = wholeNumber(config, "num_nextn_predict_layers", 0);
  return count === 0 ? {} : { predictingLayers: count };
}

/** What such a layer has beside a layer's own tensors (DeepSeek-V3, GLM-4.5). */
export const PREDICTING_PARTS = [
  "eh_proj.weight",
  "enorm.weight",
  "hnorm.weight",
  "embed_tokens.weight",
  "shared_head.norm.weight",
  "shared_head.head.weight",
].map((name) => ({
  stored: `model.layers.{i}.${name}`,
  why: "part of a layer that predicts tokens further ahead; the model is complete without",
}));
