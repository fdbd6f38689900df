import { QUANTISED_TYPES, type QuantisedType } from "../formats/gguf/quantise.ts";
import { ggufArchitecture } from "../model/config/to-gguf.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Role, TensorClass } from "../model/parameter.ts";

/** Which quantised files are made, by llama-quantize's names; a tensor's type follows from its place in the model. */
export const MIXTURES = {
  Q8_0: { type: "Q8_0", fileType: 7 },
  Q4_0: { type: "Q4_0", fileType: 2 },
  Q4_K_M: { type: "Q4_K", fileType: 15 },
  Q6_K: { type: "Q6_K", fileType: 18 },
} as const satisfies Readonly<
  Record<string, { readonly type: QuantisedType; readonly fileType: number }>
>;

export type Mixture = keyof typeof MIXTURES;

/** What a type needs of its model. */
export interface Mixed {
  readonly config: ModelConfig;
  /** The embeddings are the head's weights, too. */
  readonly isTied: boolean;
}

/** A matrix, and what it does in its model. */
export interface MixedMatrix {
  readonly class: TensorClass;
  readonly shape: readonly number[];
  /** Of what it is made of: several for those that are joined. */
  readonly roles: readonly Role[];
  /** -1 outside of layers. */
  readonly layer: number;
}

/** Where blocks do not divide a row. */
const SMALLER: Partial<Record<QuantisedType, QuantisedType>> = {
  Q4_K: "Q5_0",
  Q5_K: "Q5_1",
  Q6_K: "Q8_0",
};

/**
 * The type that llama-quantize gives a matrix, without an importance matrix or settings of single tensors (llama-cpp-python 0.3.36,
 * src/llama-quant.cpp, `llama_tensor_get_type_impl` and `tensor_type_fallback`).
 */
export function mixtureType(
  tensor: MixedMatrix,
  mixture: Mixture,
  model: Mixed,
): QuantisedType | "F16" {
  const columns = tensor.shape.at(-1) ?? 0;
  const divides = (type: QuantisedType): boolean => columns % QUANTISED_TYPES[type].elements === 0;
  const wanted = placeType(tensor, mixture, model, divides);
  if (divides(wanted)) return wanted;
  const smaller = SMALLER[wanted];
  return smaller !== undefined && divides(smaller) ? smaller : "F16";
}

function placeType(
  { class: kind, roles, layer }: MixedMatrix,
  mixture: Mixture,
  { config, isTied }: Mixed,
  divides: (type: QuantisedType) => boolean,
): QuantisedType {
  const { type } = MIXTURES[mixture];
  if (kind === "head" || (kind === "table" && isTied))
    return type === "Q8_0" || !divides(type) ? "Q8_0" : "Q6_K";
  const has = (role: Role): boolean => roles.includes(role);
  const isMixed = mixture === "Q4_K_M";
  const finer = isMixed && hasMoreBits(layer, config.layers) ? "Q6_K" : type;
  const hasEight = config.experts?.count === 8;
  if (has("value")) return hasEight ? "Q8_0" : isLarge(config) && finer === "Q4_K" ? "Q5_K" : finer;
  if (has("key")) return hasEight ? "Q8_0" : type;
  if (has("down")) return finer;
  if (has("output") && hasEight && isMixed) return "Q5_K";
  return type;
}

/** The first and the last eighth of the layers, and every third between. */
function hasMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** The models of 70B with shared values that llama.cpp tells by their number of layers. */
function isLarge(config: ModelConfig): boolean {
  if (config.layers !== 80) return false;
  const architecture = ggufArchitecture(config.family);
  return architecture === "qwen2" || (architecture === "llama" && config.heads !== config.kvHeads);
}
