import { isRecord, recordIn } from "../../model/config/fields.ts";

/** What config.json says of quantised weights that the tensors do not show themselves. */
export interface QuantisationFacts {
  /** Rows and columns of a block with one scale. */
  readonly blockSize: readonly [number, number] | undefined;
  /** GPTQ's zeros as they are, not less 1. */
  readonly hasPlainZeros: boolean;
  /** A packing of codes that is another than the usual one. */
  readonly packing: string | undefined;
  /** The library that config.json says quantised the weights. */
  readonly method: string | undefined;
}

const NONE: QuantisationFacts = {
  blockSize: undefined,
  hasPlainZeros: false,
  packing: undefined,
  method: undefined,
};

/** @param configText config.json as written; undefined where there is none. */
export function quantisationFacts(configText: string | undefined): QuantisationFacts {
  const config = configText === undefined ? undefined : recordIn(configText);
  const settings = config?.["quantization_config"];
  if (!isRecord(settings)) return NONE;
  const block = settings["weight_block_size"];
  const sizes: readonly unknown[] = Array.isArray(block) ? block : [];
  const [rows, columns] = sizes;
  const isBlock = isCount(rows) && isCount(columns);
  const format = settings["checkpoint_format"] ?? settings["version"];
  const packing = typeof format === "string" ? format.toLowerCase() : undefined;
  return {
    blockSize: isBlock ? [rows, columns] : undefined,
    hasPlainZeros: packing === "gptq_v2",
    packing,
    method: typeof settings["quant_method"] === "string" ? settings["quant_method"] : undefined,
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
