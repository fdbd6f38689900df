import type { ConfigFields } from "./fields.ts";
import { layerCount, unsupported } from "./llama-like.ts";
import type { Activation, NetworkConfig } from "./model-config.ts";
import { DEFAULT_THETA } from "./rope.ts";

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

/** transformers' names (v5.23.0, activations.py): three are the approximation by tanh. */
const ACTIVATIONS: ReadonlyMap<unknown, Activation> = new Map<unknown, Activation>([
  ["gelu", "gelu"],
  ["gelu_new", "geluTanh"],
  ["gelu_pytorch_tanh", "geluTanh"],
  ["gelu_fast", "geluTanh"],
  ["relu", "relu"],
]);

/** @throws WbError WB4702 for another activation. */
export function readActivation(config: ConfigFields, usual: string, ...names: Names): Activation {
  const written = config.find(...names) ?? usual;
  const activation = ACTIVATIONS.get(written);
  if (activation !== undefined) return activation;
  const field = names.find((name) => config.find(name) !== undefined) ?? names[0];
  throw unsupported(config.path, field, written);
}

const NAMES: Readonly<Record<Activation, string>> = {
  gelu: "gelu",
  geluTanh: "gelu_new",
  relu: "relu",
};

/** transformers' name of an activation. */
export function activationName({ activation = "gelu" }: Pick<NetworkConfig, "activation">): string {
  return NAMES[activation];
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
