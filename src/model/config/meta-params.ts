import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { ConfigFields, parseRawConfig, isRecord, type RawConfig } from "./fields.ts";

/** What Meta's params.json does not say and what was taken instead, beside the fields of config.json that it amounts to. */
export interface MetaConfig {
  readonly fields: RawConfig;
  /** One sentence. */
  readonly note: string;
}

/** Fields of models that have more than LLaMA's network. */
const UNSUPPORTED = [
  "quantization_args",
  "lora_args",
  "moe",
  "moe_args",
  "num_experts",
  "vision_chunk_size",
  "sliding_window",
] as const;

/**
 * Meta's params.json as the config.json of `LlamaForCausalLM`, as transformers' convert_llama_weights_to_hf.py writes it
 * (v4.45.0). Sizes that it leaves out or gives as −1 are taken from the tensors.
 * @param tensors Those of all ranks.
 * @throws WbError WB3701, WB4702.
 */
export function metaConfig(
  text: string,
  path: string,
  tensors: readonly StoredTensor[],
): MetaConfig {
  const raw = parseRawConfig(text, path);
  const params = new ConfigFields(isRecord(raw["model"]) ? raw["model"] : raw, path);
  refuseUnsupported(params);
  const sizes = new TensorSizes(tensors);
  const hiddenSize = params.count("dim");
  const heads = params.count("n_heads");
  requireAllParts(
    params,
    tensors,
    (params.optionalCount("head_dim") ?? hiddenSize / heads) * heads,
  );
  const vocabSize = vocabularyOf(params, sizes, hiddenSize);
  const generation = generationOf(params, vocabSize, hiddenSize);
  const theta = params.positive(10_000, "rope_theta");
  const { maxPositions, ropeFactor } = generation;
  return {
    fields: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_size: hiddenSize,
      num_hidden_layers: params.count("n_layers"),
      num_attention_heads: heads,
      num_key_value_heads: params.optionalCount("n_kv_heads") ?? heads,
      ...(params.has("head_dim") ? { head_dim: params.count("head_dim") } : {}),
      intermediate_size: sizes.rows("layers.0.feed_forward.w1.weight") ?? feedForwardSize(params),
      vocab_size: vocabSize,
      rms_norm_eps: params.positive(1e-5, "norm_eps"),
      max_position_embeddings: maxPositions,
      rope_theta: theta,
      ...(params.flag(false, "use_scaled_rope")
        ? {
            rope_scaling: {
              rope_type: "llama3",
              factor: ropeFactor,
              low_freq_factor: 1,
              high_freq_factor: 4,
              original_max_position_embeddings: 8192,
            },
          }
        : {}),
      tie_word_embeddings: tensors.length > 0 && !sizes.has("output.weight"),
      bos_token_id: generation.bos,
      eos_token_id: generation.eos,
    },
    note: `${path} says neither the context nor the control tokens: taken to be ${generation.name}, ${maxPositions} positions`,
  };
}

function refuseUnsupported(params: ConfigFields): void {
  const field = UNSUPPORTED.find((name) => params.has(name));
  if (field === undefined) return;
  throw new WbError("WB4702", `${params.path}: ${field} is not supported`, {
    details: { path: params.path, field },
  });
}

/**
 * Ranks cut wo along its input: its parts tell how many there must be.
 * @param width All heads together.
 */
function requireAllParts(
  { path }: ConfigFields,
  tensors: readonly StoredTensor[],
  width: number,
): void {
  const parts = tensors.filter(({ name }) => name === "layers.0.attention.wo.weight");
  const columns = parts[0]?.shape[1] ?? width;
  const needed = width / columns;
  if (!Number.isSafeInteger(needed) || needed <= parts.length || parts.length === 0) return;
  throw new WbError(
    "WB3704",
    `${path}: the weights are ${parts.length} of ${needed} tensor-parallel parts: expected consolidated.00.pth to consolidated.${String(needed - 1).padStart(2, "0")}.pth in this folder, and the folder's path for all of them`,
    { details: { path } },
  );
}

/** Sizes as the tensors have them, whatever the number of ranks. */
class TensorSizes {
  readonly #tensors: readonly StoredTensor[];

