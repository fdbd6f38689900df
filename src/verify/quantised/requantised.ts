import { quantise, QUANTISED_TYPES, type QuantisedType } from "../../formats/gguf/quantise.ts";
import { WbError } from "../../errors/wb-error.ts";

/** Types whose quantiser rounds each number by itself, so that every machine's arithmetic gives the same bytes. */
const SAME_EVERYWHERE: ReadonlySet<string> = new Set(["Q8_0", "Q4_0"]);

/** Whether blocks of a type can be made again from the original. */
export function isRequantised(type: string): type is QuantisedType {
  return type in QUANTISED_TYPES;
}

/** Whether an importance matrix changes what quantising to a type gives, and its blocks can be made again with one. */
export function takesMatrix(type: string): type is QuantisedType {
  return isRequantised(type) && "weighted" in QUANTISED_TYPES[type];
}

/**
 * Whether an honest file has these very bytes on any machine. K-quants search for scales by sums of products, which processors with fused
 * multiply-add round otherwise: llama.cpp itself, compiled for such a one, makes up to a tenth of its blocks otherwise.
 */
export function isSameEverywhere(type: string): boolean {
  return SAME_EVERYWHERE.has(type);
}

/** The blocks that quantising makes of rows, by an importance matrix's values for their columns where they are given; undefined for numbers that the type cannot hold, so that nothing was made of them. */
export function requantised(
  values: Float32Array,
  type: QuantisedType,
  tensor: string,
  columns?: Float32Array,
): Uint8Array | undefined {
  try {
    return quantise(values, type, tensor, columns);
  } catch (error) {
    if (error instanceof WbError && error.code === "WB4513") return undefined;
    throw error;
  }
}
