// Matrices in quantised blocks as GGUF has them (ggml-common.h, `block_q4_0` and the others). Their numbers are made as gguf-py's
// `dequantize` makes them, to the bit: a product of a scale, of a group's scale and of a level is rounded once at most, and so is the sum
// with an offset, before which every product is exact.
import { Half, lane } from "./vector";

/** The types, by the numbers that src/runtime/backends/wasm/blocks.ts has for them; what is below is no block. */
const Q4_0 = 3;
const Q4_1 = 4;
const Q5_0 = 5;
const Q5_1 = 6;
const Q8_0 = 7;
const IQ4_NL = 8;
const Q2_K = 9;
const Q3_K = 10;
const Q4_K = 11;
const Q5_K = 12;
const Q6_K = 13;
const IQ4_XS = 14;

export function isInBlocks(type: i32): bool {
  return type >= Q4_0;
}

/** Elements of a block. */
function elementsOf(type: i32): usize {
  return type >= Q2_K ? 256 : 32;
}

/** Bytes of a block. */
function blockBytes(type: i32): usize {
  switch (type) {
    case Q4_1:
      return 20;
    case Q5_0:
      return 22;
    case Q5_1:
      return 24;
    case Q8_0:
      return 34;
    case Q2_K:
      return 84;
    case Q3_K:
      return 110;
    case Q4_K:
      return 144;
    case Q5_K:
      return 176;
    case Q6_K:
      return 210;
    case IQ4_XS:
      return 136;
    default:
      return 18;
  }
}

/** Bytes of a row of whole blocks, or of some of its elements. */
export function bytesInBlocks(type: i32, elements: usize): usize {
  return (elements / elementsOf(type)) * blockBytes(type);
}

/** What IQ4's levels stand for. */
// prettier-ignore
const TABLE = i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** A binary16 as float32, whatever it is. */
function half(at: usize): f32 {
  const bits = <i32>load<i16>(at);
  if ((bits & 0x7c00) == 0x7c00)
    return reinterpret<f32>((bits & 0x80000000) | 0x7f800000 | ((bits & 0x3ff) << 13));
  return lane<Half>(at);
}

/** Four of 16 levels as float32, times `scale`, and `offset` added where there is one. */
function put<WITH_OFFSET>(four: v128, scale: v128, offset: v128, to: usize): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(four), scale);
  v128.store(to, isSigned<WITH_OFFSET>() ? f32x4.add(product, offset) : product);
}

/** 16 levels of one byte each. */
function put16<WITH_OFFSET>(levels: v128, scale: v128, offset: v128, to: usize): void {
  const low = i16x8.extend_low_i8x16_s(levels);
  const high = i16x8.extend_high_i8x16_s(levels);
  put<WITH_OFFSET>(i32x4.extend_low_i16x8_s(low), scale, offset, to);
  put<WITH_OFFSET>(i32x4.extend_high_i16x8_s(low), scale, offset, to + 16);
  put<WITH_OFFSET>(i32x4.extend_low_i16x8_s(high), scale, offset, to + 32);
  put<WITH_OFFSET>(i32x4.extend_high_i16x8_s(high), scale, offset, to + 48);
}

/** Whether an offset is added, as a type: a signed one says yes. */
type Offset = i8;
type Plain = u8;

const NONE = i32x4.splat(0);

function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(15));
}

function highNibbles(bytes: v128): v128 {
  return i8x16.shr_u(bytes, 4);
}

/** 16 where one of 16 bits is set, else 0. */
function fifths(bits: i16): v128 {
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const bytes = i8x16.swizzle(
    i16x8.splat(bits),
    i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
  );
  return v128.and(i8x16.eq(v128.and(bytes, each), each), i8x16.splat(16));
}

/** Two bits of each byte, from `shift` on. */
function pairOfBits(bytes: v128, shift: i32): v128 {
  return v128.and(i8x16.shr_u(bytes, shift), i8x16.splat(3));
}

