import type { ConfigFields } from "../config/fields.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { unsupported } from "../config/unsupported.ts";
import { activationName, readActivation } from "../config/activation.ts";
import { readPlainConfig, refuseOthers } from "../config/plain.ts";
import type { DroppedName, Family } from "../family.ts";
import { GGUF_JOINED_ROWS, ggufNames } from "../names/gguf-names.ts";
import { naming } from "../names/naming.ts";
import { decoder, grouped, plainMlp } from "../network.ts";

const NETWORK = decoder({
  block: "plain",
  attention: grouped({ bias: "qkvo" }),
  mlp: plainMlp,
  layerNorms: true,
  positions: true,
});

/** What each layer's attention has beside its weights in older files. */
const MASKS: readonly DroppedName[] = ["bias", "masked_bias"].map((name) => ({
  stored: `transformer.h.{i}.attn.${name}`,
  why: "the mask of keys behind a token is made anew; the stored one has no effect",
}));

/**
 * GPT-2 (transformers v5.23.0, models/gpt2/modeling_gpt2.py): its Linears are `Conv1D`s, stored as [in, out], and so are Paddle's. Only
 * the head is [out, in] in both.
 */
export const GPT2: Family = {
  name: "gpt2",
  architectures: ["GPT2LMHeadModel", "GPTForCausalLM", "GPTLMHeadModel"],
  modelType: "gpt2",
  checkedAgainst: "transformers 5.23, `GPT2LMHeadModel`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK, {
      prefix: "transformer.",
      layer: "transformer.h.{i}.",
      transposed: ["linear"],
      rows: [
        "model.embed_tokens.weight | transformer.wte.weight",
        "model.embed_positions.weight | transformer.wpe.weight",
        "model.norm | transformer.ln_f",
        ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .attn.c_attn | concatenate",
        ".self_attn.o_proj | .attn.c_proj",
        ".mlp.up_proj | .mlp.c_fc",
        ".mlp.down_proj | .mlp.c_proj",
        ".input_layernorm | .ln_1",
        ".post_attention_layernorm | .ln_2",
      ],
    }),
    /** PaddleNLP 3.0.0b4, transformers/gpt/modeling.py. */
    paddlenlp: naming(NETWORK, {
      prefix: "gpt.",
      layer: "gpt.decoder.layers.{i}.",
      transposed: ["linear"],
      rows: [
        "model.embed_tokens.weight | gpt.embeddings.word_embeddings.weight",
        "model.embed_positions.weight | gpt.embeddings.position_embeddings.weight",
        "model.norm | gpt.decoder.norm",
        ".self_attn.o_proj | .self_attn.out_proj",
        ".mlp.up_proj | .linear1",
        ".mlp.down_proj | .linear2",
        ".input_layernorm | .norm1",
        ".post_attention_layernorm | .norm2",
      ],
    }),
    gguf: ggufNames(NETWORK, { rows: GGUF_JOINED_ROWS }),
    /** Nobody's files have them, but messages call the tensors so. */
    canonical: naming(NETWORK),
  },
  prefixes: ["transformer", "gpt", "model"],
  drops: MASKS,
  stock: { architecture: "GPT2LMHeadModel", modelType: "gpt2", fields },
  paddleClass: { architecture: "GPTForCausalLM", modelType: "gpt", fields: paddleFields },
};

function readConfig(config: ConfigFields): NetworkConfig {
  refuseOthers(config, {
    add_cross_attention: [false],
    normalize_before: [true],
    scale_qk_coeff: [1],
  });
  const network = readPlainConfig(config, {
    hiddenSize: ["n_embd", "hidden_size"],
    layers: ["n_layer", "num_hidden_layers"],
    heads: ["n_head", "num_attention_heads"],
    intermediateSize: ["n_inner", "intermediate_size"],
    epsilon: ["layer_norm_epsilon", "layer_norm_eps"],
    maxPositions: ["n_positions", "max_position_embeddings"],
    defaults: { maxPositions: 1024 },
  });
  return {
    ...network,
    positionOffset: 0,
    activation: activationOf(config),
    // Scores that are not scaled are divided by √1.
    ...(config.flag(true, "scale_attn_weights") ? {} : { queryScalar: 1 }),
    ...(config.flag(false, "scale_attn_by_inverse_layer_idx") ? { scoresFallByLayer: true } : {}),
  };
}

/** PaddleNLP's `hidden_activation: gelu` is the approximation by tanh, whatever its name says (gpt/modeling.py). */
function activationOf(config: ConfigFields): NonNullable<NetworkConfig["activation"]> {
  const ofPaddle = config.find("hidden_activation");
  if (ofPaddle === undefined) return readActivation(config, "gelu_new", "activation_function");
  if (ofPaddle === "gelu") return "geluTanh";
  throw unsupported(config.path, "hidden_activation", ofPaddle);
}

function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
    vocab_size: config.vocabSize,
    n_positions: config.maxPositions,
    n_embd: config.hiddenSize,
    n_layer: config.layers,
    n_head: config.heads,
    n_inner: config.intermediateSize,
    activation_function: activationName(config),
    layer_norm_epsilon: config.rmsNormEps,
    scale_attn_weights: config.queryScalar === undefined,
    ...(config.scoresFallByLayer === true ? { scale_attn_by_inverse_layer_idx: true } : {}),
    tie_word_embeddings: config.tieWordEmbeddings,
  };
}

function paddleFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  if (config.activation !== "geluTanh")
    throw unsupported("PaddleNLP's GPT", "activation_function", activationName(config));
  if (config.queryScalar !== undefined)
    throw unsupported("PaddleNLP's GPT", "scale_attn_weights", false);
  if (config.scoresFallByLayer === true)
    throw unsupported("PaddleNLP's GPT", "scale_attn_by_inverse_layer_idx", true);
  return {
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    hidden_activation: "gelu",
    max_position_embeddings: config.maxPositions,
    layer_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tieWordEmbeddings,
  };
}
