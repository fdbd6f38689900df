import type { ConfigFields } from "../config/fields.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { unsupported } from "../config/unsupported.ts";
import { activationName, readActivation } from "../config/activation.ts";
import { readPlainConfig, refuseOthers } from "../config/plain.ts";
import type { Family } from "../family.ts";
import { naming, paddlenlp } from "../names/naming.ts";
import { decoder, grouped, plainMlp } from "../network.ts";

const NETWORK = decoder({
  block: "plain",
  attention: grouped({ bias: "qkvo" }),
  mlp: plainMlp,
  layerNorms: true,
  positions: true,
  projections: true,
});

/** The table of positions has two rows before that of the first token. */
const POSITION_OFFSET = 2;

/**
 * OPT (transformers v5.23.0, models/opt/modeling_opt.py). The 350m one has its norms behind the sums, and embeddings that are smaller than
 * its hidden states.
 */
export const OPT: Family = {
  name: "opt",
  architectures: ["OPTForCausalLM"],
  modelType: "opt",
  checkedAgainst: "transformers 5.23, `OPTForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK, {
      prefix: "model.decoder.",
      rows: [
        "model.norm | model.decoder.final_layer_norm",
        ".self_attn.o_proj | .self_attn.out_proj",
        ".mlp.up_proj | .fc1",
        ".mlp.down_proj | .fc2",
        ".input_layernorm | .self_attn_layer_norm",
        ".post_attention_layernorm | .final_layer_norm",
      ],
    }),
    /** PaddleNLP 3.0.0b4, transformers/opt/modeling.py; its head is a tensor of its own, always. */
    paddlenlp: paddlenlp(NETWORK, {
      prefix: "opt.",
      layer: "opt.decoder.layers.{i}.",
      transposed: ["linear"],
      storesTiedHead: true,
      rows: [
        "model.embed_tokens.weight | opt.embeddings.word_embeddings.weight",
        "model.embed_positions.weight | opt.embeddings.position_embeddings.weight",
        "model.project_in | opt.embeddings.project_in",
        "model.project_out | opt.decoder.project_out",
        "model.norm | opt.decoder.final_layer_norm",
        "lm_head.weight | lm_head.decoder_weight",
        ".self_attn.o_proj | .self_attn.out_proj",
        ".mlp.up_proj | .linear1",
        ".mlp.down_proj | .linear2",
        ".input_layernorm | .norm1",
        ".post_attention_layernorm | .norm2",
      ],
    }),
    /** Nobody's files have them, but messages call the tensors so. */
    canonical: naming(NETWORK),
  },
  prefixes: ["model", "opt"],
  drops: [],
  stock: { architecture: "OPTForCausalLM", modelType: "opt", fields },
  paddleClass: { architecture: "OPTForCausalLM", modelType: "opt", fields: paddleFields },
};

function readConfig(config: ConfigFields): NetworkConfig {
  refuseOthers(config, { layer_norm_elementwise_affine: [true] });
  const network = readPlainConfig(config, {
    hiddenSize: ["hidden_size"],
    layers: ["num_hidden_layers"],
    heads: ["num_attention_heads"],
    intermediateSize: ["ffn_dim", "intermediate_size"],
    epsilon: ["layer_norm_eps"],
    maxPositions: ["max_position_embeddings"],
    defaults: { maxPositions: 2048 },
  });
  const embeddingSize = config.optionalCount("word_embed_proj_dim") ?? network.hiddenSize;
  const normsSums = !config.flag(true, "do_layer_norm_before", "normalize_before");
  const lacksFinalNorm = normsSums || config.flag(false, "_remove_final_layer_norm");
  const hasBias = config.flag(true, "enable_bias");
  return {
    ...network,
    attentionBias: hasBias,
    mlpBias: hasBias,
    positionOffset: POSITION_OFFSET,
    ...(embeddingSize === network.hiddenSize ? {} : { embeddingSize }),
    ...(normsSums ? { normsSums } : {}),
    ...(lacksFinalNorm ? { lacksFinalNorm } : {}),
    activation: readActivation(config, "relu", "activation_function", "hidden_act"),
  };
}

/** The fields that both frameworks call the same. */
function sharedFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    max_position_embeddings: config.maxPositions,
    word_embed_proj_dim: config.embeddingSize ?? config.hiddenSize,
    enable_bias: config.attentionBias,
    tie_word_embeddings: config.tieWordEmbeddings,
  };
}

function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
    ...sharedFields(config),
    ffn_dim: config.intermediateSize,
    activation_function: activationName(config),
    do_layer_norm_before: config.normsSums !== true,
    ...(isStripped(config) ? { _remove_final_layer_norm: true } : {}),
  };
}

/** Whether a model whose norms stand before its blocks has none after the last one, as some that were tuned before transformers 4.20. */
function isStripped({ normsSums, lacksFinalNorm }: ModelConfig): boolean {
  return normsSums !== true && lacksFinalNorm === true;
}

/** PaddleNLP's head takes the hidden states, of whatever size the embeddings are (`OPTLMHead`). */
function paddleFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  if (config.embeddingSize !== undefined)
    throw unsupported("PaddleNLP's OPT", "word_embed_proj_dim", config.embeddingSize);
  if (isStripped(config)) throw unsupported("PaddleNLP's OPT", "_remove_final_layer_norm", true);
  return {
    ...sharedFields(config),
    intermediate_size: config.intermediateSize,
    hidden_act: activationName(config),
    normalize_before: config.normsSums !== true,
  };
}
