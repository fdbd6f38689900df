import { WbError } from "../../errors/wb-error.ts";
import type { ConfigFields } from "./fields.ts";
import type { NetworkConfig } from "./model-config.ts";
import { DEFAULT_THETA, type RopeConfig } from "./rope.ts";
import { kvHeadCount, layerCount } from "./llama-like.ts";
import { unsupported } from "./unsupported.ts";

/**
 * Fields that change the network in ways that are not implemented, with the values that change nothing. Scaling queries and
 * keys by the layer's number is undone before the softmax; the dropouts are for training.
 */
const UNSUPPORTED: readonly (readonly [field: string, harmless: readonly unknown[]])[] = [
  ["rmsnorm", [true]],
  ["post_layer_norm", [true]],
  ["apply_residual_connection_post_layernorm", [false]],
  ["add_bias_linear", [false]],
  ["interleaved_qkv", [false]],
  ["fp32_residual_connection", [false]],
  ["original_rope", [true]],
  ["quantization_bit", [0]],
  ["pre_seq_len", []],
];

/** Fields of ChatGLM-6B, the first generation, which has the same `model_type` and another network. */
const FIRST_GENERATION = ["inner_hidden_size", "position_encoding_2d"];

/**
 * config.json of ChatGLM2-6B in its authors' spelling (configuration_chatglm.py) and in PaddleNLP's
 * (v2.8.1, transformers/chatglm_v2/configuration.py), with the defaults of each.
 * @throws WbError WB3701, WB4702.
 */
export function readChatglm2Config(config: ConfigFields): NetworkConfig {
  const isPaddle =
    config.text("", "model_type") === "chatglm_v2" ||
    JSON.stringify(config.find("architectures") ?? "").includes("ChatGLMv2");
  if (!isPaddle) refuseFirstGeneration(config);
  for (const [field, harmless] of UNSUPPORTED) {
    const value = config.find(field);
    if (value !== undefined && !harmless.includes(value))
      throw unsupported(config.path, field, value);
  }
  const hiddenSize = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const headDim = config.optionalCount("kv_channels") ?? hiddenSize / heads;
  if (headDim % 4 !== 0)
    throw config.problem(
      "kv_channels",
      "a multiple of 4: half of a head is rotated in pairs",
      headDim,
    );
  // PaddleNLP has groups always; the authors' class a switch, without which queries, keys and values go by head.
  if (!config.flag(isPaddle, "multi_query_attention"))
    throw unsupported(config.path, "multi_query_attention", false);
  return {
    vocabSize: config.count("padded_vocab_size", "vocab_size"),
    hiddenSize,
    intermediateSize: config.count("ffn_hidden_size"),
    layers: layerCount(config, "num_layers", "num_hidden_layers"),
    heads,
    kvHeads: kvHeadCount(config, heads, "multi_query_group_num", 1),
    headDim,
    rmsNormEps: config.positive(1e-5, "layernorm_epsilon"),
    maxPositions: config.optionalCount("seq_length", "max_sequence_length") ?? 2048,
    rope: readRopeRatio(config),
    rotaryDims: headDim / 2,
    rotaryPairs: "neighbours",
    attentionBias: config.flag(false, "add_qkv_bias"),
    mlpBias: false,
    tieWordEmbeddings: config.flag(false, "tie_word_embeddings"),
  };
}

/**
 * ChatGLM3 and GLM-4-9B multiply the base by `rope_ratio` (50 for ChatGLM3-6B-32k, 500 for GLM-4-9B-Chat; modeling_chatglm.py,
 * `RotaryEmbedding`). ChatGLM2-6B-32k, which divides positions by it, has the same fields: only the name that it was published
 * under tells it, where config.json has it.
 */
function readRopeRatio(config: ConfigFields): RopeConfig {
  const ratio = config.positive(1, "rope_ratio");
  if (ratio !== 1 && /chatglm2/i.test(config.text("", "_name_or_path")))
    throw unsupported(config.path, "rope_ratio", ratio);
  return { theta: DEFAULT_THETA * ratio, scaling: { kind: "none" } };
}

function refuseFirstGeneration(config: ConfigFields): void {
  const field = FIRST_GENERATION.find((name) => config.has(name));
  if (field === undefined) return;
  throw new WbError(
    "WB4702",
    `${config.path}: ${field} is of ChatGLM-6B, whose two-dimensional positions are not supported`,
    { details: { path: config.path, field } },
  );
}
