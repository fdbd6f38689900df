import type { Dtype } from "../../tensor/dtype.ts";
import { familyOf } from "../families.ts";
import { SOURCE_FAMILY_FIELD, type ModelConfig } from "./model-config.ts";

const NAME_OF_DTYPE: Readonly<Partial<Record<Dtype, string>>> = {
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
};

/** Fields of the original config.json that the stock class has too and that are carried over as they are. */
const CARRIED = [
  "initializer_range",
  "use_cache",
  "pretraining_tp",
  "attention_dropout",
  SOURCE_FAMILY_FIELD,
] as const;

/**
 * The config.json with which stock transformers loads the converted folder, without remote code; or PaddleNLP.
 * @param dtype What most of the weights are written as.
 * @param isForPaddle Whether tensors have PaddleNLP's names.
 */
export function hfConfig(
  config: ModelConfig,
  dtype: Dtype | undefined,
  isForPaddle = false,
): string {
  const family = familyOf(config.family);
  const stock = (isForPaddle ? family.paddleClass : undefined) ?? family.stock;
  const fields: Record<string, unknown> = {
    architectures: [stock.architecture],
    model_type: stock.modelType,
    ...stock.fields(config),
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: idOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: (dtype === undefined ? undefined : NAME_OF_DTYPE[dtype]) ?? "float32",
  };
  if (config.family !== stock.modelType) fields[SOURCE_FAMILY_FIELD] = config.family;
  for (const name of CARRIED) if (config.raw[name] !== undefined) fields[name] = config.raw[name];
  return withFloats(`${JSON.stringify(fields, undefined, 2)}\n`);
}

/**
 * Fields that must be written as floats even where they are whole: transformers before 4.43 refuses the factor 2, and 5.x
 * refuses or reproaches the others.
 */
const FLOATS =
  /^(\s+"(?:factor|attention_factor|low_freq_factor|high_freq_factor|rms_norm_eps|initializer_range)": \d+)(?=,?$)/gm;

function withFloats(text: string): string {
  return text.replace(FLOATS, "$1.0");
}

/** The generation_config.json for a model that came without one. */
export function generationConfig(config: ModelConfig): string {
  const fields = {
    _from_model_config: true,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: idOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId ?? null,
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

function idOrList(ids: readonly number[]): number | readonly number[] | null {
  if (ids.length > 1) return ids;
  return ids[0] ?? null;
}
