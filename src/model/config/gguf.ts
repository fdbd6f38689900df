import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { RawConfig } from "./fields.ts";
import { unsupported } from "./llama-like.ts";

/** The tensor in which llama.cpp's files keep what llama3's rotary scaling makes of each frequency. */
export const ROPE_FACTORS = "rope_freqs.weight";

/** Classes of stock transformers by llama.cpp's name of the architecture (gguf-py 0.19.0, constants.py, `MODEL_ARCH_NAMES`). */
const CLASSES: ReadonlyMap<string, readonly [architecture: string, modelType: string]> = new Map([
  ["llama", ["LlamaForCausalLM", "llama"]],
  ["qwen2", ["Qwen2ForCausalLM", "qwen2"]],
]);

/** Keys behind the architecture's name that are read below, and those that change no number of a text model. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
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
]);

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
  const keys = new Keys(metadata, path);
  const { architecture } = keys;
  const [className, modelType] = CLASSES.get(architecture) ?? [architecture, architecture];
  if (!CLASSES.has(architecture)) return { architectures: [className], model_type: modelType };
  keys.refuseUnknown();
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const hiddenSize = keys.number("embedding_length");
  const heads = keys.number("attention.head_count");
  const headDim = keys.optional("attention.key_length") ?? hiddenSize / heads;
  for (const name of ["attention.value_length", "rope.dimension_count"]) {
    const found = keys.optional(name);
    if (found !== undefined && found !== headDim) throw unsupported(path, keys.full(name), found);
  }
  const theta = keys.optional("rope.freq_base") ?? 10_000;
  const vocabSize = shapes.get("token_embd.weight")?.[0] ?? keys.number("vocab_size");
  return {
    architectures: [className],
    model_type: modelType,
    hidden_size: hiddenSize,
    num_hidden_layers: keys.number("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: keys.optional("attention.head_count_kv") ?? heads,
    ...(headDim === hiddenSize / heads ? {} : { head_dim: headDim }),
    intermediate_size: keys.number("feed_forward_length"),
    vocab_size: vocabSize,
    hidden_act: "silu",
    rms_norm_eps: keys.number("attention.layer_norm_rms_epsilon"),
    max_position_embeddings: keys.number("context_length"),
    rope_theta: theta,
    ...ropeScaling(keys, ropeFactors, { theta, headDim }),
    ...(shapes.has("blk.0.attn_q.bias") && modelType === "llama" ? { attention_bias: true } : {}),
    ...(shapes.has("blk.0.ffn_gate.bias") ? { mlp_bias: true } : {}),
    tie_word_embeddings: !shapes.has("output.weight"),
    ...keys.tokenIds(),
  };
}

/** The metadata of one architecture. */
class Keys {
  readonly architecture: string;
  readonly #metadata: ReadonlyMap<string, string>;
  readonly #path: string;

  constructor(metadata: ReadonlyMap<string, string>, path: string) {
    this.#metadata = metadata;
    this.#path = path;
    this.architecture = metadata.get("general.architecture") ?? "";
    if (this.architecture === "") throw this.#problem("general.architecture", "a name", undefined);
  }

  full(name: string): string {
    return `${this.architecture}.${name}`;
  }

  text(name: string): string | undefined {
    return this.#metadata.get(this.full(name));
  }

  optional(name: string): number | undefined {
    return this.#amount(this.full(name));
  }

  number(name: string): number {
    const value = this.optional(name);
    if (value === undefined) throw this.#problem(this.full(name), "a number above 0", undefined);
    return value;
  }