/** A block of 32 with levels of four or five bits. `lowest` is what the lowest level stands for. */
function small<WITH_OFFSET>(at: usize, five: bool, lowest: i8, to: usize): void {
  const scale = f32x4.splat(half(at));
  const offset = isSigned<WITH_OFFSET>() ? f32x4.splat(half(at + 2)) : NONE;
  let data: usize = at + (isSigned<WITH_OFFSET>() ? 4 : 2);
  const high = data;
  if (five) data += 4;
  const bytes = v128.load(data);
  let first = lowNibbles(bytes);
  let second = highNibbles(bytes);
  if (five) {
    first = v128.or(first, fifths(load<i16>(high)));
    second = v128.or(second, fifths(load<i16>(high + 2)));
  }
  put16<WITH_OFFSET>(i8x16.add(first, i8x16.splat(lowest)), scale, offset, to);
  put16<WITH_OFFSET>(i8x16.add(second, i8x16.splat(lowest)), scale, offset, to + 64);
}

function bytes32(at: usize, to: usize): void {
  const scale = f32x4.splat(half(at));
  put16<Plain>(v128.load(at + 2), scale, NONE, to);
  put16<Plain>(v128.load(at + 18), scale, NONE, to + 64);
}

/** 32 levels of IQ4's table. */
function fromTable(at: usize, factor: f32, to: usize): void {
  const scale = f32x4.splat(factor);
  const bytes = v128.load(at);
  put16<Plain>(i8x16.swizzle(TABLE, lowNibbles(bytes)), scale, NONE, to);
  put16<Plain>(i8x16.swizzle(TABLE, highNibbles(bytes)), scale, NONE, to + 64);
}

/** Q2_K: 16 bytes of scales and offsets, 64 of pairs of bits, both floats. */
function block2(at: usize, to: usize): void {
  const scale = half(at + 80);
  const offset = half(at + 82);
  for (let group: usize = 0; group < 16; group++) {
    const own = load<u8>(at + group);
    const side = group >> 3;
    const bytes = v128.load(at + 16 + 32 * side + 16 * (group & 1));
    const levels = pairOfBits(bytes, <i32>(2 * ((group >> 1) & 3)));
    const by = f32x4.splat(scale * <f32>(own & 15));
    put16<Offset>(levels, by, f32x4.splat(-(offset * <f32>(own >> 4))), to + 64 * group);
  }
}

/** Q3_K: 32 bytes of third bits, 64 of pairs of bits, twelve of scales, the float. */
function block3(at: usize, to: usize): void {
  const scale = half(at + 108);
  const scales = at + 96;
  for (let group: usize = 0; group < 16; group++) {
    const low = (load<u8>(scales + (group & 7)) >> (<u8>(group < 8 ? 0 : 4))) & 15;
    const high = (load<u8>(scales + 8 + (group & 3)) >> (<u8>(2 * (group >> 2)))) & 3;
    const by = scale * <f32>(<i32>(low | (high << 4)) - 32);
    const side = group >> 3;
    const within: usize = 16 * (group & 1);
    const pairs = pairOfBits(
      v128.load(at + 32 + 32 * side + within),
      <i32>(2 * ((group >> 1) & 3)),
    );
    const thirds = i8x16.shr_u(v128.load(at + within), <i32>(group >> 1));
    const third = i8x16.shl(v128.and(thirds, i8x16.splat(1)), 2);
    const levels = i8x16.sub(v128.or(pairs, third), i8x16.splat(4));
    put16<Plain>(levels, f32x4.splat(by), NONE, to + 64 * group);
  }
}

