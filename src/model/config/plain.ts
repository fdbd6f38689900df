import type { ConfigFields } from "./fields.ts";
import { layerCount } from "./llama-like.ts";
import type { NetworkConfig } from "./model-config.ts";
import { DEFAULT_THETA } from "./rope.ts";
import { unsupported } from "./unsupported.ts";

type Names = readonly [string, ...string[]];

/** What a class calls its sizes, and what it takes where config.json does not say. */
export interface PlainSpelling {
  readonly hiddenSize: Names;
  readonly layers: Names;
  readonly heads: Names;
  /** Four times the hidden size when left out. */
  readonly intermediateSize: Names;
  readonly epsilon: Names;
  readonly maxPositions: Names;
  readonly defaults: { readonly maxPositions: number; readonly epsilon?: number };
}

/** Models of LayerNorms and a feed-forward network that is not gated (GPT-2, OPT, Bloom). @throws WbError WB3701. */
export function readPlainConfig(config: ConfigFields, spelling: PlainSpelling): NetworkConfig {
  const hiddenSize = config.count(...spelling.hiddenSize);
  const heads = config.count(...spelling.heads);
  const headDim = hiddenSize / heads;
  if (!Number.isSafeInteger(headDim))
    throw config.problem(spelling.heads[0], `a divisor of ${hiddenSize}, the hidden size`, heads);
  return {
    vocabSize: config.count("vocab_size"),
    hiddenSize,
    intermediateSize: config.optionalCount(...spelling.intermediateSize) ?? 4 * hiddenSize,
    layers: layerCount(config, ...spelling.layers),
    heads,
    kvHeads: heads,
    headDim,
    rmsNormEps: config.positive(spelling.defaults.epsilon ?? 1e-5, ...spelling.epsilon),
    maxPositions: config.optionalCount(...spelling.maxPositions) ?? spelling.defaults.maxPositions,
    rope: { theta: DEFAULT_THETA, scaling: { kind: "none" } },
    rotaryDims: 0,
    rotaryPairs: "halves",
    attentionBias: true,
    mlpBias: true,
    tieWordEmbeddings: config.flag(true, "tie_word_embeddings"),
  };
}

/** Settings that change the model in ways that are not implemented, with the values that change nothing. @throws WbError WB4702. */
export function refuseOthers(
  config: ConfigFields,
  harmless: Readonly<Record<string, readonly unknown[]>>,
): void {
  for (const [field, values] of Object.entries(harmless)) {
    const value = config.find(field);
    if (value !== undefined && !values.includes(value))
      throw unsupported(config.path, field, value);
  }
}
