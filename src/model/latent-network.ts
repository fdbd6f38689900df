import { ATTENTION, hasAttentionBias, LAYER, linear, norm, type Switch } from "./network.ts";
import type { Parameter } from "./parameter.ts";

/** Modules of latent attention. */
export const LATENT = {
  queryDown: "self_attn.q_a_proj",
  queryNorm: "self_attn.q_a_layernorm",
  queryUp: "self_attn.q_b_proj",
  down: "self_attn.kv_a_proj_with_mqa",
  norm: "self_attn.kv_a_layernorm",
  up: "self_attn.kv_b_proj",
} as const;

const hasQueryLatent: Switch = ({ latent }) => latent?.queryRank !== undefined;

/** The parameters where the configuration has what they are for. */
function when(parameters: readonly Parameter[], condition: Switch): readonly Parameter[] {
  return parameters.map((one) => ({
    ...one,
    when: (config, layer) => condition(config) && (one.when?.(config, layer) ?? true),
  }));
}

/** Every rank has all of a latent. */
function uncut(parameters: readonly Parameter[]): readonly Parameter[] {
  return parameters.map(({ cut: _cut, ...one }) => one);
}

/** Queries of the hidden state or of a latent; keys and values of another latent (DeepSeek-V2, arXiv 2405.04434, section 2.1). */
export const latentAttention: readonly Parameter[] = [
  ...when(
    linear(ATTENTION.query, "query", ["heads·queryDims", "hidden"], "out"),
    (config) => !hasQueryLatent(config),
  ),
  ...when(
    [
      ...uncut(
        linear(LATENT.queryDown, "queryLatent", ["queryRank", "hidden"], "out", hasAttentionBias),
      ),
      norm(LAYER + LATENT.queryNorm, "queryLatentNorm", "queryRank"),
      ...linear(LATENT.queryUp, "query", ["heads·queryDims", "queryRank"], "out"),
    ],
    hasQueryLatent,
  ),
  ...uncut(linear(LATENT.down, "latent", ["latent+rotary", "hidden"], "out", hasAttentionBias)),
  norm(LAYER + LATENT.norm, "latentNorm", "latent"),
  ...linear(LATENT.up, "keyValue", ["heads·keyValueDims", "latent"], "out"),
  ...linear(ATTENTION.output, "output", ["hidden", "heads·valueDims"], "in", hasAttentionBias),
];
