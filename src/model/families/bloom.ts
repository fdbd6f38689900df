import type { ConfigFields } from "../config/fields.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { readPlainConfig, refuseOthers } from "../config/plain.ts";
import type { Family } from "../family.ts";
import { GGUF_JOINED_ROWS, ggufNames } from "../names/gguf-names.ts";
import { naming, type Naming } from "../names/naming.ts";
import { decoder, grouped, plainMlp } from "../network.ts";

const NETWORK = decoder({
  block: "plain",
  attention: grouped({ bias: "qkvo" }),
  mlp: plainMlp,
  layerNorms: true,
  embeddingNorm: true,
});

/** Its names in both frameworks, but for what stands in front: `query_key_value` goes by head, its query, its key, its value. */
function names(prefix: string, transposed: readonly "linear"[]): Naming {
  return naming(NETWORK, {
    prefix,
    layer: `${prefix}h.{i}.`,
    transposed,
    rows: [
      `model.embed_tokens.weight | ${prefix}word_embeddings.weight`,
      `model.embed_norm | ${prefix}word_embeddings_layernorm`,
      `model.norm | ${prefix}ln_f`,
      ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attention.query_key_value | group",
      ".self_attn.o_proj | .self_attention.dense",
      ".mlp.up_proj | .mlp.dense_h_to_4h",
      ".mlp.down_proj | .mlp.dense_4h_to_h",
    ],
  });
}

/** Bloom: positions are told by distances alone (transformers v5.23.0, models/bloom/modeling_bloom.py). */
export const BLOOM: Family = {
  name: "bloom",
  architectures: ["BloomForCausalLM"],
  modelType: "bloom",
  checkedAgainst: "transformers 5.23, `BloomForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: names("transformer.", []),
    /** PaddleNLP 3.0.0b4, transformers/bloom/modeling.py. */
    paddlenlp: names("bloom.", ["linear"]),
    gguf: ggufNames(NETWORK, { rows: GGUF_JOINED_ROWS }),
    /** Nobody's files have them, but messages call the tensors so. */
    canonical: naming(NETWORK),
  },
  prefixes: ["transformer", "bloom", "model"],
  drops: [],
  stock: {
    architecture: "BloomForCausalLM",
    modelType: "bloom",
    fields: (config) => ({
      vocab_size: config.vocabSize,
      hidden_size: config.hiddenSize,
      n_layer: config.layers,
      n_head: config.heads,
      layer_norm_epsilon: config.rmsNormEps,
      seq_length: config.maxPositions,
      ...(config.keepsNormed === true ? { apply_residual_connection_post_layernorm: true } : {}),
      tie_word_embeddings: config.tieWordEmbeddings,
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  // Both frameworks leave out the biases behind attention and network then.
  if ((config.optionalCount("pretraining_tp") ?? 1) > 1)
    refuseOthers(config, { slow_but_exact: [false] });
  const network = readPlainConfig(config, {
    hiddenSize: ["hidden_size", "n_embed"],
    layers: ["n_layer", "num_hidden_layers"],
    heads: ["n_head", "num_attention_heads"],
    intermediateSize: ["n_inner"],
    epsilon: ["layer_norm_epsilon"],
    maxPositions: ["seq_length"],
    defaults: { maxPositions: 2048 },
  });
  return {
    ...network,
    intermediateSize: 4 * network.hiddenSize,
    hasAlibi: true,
    activation: "geluTanh",
    ...(config.flag(false, "apply_residual_connection_post_layernorm")
      ? { keepsNormed: true }
      : {}),
  };
}
