import { half, type DecodeBlock } from "./block.ts";

/** Levels of IQ4_NL and IQ4_XS (ggml-common.h, `kvalues_iq4nl`). */
const IQ4_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Twice the numbers of FP4 E2M1 (OCP Microscaling Formats 1.0, section 5.3.3). */
const E2M1_DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** 32 elements from 16 bytes: low nibbles, then high ones, each a level of the table. */
function fromNibbles(
  bytes: DataView,
  at: number,
  scale: number,
  levels: readonly number[],
  out: Float32Array,
  begin: number,
): void {
  for (let index = 0; index < 16; index++) {
    const pair = bytes.getUint8(at + index);
    out[begin + index] = scale * (levels[pair & 15] ?? Number.NaN);
    out[begin + 16 + index] = scale * (levels[pair >> 4] ?? Number.NaN);
  }
}

export const decodeIq4Nl: DecodeBlock = (bytes, at, out, begin) => {
  fromNibbles(bytes, at + 2, half(bytes, at), IQ4_LEVELS, out, begin);
};

/** A scale for 256 elements, its sixteen bits of high scale pairs, four bytes of low scale nibbles, 128 bytes of nibbles. */
export const decodeIq4Xs: DecodeBlock = (bytes, at, out, begin) => {
  const scale = half(bytes, at);
  const highs = bytes.getUint16(at + 2, true);
  for (let group = 0; group < 8; group++) {
    const pair = bytes.getUint8(at + 4 + (group >> 1));
    const low = group % 2 === 0 ? pair & 15 : pair >> 4;
    const level = (low | (((highs >> (2 * group)) & 3) << 4)) - 32;
    const own = Math.fround(scale * level);
    fromNibbles(bytes, at + 8 + 16 * group, own, IQ4_LEVELS, out, begin + 32 * group);
  }
};

/** An E8M0 exponent, halved since the levels are doubled, and 16 bytes of nibbles. */
export const decodeMxfp4: DecodeBlock = (bytes, at, out, begin) => {
  const scale = 2 ** (bytes.getUint8(at) - 128);
  fromNibbles(bytes, at + 1, scale, E2M1_DOUBLED, out, begin);
};
