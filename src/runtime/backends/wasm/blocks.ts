import { blockType } from "../../../formats/gguf/block-types.ts";

/** Types of quantised blocks that the kernels multiply, by the numbers that wasm/decoder/blocks.ts has for them. */
export const BLOCKS = {
  Q4_0: 3,
  Q4_1: 4,
  Q5_0: 5,
  Q5_1: 6,
  Q8_0: 7,
  IQ4_NL: 8,
  Q2_K: 9,
  Q3_K: 10,
  Q4_K: 11,
  Q5_K: 12,
  Q6_K: 13,
  IQ4_XS: 14,
} as const;

export type BlockName = keyof typeof BLOCKS;

export function isBlockName(type: string): type is BlockName {
  return Object.hasOwn(BLOCKS, type);
}

/** Bytes of an element in blocks of that type. */
export function bytesOfElement(name: BlockName): number {
  const type = blockType(name);
  return type === undefined ? Number.NaN : type.bytes / type.elements;
}