  constructor(tensors: readonly StoredTensor[]) {
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.some((tensor) => tensor.name === name);
  }

  /** Rows of a matrix that is cut along its rows, or is whole on one rank. */
  rows(name: string): number | undefined {
    const parts = this.#tensors.filter((tensor) => tensor.name === name);
    if (parts.length === 0) return undefined;
    return parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  }

  columns(name: string): number | undefined {
    return this.#tensors.find((tensor) => tensor.name === name)?.shape[1];
  }
}

/** `vocab_size` is −1 in the files of LLaMA 1 and 2, where the tokenizer decides. */
function vocabularyOf(params: ConfigFields, sizes: TensorSizes, hiddenSize: number): number {
  const written = params.find("vocab_size");
  if (written !== undefined && written !== -1) return params.count("vocab_size");
  const name = sizes.has("output.weight") ? "output.weight" : "tok_embeddings.weight";
  const rows = sizes.rows(name);
  if (rows === undefined) throw params.problem("vocab_size", "a whole number above 0", written);
  // The head is cut along the vocabulary. So are embeddings that are as wide as the model; narrower ones have all of it.
  const isWhole = (sizes.columns(name) ?? 0) < hiddenSize;
  return isWhole ? Math.round((rows * (sizes.columns(name) ?? 0)) / hiddenSize) : rows;
}

/** facebookresearch/llama, llama/model.py, `FeedForward`; both are Python's int(), which cuts. */
function feedForwardSize(params: ConfigFields): number {
  const multiple = params.optionalCount("multiple_of") ?? 256;
  const twoThirds = Math.floor((8 * params.count("dim")) / 3);
  const wanted = Math.floor(params.positive(1, "ffn_dim_multiplier") * twoThirds);
  return multiple * Math.ceil(wanted / multiple);
}

interface Generation {
  readonly name: string;
  readonly maxPositions: number;
  readonly bos: number;
  readonly eos: number | readonly number[];
  /** Of rotary scaling, where the model has it. */
  readonly ropeFactor: number;
}

/** The first vocabulary that is not SentencePiece's has 128256 ids, 128000 and on for control. */
const LLAMA3_VOCAB = 128_000;

/** The hidden size of LLaMA 3.2's 3B, whose scaling and the 1B's is by 32; that of every other is by 8. */
const SMALL_HIDDEN = 3072;

/** Hidden size of LLaMA-65B, the one of its generation with LLaMA 2's `norm_eps`. */
const LLAMA_65B_HIDDEN = 8192;

/** The generation that a params.json is of, which no field names. Nothing but context, control tokens and factor hangs on it. */
function generationOf(params: ConfigFields, vocabSize: number, hiddenSize: number): Generation {
  const sentencePiece = { bos: 1, eos: 2, ropeFactor: 8 };
  const explicit = params.optionalCount("max_seq_len");
  const named = (name: string, maxPositions: number): Generation => ({
    ...sentencePiece,
    name,
    maxPositions: explicit ?? maxPositions,
  });
  const isScaled = params.flag(false, "use_scaled_rope");
  if (vocabSize >= LLAMA3_VOCAB || isScaled) {
    const control = vocabSize >= LLAMA3_VOCAB ? { bos: 128_000, eos: LLAMA3_EOS } : sentencePiece;
    const ropeFactor = hiddenSize <= SMALL_HIDDEN ? 32 : 8;
    return {
      ...named(isScaled ? "LLaMA 3.1 or later" : "LLaMA 3", isScaled ? 131_072 : 8192),
      ...control,
      ropeFactor,
    };
  }
  if (params.positive(10_000, "rope_theta") > 10_000) return named("Code Llama", 16_384);
  const isFirst =
    params.positive(1e-5, "norm_eps") < 1e-5 ||
    (hiddenSize === LLAMA_65B_HIDDEN && !params.has("n_kv_heads"));
  return isFirst ? named("LLaMA", 2048) : named("LLaMA 2", 4096);
}

/** End of text, end of message, end of turn: base models never give the last two. */
const LLAMA3_EOS: readonly number[] = [128_001, 128_008, 128_009];
