import type { Dtype } from "../../tensor/dtype.ts";
import { isRecord } from "./fields.ts";
import { familyOf } from "../families.ts";
import { usualPaddleWriter } from "../names/paddle-naming.ts";
import type { PaddleWriter } from "../names/paddle-writers.ts";
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
 * The config.json with which stock transformers loads the converted folder, without remote code; or a program of Paddle's.
 * @param dtype What most of the weights are written as.
 * @param paddleWriter Whose names of Paddle's tensors have, if any's.
 */
export function hfConfig(
  config: ModelConfig,
  dtype: Dtype | undefined,
  paddleWriter?: PaddleWriter,
): string {
  const family = familyOf(config.family);
  const isUsual = paddleWriter === usualPaddleWriter(family);
  const stock = (isUsual ? family.paddleClass : undefined) ?? family.stock;
  const fields: Record<string, unknown> = {
    architectures: [stock.architectureOf?.(config) ?? stock.architecture],
    model_type: stock.modelType,
    ...(paddleWriter === undefined
      ? stock.fields(config)
      : withRopeParameters(stock.fields(config))),
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
 * PaddleNLP reads `rope_theta` and takes 10000 where it is not there; PaddleFormers from 1.0 on reads `rope_parameters`. So both
 * are written.
 */
function withRopeParameters(
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { rope_theta: theta, rope_scaling: scaling, rope_parameters: written } = fields;
  if (theta === undefined || written !== undefined) return fields;
  const { type, ...settings } = isRecord(scaling) ? scaling : { type: "default" };
  return {
    ...fields,
    rope_parameters: {
      ...(type === undefined ? {} : { rope_type: type }),
      ...settings,
      rope_theta: theta,
    },
  };
}

/**
 * Fields that must be written as floats even where they are whole: transformers before 4.43 refuses the factor 2, and 5.x
 * refuses or reproaches the others.
 */
const FLOATS =
  /^(\s+"(?:factor|attention_factor|low_freq_factor|high_freq_factor|rms_norm_eps|initializer_range|partial_rotary_factor|attn_logit_softcapping|final_logit_softcapping|routed_scaling_factor|mscale|mscale_all_dim|attention_dropout|moe_norm_min)": \d+)(?=,?$)/gm;

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
