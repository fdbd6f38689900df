import { WbError } from "../../errors/wb-error.ts";
import { shownName } from "../../tensor/shown-name.ts";
import {
  superBlocks,
  weightedSmallBlocks,
  weightedSuperBlocks,
  type QuantiseWeighted,
} from "./quantise-kernels.ts";
import {
  quantiseQ4,
  quantiseQ4WithOffset,
  quantiseQ5,
  quantiseQ5WithOffset,
  quantiseQ8,
  smallBlocks,
  type QuantiseBlocks,
} from "./small-quantise.ts";

interface WrittenType {
  /** Its number in the file (ggml.h, `enum ggml_type`). */
  readonly code: number;
  /** Of a block. */
  readonly elements: number;
  /** Of a block. */
  readonly bytes: number;
  readonly quantise: QuantiseBlocks;
  /** With an importance matrix; a type without it takes no notice of one. */
  readonly weighted?: QuantiseWeighted;
}

function small(
  code: number,
  bytes: number,
  plain: QuantiseBlocks,
  weighted?: QuantiseWeighted,
): WrittenType {
  const common = { code, elements: 32, bytes, quantise: plain };
  return weighted === undefined ? common : { ...common, weighted };
}

function large(
  code: number,
  bytes: number,
  plain: QuantiseBlocks,
  weighted: QuantiseWeighted,
): WrittenType {
  return { code, elements: 256, bytes, quantise: plain, weighted };
}

/**
 * Types that are written, in the arithmetic of llama.cpp's reference (ggml-quants.c, `quantize_row_*_ref`, with an importance matrix
 * `quantize_row_*_impl`, llama-cpp-python 0.3.36): float32, rounded after each operation, as it computes on x86-64. Without a matrix, Q8_0 and
 * Q4_0 are those of gguf-py 0.19.0, too.
 */
export const QUANTISED_TYPES = {
  Q4_0: small(2, 18, smallBlocks(18, quantiseQ4), weightedSmallBlocks(18, "weightedQ40")),
  Q4_1: small(3, 20, smallBlocks(20, quantiseQ4WithOffset), weightedSmallBlocks(20, "weightedQ41")),
  Q5_0: small(6, 22, smallBlocks(22, quantiseQ5), weightedSmallBlocks(22, "weightedQ50")),
  Q5_1: small(7, 24, smallBlocks(24, quantiseQ5WithOffset), weightedSmallBlocks(24, "weightedQ51")),
  Q8_0: small(8, 34, smallBlocks(34, quantiseQ8)),
  Q2_K: large(10, 84, superBlocks(84, "q2k"), weightedSuperBlocks(84, "weightedQ2k")),
  Q3_K: large(11, 110, superBlocks(110, "q3k"), weightedSuperBlocks(110, "weightedQ3k")),
  Q4_K: large(12, 144, superBlocks(144, "q4k"), weightedSuperBlocks(144, "weightedQ4k")),
  Q5_K: large(13, 176, superBlocks(176, "q5k"), weightedSuperBlocks(176, "weightedQ5k")),
  Q6_K: large(14, 210, superBlocks(210, "q6k"), weightedSuperBlocks(210, "weightedQ6k")),
} as const satisfies Readonly<Record<string, WrittenType>>;

export type QuantisedType = keyof typeof QUANTISED_TYPES;

/** Bytes of so many elements, a multiple of a block's. */
export function quantisedBytes(type: QuantisedType, elements: number): number {
  return (elements / QUANTISED_TYPES[type].elements) * QUANTISED_TYPES[type].bytes;
}

/**
 * The blocks of so many numbers, a multiple of a block's.
 * @param columns What an importance matrix has for each column: then the numbers are whole rows of as many.
 * @throws WbError WB4513 for numbers that are not finite, or beyond what a binary16 scale can say.
 */
export function quantise(
  values: Float32Array,
  type: QuantisedType,
  tensor: string,
  columns?: Float32Array,
): Uint8Array {
  const { elements, quantise: run, weighted } = QUANTISED_TYPES[type];
  const out = new Uint8Array(quantisedBytes(type, values.length));
  const refused =
    columns === undefined || weighted === undefined
      ? run(values, out)
      : weighted(values, columns, out);
  if (refused === undefined) return out;
  const first = refused * elements;
  throw new WbError(
    "WB4513",
    `tensor ${shownName(tensor)}: numbers ${first} to ${first + elements - 1} of a part are not finite or too large for ${type}'s scale of binary16`,
    { details: { tensor, type } },
  );
}
