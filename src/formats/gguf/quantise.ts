import { WbError } from "../../errors/wb-error.ts";
import { shownName } from "../../tensor/shown-name.ts";
import {
  quantiseQ4,
  quantiseQ5,
  quantiseQ5WithOffset,
  quantiseQ8,
  smallBlocks,
  type QuantiseBlocks,
} from "./small-quantise.ts";
import { superBlocks } from "./super-quantise.ts";

interface WrittenType {
  /** Its number in the file (ggml.h, `enum ggml_type`). */
  readonly code: number;
  /** Of a block. */
  readonly elements: number;
  /** Of a block. */
  readonly bytes: number;
  readonly quantise: QuantiseBlocks;
}

/**
 * Types that are written, in the arithmetic of llama.cpp's reference without an importance matrix (ggml-quants.c, `quantize_row_*_ref`,
 * llama-cpp-python 0.3.36): float32, rounded after each operation, as it computes on x86-64. Q8_0 and Q4_0 are those of gguf-py 0.19.0, too.
 */
export const QUANTISED_TYPES = {
  Q4_0: { code: 2, elements: 32, bytes: 18, quantise: smallBlocks(18, quantiseQ4) },
  Q5_0: { code: 6, elements: 32, bytes: 22, quantise: smallBlocks(22, quantiseQ5) },
  Q5_1: { code: 7, elements: 32, bytes: 24, quantise: smallBlocks(24, quantiseQ5WithOffset) },
  Q8_0: { code: 8, elements: 32, bytes: 34, quantise: smallBlocks(34, quantiseQ8) },
  Q4_K: { code: 12, elements: 256, bytes: 144, quantise: superBlocks(144, "q4k") },
  Q5_K: { code: 13, elements: 256, bytes: 176, quantise: superBlocks(176, "q5k") },
  Q6_K: { code: 14, elements: 256, bytes: 210, quantise: superBlocks(210, "q6k") },
} as const satisfies Readonly<Record<string, WrittenType>>;

export type QuantisedType = keyof typeof QUANTISED_TYPES;

/** Bytes of so many elements, a multiple of a block's. */
export function quantisedBytes(type: QuantisedType, elements: number): number {
  return (elements / QUANTISED_TYPES[type].elements) * QUANTISED_TYPES[type].bytes;
}

/**
 * The blocks of so many numbers, a multiple of a block's.
 * @throws WbError WB4513 for numbers that are not finite, or beyond what a binary16 scale can say.
 */
export function quantise(values: Float32Array, type: QuantisedType, tensor: string): Uint8Array {
  const { elements, quantise: run } = QUANTISED_TYPES[type];
  const out = new Uint8Array(quantisedBytes(type, values.length));
  const refused = run(values, out);
  if (refused === undefined) return out;
  const first = refused * elements;
  throw new WbError(
    "WB4513",
    `tensor ${shownName(tensor)}: numbers ${first} to ${first + elements - 1} of a part are not finite or too large for ${type}'s scale of binary16`,
    { details: { tensor, type } },
  );
}
