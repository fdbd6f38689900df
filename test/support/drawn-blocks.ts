import { BLOCK_TYPES, blockType, type BlockType } from "../../src/formats/gguf/block-types.ts";

/** Names of all types of quantised blocks. */
export const BLOCK_NAMES: readonly string[] = [...BLOCK_TYPES.values()].map(({ name }) => name);

export function typeOf(name: string): BlockType {
  const type = blockType(name);
  if (type === undefined) throw new Error(`there are no blocks of ${name}`);
  return type;
}

/** Where a block has its float16 numbers; MXFP4 has an exponent of 8 bits at its begin. */
const HALVES: Readonly<Record<string, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ4_NL: [0],
  IQ4_XS: [0],
  MXFP4: [],
};

/**
 * Blocks of drawn bits, the same for the same seed: every level, every scale of a group; floats of both signs of such a size that numbers are
 * about 1 at most, and a few that are subnormal or zero.
 */
export function drawnBlocks(name: string, count: number, seed: number): Uint8Array {
  const { bytes, elements } = typeOf(name);
  // Of blocks whose groups have scales of their own, whose levels are large, and of others.
  const exponent = elements === 256 ? 1 : ["Q8_0", "IQ4_NL"].includes(name) ? 3 : 6;
  const drawn = new Uint8Array(count * bytes);
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let at = 0; at < drawn.length; at++) drawn[at] = next() >>> 11;
  const view = new DataView(drawn.buffer);
  for (let block = 0; block < count; block++) {
    for (const at of HALVES[name] ?? []) {
      const bits = next();
      const small =
        bits % 41 === 0
          ? bits & 0x80ff
          : (bits & 0x83ff) | ((exponent + ((bits >>> 20) % 4)) << 10);
      view.setUint16(block * bytes + at, small, true);
    }
    if (name === "MXFP4") drawn[block * bytes] = 119 + (next() % 6);
  }
  return drawn;
}

/** The numbers that blocks stand for. */
export function dequantised(name: string, blocks: Uint8Array): Float32Array<ArrayBuffer> {
  const { bytes, elements, decode } = typeOf(name);
  const count = blocks.byteLength / bytes;
  const numbers = new Float32Array(count * elements);
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  for (let block = 0; block < count; block++)
    decode(view, block * bytes, numbers, block * elements);
  return numbers;
}
