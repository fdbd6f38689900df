import { decodeIq4Nl, decodeIq4Xs, decodeMxfp4 } from "./codebook-blocks.ts";
import { half, type DecodeBlock } from "./block.ts";
import { decodeQ2K, decodeQ3K, decodeQ4K, decodeQ5K, decodeQ6K } from "./super-blocks.ts";

/** A quantised tensor type: blocks of so many elements in so many bytes. */
export interface BlockType {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  readonly decode: DecodeBlock;
}

/** Nibbles of 16 bytes: the low ones are the first 16 elements, the high ones the second. */
const SMALL = 32;

function fourBits(hasOffset: boolean): DecodeBlock {
  const data = hasOffset ? 4 : 2;
  return (bytes, at, out, begin) => {
    const scale = half(bytes, at);
    const offset = hasOffset ? half(bytes, at + 2) : 0;
    for (let index = 0; index < SMALL / 2; index++) {
      const pair = bytes.getUint8(at + data + index);
      const [low, high] = [pair & 15, pair >> 4];
      out[begin + index] = hasOffset ? Math.fround(scale * low) + offset : scale * (low - 8);
      out[begin + SMALL / 2 + index] = hasOffset
        ? Math.fround(scale * high) + offset
        : scale * (high - 8);
    }
  };
}

function fiveBits(hasOffset: boolean): DecodeBlock {
  const fifth = hasOffset ? 4 : 2;
  return (bytes, at, out, begin) => {
    const scale = half(bytes, at);
    const offset = hasOffset ? half(bytes, at + 2) : 0;
    const highBits = bytes.getUint32(at + fifth, true);
    for (let index = 0; index < SMALL; index++) {
      const pair = bytes.getUint8(at + fifth + 4 + (index % (SMALL / 2)));
      const low = index < SMALL / 2 ? pair & 15 : pair >> 4;
      const level = low | (((highBits >>> index) & 1) << 4);
      out[begin + index] = hasOffset ? Math.fround(scale * level) + offset : scale * (level - 16);
    }
  };
}

const decodeQ8Zero: DecodeBlock = (bytes, at, out, begin) => {
  const scale = half(bytes, at);
  for (let index = 0; index < SMALL; index++)
    out[begin + index] = bytes.getInt8(at + 2 + index) * scale;
};

const LARGE = 256;

/**
 * The quantised types by ggml's number (ggml.h, `enum ggml_type`; layouts: ggml-common.h, `block_q4_0` and the others, both at
 * llama.cpp b4500). Their arithmetic is that of gguf-py 0.19.0, quants.py, `dequantize_blocks`: in float32, rounded after each
 * operation.
 */
export const BLOCK_TYPES: ReadonlyMap<number, BlockType> = new Map([
  [2, { name: "Q4_0", elements: SMALL, bytes: 18, decode: fourBits(false) }],
  [3, { name: "Q4_1", elements: SMALL, bytes: 20, decode: fourBits(true) }],
  [6, { name: "Q5_0", elements: SMALL, bytes: 22, decode: fiveBits(false) }],
  [7, { name: "Q5_1", elements: SMALL, bytes: 24, decode: fiveBits(true) }],
  [8, { name: "Q8_0", elements: SMALL, bytes: 34, decode: decodeQ8Zero }],
  [10, { name: "Q2_K", elements: LARGE, bytes: 84, decode: decodeQ2K }],
  [11, { name: "Q3_K", elements: LARGE, bytes: 110, decode: decodeQ3K }],
  [12, { name: "Q4_K", elements: LARGE, bytes: 144, decode: decodeQ4K }],
  [13, { name: "Q5_K", elements: LARGE, bytes: 176, decode: decodeQ5K }],
  [14, { name: "Q6_K", elements: LARGE, bytes: 210, decode: decodeQ6K }],
  [20, { name: "IQ4_NL", elements: SMALL, bytes: 18, decode: decodeIq4Nl }],
  [23, { name: "IQ4_XS", elements: LARGE, bytes: 136, decode: decodeIq4Xs }],
  [39, { name: "MXFP4", elements: SMALL, bytes: 17, decode: decodeMxfp4 }],
]);

/** The type of that name; undefined where there is none that is read. */
export function blockType(name: string): BlockType | undefined {
  return [...BLOCK_TYPES.values()].find((type) => type.name === name);
}

/** Names of types that are known and not read, so that a message can name them. */
export const UNREAD_TYPES: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [40, "NVFP4"],
]);
