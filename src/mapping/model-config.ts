import { WbError } from "../errors/wb-error.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { ConfigFields, parseRawConfig, type RawConfig } from "./config-fields.ts";
import { parseRope, type RopeConfig } from "./rope-config.ts";

export type FamilyName = "internlm" | "llama";

/** A model's dimensions and settings, defaults filled in and checked against each other. */
export interface ModelConfig {
  readonly family: FamilyName;
  /** `architectures[0]` as written, else the family's usual class. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads; fewer than `heads` for grouped-query attention. */
  readonly kvHeads: number;
  /** Size of one head. */
  readonly headDim: number;
  readonly rmsNormEps: number;
  /** Trained context, in tokens. */
  readonly maxPositions: number;
  readonly rope: RopeConfig;
  /** Biases of q_proj, k_proj, v_proj and o_proj. */
  readonly attentionBias: boolean;
  /** Biases of gate_proj, up_proj and down_proj. */
  readonly mlpBias: boolean;
  /** lm_head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
  /** What config.json says the weights are stored as; the files decide. */
  readonly torchDtype: Dtype | undefined;
  /** config.json as written. */
  readonly raw: RawConfig;
}

const FAMILY_OF_MODEL_TYPE: ReadonlyMap<string, FamilyName> = new Map([
  ["internlm", "internlm"],
  ["llama", "llama"],
]);

const FAMILY_OF_ARCHITECTURE: ReadonlyMap<string, FamilyName> = new Map([
  ["InternLMForCausalLM", "internlm"],
  ["InternLMModel", "internlm"],
  ["LlamaForCausalLM", "llama"],
  ["LLaMAForCausalLM", "llama"],
  ["LlamaModel", "llama"],
]);

/**
 * A field of our own in the config.json of converted folders: the family whose code the weights were made for. Its rotary
 * cache may differ from that of the class they are converted to; other programs take no notice of the field.
 */
export const SOURCE_FAMILY_FIELD = "weighbridge_source_family";

const DTYPE_OF_NAME: ReadonlyMap<string, Dtype> = new Map([
  ["float16", "F16"],
  ["bfloat16", "BF16"],
  ["float32", "F32"],
]);

/** Fields that change the model in ways that no family here implements, with the values that change nothing. */
const UNSUPPORTED_FIELDS: ReadonlyMap<string, readonly unknown[]> = new Map<
  string,
  readonly unknown[]
>([
  ["hidden_act", ["silu", "swish"]],
  ["sliding_window", []],
]);

/**
 * config.json as written → as resolved.
 * @throws WbError WB3701 naming the field that is missing or contradicts another, WB4701 for an unknown architecture,
 * WB4702 for a setting that is not implemented.
 */
export function parseModelConfig(text: string, path: string): ModelConfig {
  const config = new ConfigFields(parseRawConfig(text, path), path);
  const family = familyOf(config);
  refuseUnsupported(config);
  const dimensions = parseDimensions(config);
  const isInternlm = family === "internlm";
  const rotatesCacheAnew = isInternlm || config.text("", SOURCE_FAMILY_FIELD) === "internlm";
  const [bosTokenId] = config.ids("bos_token_id");
  const [padTokenId] = config.ids("pad_token_id");
  return {
    family,
    architecture:
      architectureOf(config) ?? (isInternlm ? "InternLMForCausalLM" : "LlamaForCausalLM"),
    ...dimensions,
    rmsNormEps: config.positive(1e-6, "rms_norm_eps", "layer_norm_epsilon"),
    rope: parseRope(config, dimensions.maxPositions, rotatesCacheAnew),
    attentionBias: config.flag(isInternlm, "attention_bias", "bias"),
    mlpBias: config.flag(false, "mlp_bias"),
    tieWordEmbeddings: config.flag(false, "tie_word_embeddings"),
    bosTokenId,
    eosTokenIds: config.ids("eos_token_id"),
    padTokenId,
    torchDtype: DTYPE_OF_NAME.get(config.text("", "torch_dtype", "dtype").replace(/^torch\./, "")),
    raw: config.raw,
  };
}

function architectureOf(config: ConfigFields): string | undefined {
  const list = config.find("architectures");
  const first: unknown = Array.isArray(list) ? list[0] : list;
  return typeof first === "string" ? first : undefined;
}

function familyOf(config: ConfigFields): FamilyName {
  const architecture = architectureOf(config);
  const type = config.text("", "model_type");
  const family = FAMILY_OF_ARCHITECTURE.get(architecture ?? "") ?? FAMILY_OF_MODEL_TYPE.get(type);
  if (family !== undefined) return family;
  const found = architecture ?? (type === "" ? "none" : type);
  throw new WbError(
    "WB4701",
    `${config.path}: architecture ${found} is not supported; known are ${[...FAMILY_OF_ARCHITECTURE.keys()].join(", ")}`,
    { details: { architecture: found } },
  );
}

function refuseUnsupported(config: ConfigFields): void {
  for (const [field, harmless] of UNSUPPORTED_FIELDS) {
    const value = config.find(field);
    if (value !== undefined && !harmless.includes(value)) {
      throw new WbError(
        "WB4702",
        `${config.path}: ${field} ${JSON.stringify(value)} is not supported`,
        {
          details: { field },
        },
      );
    }
  }
}

type Dimensions = Pick<
  ModelConfig,
  | "vocabSize"
  | "hiddenSize"
  | "intermediateSize"
  | "layers"
  | "heads"
  | "kvHeads"
  | "headDim"
  | "maxPositions"
>;

function parseDimensions(config: ConfigFields): Dimensions {
  const hiddenSize = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const kvHeads = config.optionalCount("num_key_value_heads") ?? heads;
  const headDim = config.optionalCount("head_dim") ?? hiddenSize / heads;
  if (!Number.isSafeInteger(headDim)) {
    throw config.problem("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`, heads);
  }
  if (headDim % 2 !== 0)
    throw config.problem("head_dim", "an even number, since rotary turns pairs", headDim);
  if (heads % kvHeads !== 0) {
    throw config.problem(
      "num_key_value_heads",
      `a divisor of num_attention_heads ${heads}`,
      kvHeads,
    );
  }
  return {
    vocabSize: config.count("vocab_size"),
    hiddenSize,
    intermediateSize: config.count("intermediate_size"),
    layers: layerCount(config),
    heads,
    kvHeads,
    headDim,
    maxPositions: config.optionalCount("max_position_embeddings") ?? 2048,
  };
}

/** Layers that we describe one by one; the deepest public models have about 130. */
const MAX_LAYERS = 10_000;

function layerCount(config: ConfigFields): number {
  const layers = config.count("num_hidden_layers");
  if (layers <= MAX_LAYERS) return layers;
  throw config.problem("num_hidden_layers", `at most ${MAX_LAYERS}`, layers);
}