  #amount(key: string): number | undefined {
    const text = this.#metadata.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    throw this.#problem(key, "a number above 0", text);
  }

  #problem(key: string, expected: string, found: string | undefined): WbError {
    const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 80);
    return new WbError(
      "WB3701",
      `${this.#path}: ${key}: expected ${expected}, found ${shown}; it may be an array, of a number a layer`,
      { details: { path: this.#path, field: key, expected, found: shown } },
    );
  }

  /** A key that is not known may change what the model computes. */
  refuseUnknown(): void {
    const own = this.full("");
    for (const [key, value] of this.#metadata) {
      if (key.startsWith(own) && !KNOWN_KEYS.has(key.slice(own.length)))
        throw unsupported(this.#path, key, value);
    }
  }

  /** Ids of the control tokens, as config.json has them. */
  tokenIds(): RawConfig {
    const ids: Record<string, number> = {};
    for (const [field, key] of TOKEN_IDS) {
      const text = this.#metadata.get(key);
      if (text !== undefined && Number.isSafeInteger(Number(text))) ids[field] = Number(text);
    }
    return ids;
  }
}

const TOKEN_IDS = [
  ["bos_token_id", "tokenizer.ggml.bos_token_id"],
  ["eos_token_id", "tokenizer.ggml.eos_token_id"],
  ["pad_token_id", "tokenizer.ggml.padding_token_id"],
] as const;

interface Rotary {
  readonly theta: number;
  readonly headDim: number;
}

function ropeScaling(
  keys: Keys,
  factors: readonly number[] | undefined,
  rotary: Rotary,
): RawConfig {
  const kind = keys.text("rope.scaling.type") ?? "none";
  const original = keys.optional("rope.scaling.original_context_length");
  if (factors !== undefined) return { rope_scaling: llama3Scaling(factors, rotary, original) };
  switch (kind) {
    case "none":
      return {};
    case "linear":
      return { rope_scaling: { rope_type: "linear", factor: keys.number("rope.scaling.factor") } };
    case "yarn":
      return {
        rope_scaling: {
          rope_type: "yarn",
          factor: keys.number("rope.scaling.factor"),
          ...(original === undefined ? {} : { original_max_position_embeddings: original }),
        },
      };
    default:
      throw unsupported(keys.full("rope.scaling.type"), "rope.scaling.type", kind);
  }
}

/** Lengths that models were trained at first; any of them where no frequency is between the two ends. */
const ORIGINAL_LENGTHS = [8192, 4096, 2048, 16_384, 32_768, 65_536, 131_072];

/** Two factors are the same up to the roundings of float32. */
const FACTOR_TOLERANCE = 1e-5;

/**
 * The settings of llama3's rotary scaling from what it divides each frequency by (arXiv 2407.21783; transformers v5.23.0,
 * modeling_rope_utils.py, `_compute_llama3_parameters`): low and high frequency factors 1 and 4, as all published models have.
 * @param factors headDim / 2 numbers.
 * @throws WbError WB4702 where no setting gives these factors.
 */
function llama3Scaling(
  factors: readonly number[],
  { theta, headDim }: Rotary,
  said: number | undefined,
): RawConfig {
  const factor = Math.max(...factors);
  const periodOf = (index: number): number => theta ** ((2 * index) / headDim);
  const fits = (original: number): boolean =>
    factors.length === headDim / 2 &&
    factors.every((found, index) => {
      const expected = llama3Factor(periodOf(index), factor, original);
      return Math.abs(found - expected) <= FACTOR_TOLERANCE * expected;
    });
  const lengths = [
    ...(said === undefined ? [] : [said]),
    ...factors.flatMap((found, index) => originalLength(found, factor, periodOf(index)) ?? []),
    ...ORIGINAL_LENGTHS,
  ];
  const original = lengths.find(fits);
  if (original === undefined)
    throw unsupported(ROPE_FACTORS, "rotary factors", factors.slice(0, SHOWN_FACTORS));
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: original,
  };
}

const SHOWN_FACTORS = 8;

/** The trained length that makes `found` of a frequency between the two ends, where all that follows is decided. */
function originalLength(found: number, factor: number, period: number): number | undefined {
  if (found <= 1 || found >= factor) return undefined;
  const smooth = (1 / found - 1 / factor) / (1 - 1 / factor);
  return Math.round(2 * Math.PI * period * (3 * smooth + 1));
}

/** What the frequency 1 / `period` is divided by. */
function llama3Factor(period: number, factor: number, original: number): number {
  const wavelength = 2 * Math.PI * period;
  if (wavelength < original / 4) return 1;
  if (wavelength > original) return factor;
  const smooth = (original / wavelength - 1) / 3;
  return 1 / ((1 - smooth) / factor + smooth);
}