/** Q4_K and Q5_K: both floats, twelve bytes of scales and offsets of six bits, fifth bits, nibbles of groups in pairs. */
function block45(at: usize, five: bool, to: usize): void {
  const scale = half(at);
  const offset = half(at + 2);
  const scales = at + 4;
  const data: usize = at + (five ? 48 : 16);
  for (let group: usize = 0; group < 8; group++) {
    let own: u32;
    let off: u32;
    if (group < 4) {
      own = load<u8>(scales + group) & 63;
      off = load<u8>(scales + 4 + group) & 63;
    } else {
      const rest = <u32>load<u8>(scales + 4 + group);
      own = (rest & 15) | (((<u32>load<u8>(scales + group - 4)) >> 6) << 4);
      off = (rest >> 4) | (((<u32>load<u8>(scales + group)) >> 6) << 4);
    }
    const by = f32x4.splat(scale * <f32>own);
    const add = f32x4.splat(-(offset * <f32>off));
    for (let part: usize = 0; part < 2; part++) {
      const bytes = v128.load(data + 32 * (group >> 1) + 16 * part);
      let levels = (group & 1) == 0 ? lowNibbles(bytes) : highNibbles(bytes);
      if (five) {
        const high = i8x16.shr_u(v128.load(at + 16 + 16 * part), <i32>group);
        levels = v128.or(levels, i8x16.shl(v128.and(high, i8x16.splat(1)), 4));
      }
      put16<Offset>(levels, by, add, to + 128 * group + 64 * part);
    }
  }
}

/** Q6_K: 128 bytes of nibbles, 64 of pairs of bits, 16 scales, the float. */
function block6(at: usize, to: usize): void {
  const scale = half(at + 208);
  for (let group: usize = 0; group < 16; group++) {
    const side = group >> 3;
    const part = group & 7;
    const bytes = v128.load(at + 64 * side + 16 * (part & 3));
    const low = part < 4 ? lowNibbles(bytes) : highNibbles(bytes);
    const pairs = pairOfBits(
      v128.load(at + 128 + 32 * side + 16 * (part & 1)),
      <i32>(2 * (part >> 1)),
    );
    const levels = i8x16.sub(v128.or(low, i8x16.shl(pairs, 4)), i8x16.splat(32));
    const by = scale * <f32>load<i8>(at + 192 + group);
    put16<Plain>(levels, f32x4.splat(by), NONE, to + 64 * group);
  }
}

/** IQ4_XS: the float, 16 pairs of bits and eight nibbles of scales, nibbles. */
function blockOfTable(at: usize, to: usize): void {
  const scale = half(at);
  const highs = <u32>load<u16>(at + 2);
  for (let group: usize = 0; group < 8; group++) {
    const low = ((<u32>load<u8>(at + 4 + (group >> 1))) >> (<u32>(4 * (group & 1)))) & 15;
    const high = (highs >> (<u32>(2 * group))) & 3;
    fromTable(at + 8 + 16 * group, scale * <f32>(<i32>(low | (high << 4)) - 32), to + 128 * group);
  }
}

/** `count` elements of whole blocks as float32. */
export function widenBlocks(type: i32, from: usize, count: usize, to: usize): void {
  const end = to + 4 * count;
  const step = blockBytes(type);
  const wide = 4 * elementsOf(type);
  for (; to < end; to += wide) {
    switch (type) {
      case Q4_0:
        small<Plain>(from, false, -8, to);
        break;
      case Q4_1:
        small<Offset>(from, false, 0, to);
        break;
      case Q5_0:
        small<Plain>(from, true, -16, to);
        break;
      case Q5_1:
        small<Offset>(from, true, 0, to);
        break;
      case Q8_0:
        bytes32(from, to);
        break;
      case IQ4_NL:
        fromTable(from + 2, half(from), to);
        break;
      case Q2_K:
        block2(from, to);
        break;
      case Q3_K:
        block3(from, to);
        break;
      case Q4_K:
        block45(from, false, to);
        break;
      case Q5_K:
        block45(from, true, to);
        break;
      case Q6_K:
        block6(from, to);
        break;
      default:
        blockOfTable(from, to);
    }
    from += step;
  }
}
