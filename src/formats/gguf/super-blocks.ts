import { half, type DecodeBlock } from "./block.ts";

/** Elements of a super-block (ggml-common.h, `QK_K`); its groups have scales of their own, which share one or two floats. */
const ELEMENTS = 256;

/** 2 bits; 16 groups of 16, each with 4 bits of scale and 4 of offset. */
export const decodeQ2K: DecodeBlock = (bytes, at, out, begin) => {
  const data = at + 16;
  const scale = half(bytes, data + 64);
  const offset = half(bytes, data + 66);
  for (let group = 0; group < 16; group++) {
    const packed = bytes.getUint8(at + group);
    const step = Math.fround(scale * (packed & 15));
    const least = Math.fround(offset * (packed >> 4));
    const from = data + 32 * (group >> 3) + 16 * (group % 2);
    const shift = 2 * ((group >> 1) % 4);
    for (let index = 0; index < 16; index++) {
      const level = (bytes.getUint8(from + index) >> shift) & 3;
      out[begin + 16 * group + index] = Math.fround(step * level) - least;
    }
  }
};

/** 2 bits and a mask of third bits; 16 groups of 16, each with a scale of 6 bits, less 32. */
export const decodeQ3K: DecodeBlock = (bytes, at, out, begin) => {
  const [mask, data, scales] = [at, at + 32, at + 96];
  const scale = half(bytes, at + 108);
  for (let group = 0; group < 16; group++) {
    const low = (bytes.getUint8(scales + (group % 8)) >> (group < 8 ? 0 : 4)) & 15;
    const high = (bytes.getUint8(scales + 8 + (group % 4)) >> (2 * (group >> 2))) & 3;
    const step = Math.fround(scale * ((low | (high << 4)) - 32));
    const from = 16 * (group % 2);
    const half128 = group >> 3;
    const shift = 2 * ((group >> 1) % 4);
    for (let index = 0; index < 16; index++) {
      const two = (bytes.getUint8(data + 32 * half128 + from + index) >> shift) & 3;
      const third = (bytes.getUint8(mask + from + index) >> (group >> 1)) & 1;
      out[begin + 16 * group + index] = step * (two - (third === 1 ? 0 : 4));
    }
  }
};

/** Scale and offset of 6 bits each of group `group` of eight, packed in twelve bytes. */
function scaleAndOffset(bytes: DataView, at: number, group: number): readonly [number, number] {
  const low = group % 4;
  const [first, second] = [bytes.getUint8(at + low), bytes.getUint8(at + 4 + low)];
  if (group < 4) return [first & 63, second & 63];
  const rest = bytes.getUint8(at + 8 + low);
  return [(rest & 15) | ((first >> 2) & 0x30), (rest >> 4) | ((second >> 2) & 0x30)];
}

/** 4 bits, and a fifth where `highs` is given; 8 groups of 32, each with a scale and an offset. */
function decodeGroups(
  bytes: DataView,
  at: number,
  places: { readonly data: number; readonly highs: number | undefined },
  out: Float32Array,
  begin: number,
): void {
  const scale = half(bytes, at);
  const offset = half(bytes, at + 2);
  const { data, highs } = places;
  for (let group = 0; group < 8; group++) {
    const [own, least] = scaleAndOffset(bytes, at + 4, group);
    const step = Math.fround(scale * own);
    const minimum = Math.fround(offset * least);
    const from = data + 32 * (group >> 1);
    const shift = group % 2 === 0 ? 0 : 4;
    for (let index = 0; index < 32; index++) {
      const low = (bytes.getUint8(from + index) >> shift) & 15;
      const fifth = highs === undefined ? 0 : (bytes.getUint8(highs + index) >> group) & 1;
      out[begin + 32 * group + index] = Math.fround(step * (low | (fifth << 4))) - minimum;
    }
  }
}

export const decodeQ4K: DecodeBlock = (bytes, at, out, begin) => {
  decodeGroups(bytes, at, { data: at + 16, highs: undefined }, out, begin);
};

export const decodeQ5K: DecodeBlock = (bytes, at, out, begin) => {
  decodeGroups(bytes, at, { data: at + 48, highs: at + 16 }, out, begin);
};

/** 4 bits and 2 higher ones, less 32; 16 groups of 16, each with a signed scale of 8 bits. */
export const decodeQ6K: DecodeBlock = (bytes, at, out, begin) => {
  const [highs, scales] = [at + 128, at + 192];
  const scale = half(bytes, at + 208);
  for (let index = 0; index < ELEMENTS; index++) {
    const [half128, within] = [index >> 7, index & 127];
    const pair = bytes.getUint8(at + 64 * half128 + (within & 63));
    const low = within < 64 ? pair & 15 : pair >> 4;
    const high = (bytes.getUint8(highs + 32 * half128 + (within & 31)) >> (2 * (within >> 5))) & 3;
    const step = Math.fround(scale * bytes.getInt8(scales + (index >> 4)));
    out[begin + index] = step * ((low | (high << 4)) - 32);
  }
};
