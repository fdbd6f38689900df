import { readGate } from "./activation.ts";
import type { ConfigFields } from "./fields.ts";
import type { NetworkConfig } from "./model-config.ts";
import { checkPairFactors, DEFAULT_THETA, parseRope, type RopeConfig } from "./rope.ts";
import { unsupported } from "./unsupported.ts";

/** What the code of a family does where config.json does not say. */
export interface LlamaTraits {
  /** Biases in attention. */
  readonly attentionBias: boolean;
  /** Whether "dynamic" rotary rotates the whole cache anew. */
  readonly rotatesWholeCache: boolean;
  /** The class's defaults, where they are not LLaMA's. */
  readonly defaults?: {
    readonly kvHeads?: number;
    /** `hidden_size / num_attention_heads` when left out. */
    readonly headDim?: number;
    readonly rmsNormEps?: number;
    readonly theta?: number;
    readonly maxPositions?: number;
    readonly tied?: boolean;
  };
  /** Fields that others are refused for, and that the family has judged itself. */
  readonly judged?: readonly string[];
}

/**
 * config.json in the field names of LlamaConfig, which others of its network share.
 * @throws WbError WB3701, WB4702.
 */
export function readLlamaConfig(config: ConfigFields, traits: LlamaTraits): NetworkConfig {
  const judged = traits.judged ?? [];
  if (!judged.includes("sliding_window") && config.has("sliding_window"))
    throw unsupported(config.path, "sliding_window", config.find("sliding_window"));
  const { defaults = {} } = traits;
  const dimensions = parseDimensions(config, defaults);
  const rope = parseRope(
    config,
    dimensions.maxPositions,
    traits.rotatesWholeCache,
    defaults.theta ?? DEFAULT_THETA,
  );
  if (!judged.includes("partial_rotary_factor")) {
    refusePartialRotary(config, rope);
    checkPairFactors(config, rope, dimensions.headDim);
  }
  return {
    ...dimensions,
    rmsNormEps: config.positive(defaults.rmsNormEps ?? 1e-6, "rms_norm_eps", "layer_norm_epsilon"),
    rope,
    rotaryDims: dimensions.headDim,
    rotaryPairs: "halves",
    ...(judged.includes("hidden_act") ? {} : readGate(config, "hidden_act")),
    attentionBias: config.flag(traits.attentionBias, "attention_bias", "bias"),
    mlpBias: config.flag(false, "mlp_bias"),
    tieWordEmbeddings: config.flag(defaults.tied ?? false, "tie_word_embeddings"),
  };
}

/** transformers' Llama rotates whole heads: where positions are scaled it fails with this field, else it takes no notice of it. */
function refusePartialRotary(config: ConfigFields, { scaling }: RopeConfig): void {
  if (scaling.kind === "none" || scaling.kind === "proportional") return;
  const places = [config, config.object("rope_scaling"), config.object("rope_parameters")];
  for (const place of places) {
    const factor = place?.find("partial_rotary_factor") ?? 1;
    if (factor !== 1)
      throw unsupported(place?.path ?? config.path, "partial_rotary_factor", factor);
  }
}

type Dimensions = Pick<
  NetworkConfig,
  | "vocabSize"
  | "hiddenSize"
  | "intermediateSize"
  | "layers"
  | "heads"
  | "kvHeads"
  | "headDim"
  | "maxPositions"
>;

function parseDimensions(
  config: ConfigFields,
  defaults: NonNullable<LlamaTraits["defaults"]>,
): Dimensions {
  const hiddenSize = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const kvHeads = kvHeadsOf(config, heads, defaults.kvHeads);
  const headDim = headDimOf(config, hiddenSize / heads, defaults.headDim);
  if (!Number.isSafeInteger(headDim)) {
    throw config.problem("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`, heads);
  }
  if (headDim % 2 !== 0)
    throw config.problem(
      "head_dim",
      "an even number, since rotary embeddings rotate pairs",
      headDim,
    );
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
    layers: layerCount(config, "num_hidden_layers"),
    heads,
    kvHeads,
    headDim,
    maxPositions: config.optionalCount("max_position_embeddings") ?? defaults.maxPositions ?? 2048,
  };
}

/** A field that is written as null is the class's fallback, one that is not written at all its default. */
function kvHeadsOf(config: ConfigFields, heads: number, byDefault = heads): number {
  const isNull = config.raw["num_key_value_heads"] === null;
  return config.optionalCount("num_key_value_heads") ?? (isNull ? heads : byDefault);
}

function headDimOf(config: ConfigFields, share: number, byDefault = share): number {
  const isNull = config.raw["head_dim"] === null;
  return config.optionalCount("head_dim") ?? (isNull ? share : byDefault);
}

/** Layers that we describe one by one; the deepest public models have about 130. */
const MAX_LAYERS = 10_000;

/** @throws WbError WB3701 for more layers than any model has. */
export function layerCount(config: ConfigFields, ...names: readonly string[]): number {
  const layers = config.count(...names);
  if (layers <= MAX_LAYERS) return layers;
  throw config.problem(config.spelling(...names), `at most ${MAX_LAYERS}`, layers);
}

/** Groups of heads that share keys and values; a divisor of the heads. */
export function kvHeadCount(
  config: ConfigFields,
  heads: number,
  field: string,
  fallback: number,
): number {
  const groups = config.optionalCount(field) ?? fallback;
  if (heads % groups === 0) return groups;
  throw config.problem(field, `a divisor of num_attention_heads ${heads}`, groups);
}
