import { EVERYWHERE, FULL, setting, type Blunder } from "./blunder.ts";

/** Settings in config.json that the weights were not trained with. */
export const SETTING_BLUNDERS: readonly Blunder[] = [
  setting("eps 1e-3", EVERYWHERE, { rms_norm_eps: 1e-3 }),
  setting("eps 1e-4", EVERYWHERE, { rms_norm_eps: 1e-4 }),
  setting("theta 1e6", ["nano", "grouped"], { rope_theta: 1e6 }),
  setting("theta 1e6 and eps 1e-4", ["grouped"], { rope_theta: 1e6, rms_norm_eps: 1e-4 }),
  setting("theta 1e6 and eps 1e-6", ["grouped"], { rope_theta: 1e6, rms_norm_eps: 1e-6 }),
  setting("theta 123456", ["nano", "grouped"], { rope_theta: 123_456 }),
  setting("the default theta", ["grouped"], { rope_theta: undefined }),
  setting("rotary base 20000", ["biased"], { rotary: { base: 20_000, type: "dynamic" } }),
  setting("no dynamic scaling", ["biased"], { rotary: { base: 10_000, type: "origin" } }),
  setting("dynamic scaling by 2", ["biased"], {
    rotary: { base: 10_000, type: "dynamic", scaling_factor: 2 },
  }),
  setting("twice the positions", ["biased"], { max_position_embeddings: 64 }),
  setting("half the positions", ["biased"], { max_position_embeddings: 16 }),
  setting("positions 24", ["biased"], { max_position_embeddings: 24 }),
  setting("linear scaling by 2", ["nano", "grouped"], {
    rope_scaling: { type: "linear", factor: 2 },
  }),
  setting("linear scaling by 3", ["nano", "grouped"], {
    rope_scaling: { type: "linear", factor: 3 },
  }),
  setting("dynamic scaling past 16 positions", ["nano"], {
    rotary: { base: 10_000, type: "dynamic" },
    max_position_embeddings: 16,
  }),
  setting("llama3 scaling", ["grouped"], {
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    },
  }),
  setting("half the heads", ["biased"], { num_attention_heads: 3 }),
  setting("half the heads", ["nano"], { num_attention_heads: 2 }),
  setting("twice the heads", ["nano"], { num_attention_heads: 8 }),
  setting("half the heads, grouped", ["grouped"], {
    num_attention_heads: 4,
    num_key_value_heads: 1,
  }),
  setting("other heads of keys", ["grouped"], { num_key_value_heads: 4 }),
  setting("one layer less", ["biased"], { num_hidden_layers: 7 }),
  setting("one layer more", ["grouped"], { num_hidden_layers: 7 }),
  setting("no biases", FULL, { bias: false }),
];
