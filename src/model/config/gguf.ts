import type { StoredTensor } from "../../tensor/table.ts";
import type { RawConfig } from "./fields.ts";
import { GgufKeys } from "./gguf-keys.ts";
import { GGUF_MODELS } from "./gguf-models.ts";
import { ggufRopeScaling } from "./gguf-rope.ts";
import { unsupported } from "./unsupported.ts";

/** Keys behind the architecture's name that are read below, and those that change no number of a text model. */
const KNOWN_KEYS: readonly string[] = [
  "attention.head_count",
  "attention.head_count_kv",
  "attention.key_length",
  "attention.layer_norm_rms_epsilon",
  "attention.value_length",
  "block_count",
  "context_length",
  "embedding_length",
  "feed_forward_length",
  "rope.dimension_count",
  "rope.freq_base",
  "rope.scaling.factor",
  "rope.scaling.original_context_length",
  "rope.scaling.type",
  "vocab_size",
];

/**
 * The config.json that a GGUF file's metadata amounts to (llama.cpp, docs: ggml/docs/gguf.md, "Standardized key-value pairs";
 * convert_hf_to_gguf.py, `set_gguf_parameters`, the other way).
 * @param metadata The keys as text.
 * @param ropeFactors The numbers of `rope_freqs.weight`, where the file has it.
 * @throws WbError WB3701 for a key that is missing or no number, WB4702 for a key that is not known.
 */
export function ggufConfig(
  metadata: ReadonlyMap<string, string>,
  tensors: readonly StoredTensor[],
  ropeFactors: readonly number[] | undefined,
  path: string,
): RawConfig {
  const keys = new GgufKeys(metadata, path);
  const { architecture } = keys;
  const model = GGUF_MODELS.get(architecture)?.(keys);
  if (model === undefined) return { architectures: [architecture], model_type: architecture };
  keys.refuseUnknown(new Set([...KNOWN_KEYS, ...model.keys]));
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const vocabSize = shapes.get("token_embd.weight")?.[0] ?? keys.number("vocab_size");
  const common = {
    architectures: [model.className],
    model_type: model.modelType,
    vocab_size: vocabSize,
    tie_word_embeddings: !shapes.has("output.weight"),
    ...keys.tokenIds(),
  };
  if ("whole" in model) return { ...common, ...model.whole((name) => shapes.has(name)) };
  const hiddenSize = keys.number("embedding_length");
  const heads = keys.number("attention.head_count");
  const headDim = keys.optional("attention.key_length") ?? hiddenSize / heads;
  const valueDim = keys.optional("attention.value_length") ?? headDim;
  if (valueDim !== headDim) throw unsupported(path, keys.full("attention.value_length"), valueDim);
  const rotaryDims = keys.optional("rope.dimension_count") ?? headDim;
  if (rotaryDims !== headDim && model.isPartlyRotated !== true)
    throw unsupported(path, keys.full("rope.dimension_count"), rotaryDims);
  const theta = keys.optional("rope.freq_base") ?? 10_000;
  return {
    hidden_size: hiddenSize,
    num_hidden_layers: keys.number("block_count") - (model.predictingLayers ?? 0),
    num_attention_heads: heads,
    num_key_value_heads: keys.optional("attention.head_count_kv") ?? heads,
    // Some classes have a width of their own where nothing is written.
    ...(headDim === hiddenSize / heads && model.modelType === "llama" ? {} : { head_dim: headDim }),
    intermediate_size: keys.number("feed_forward_length"),
    hidden_act: "silu",
    rms_norm_eps: keys.number("attention.layer_norm_rms_epsilon"),
    max_position_embeddings: keys.number("context_length"),
    rope_theta: theta,
    ...ggufRopeScaling(keys, ropeFactors, { theta, headDim: rotaryDims }),
    ...(model.isPartlyRotated === true ? { partial_rotary_factor: rotaryDims / headDim } : {}),
    ...model.biases({
      attention: ["blk.0.attn_q.bias", "blk.0.attn_qkv.bias"].some((name) => shapes.has(name)),
      output: shapes.has("blk.0.attn_output.bias"),
      mlp: shapes.has("blk.0.ffn_gate.bias"),
      headNorms: shapes.has("blk.0.attn_q_norm.weight"),
    }),
    ...model.fields({ hiddenSize, heads, headDim }),
    ...common,
  };
}
