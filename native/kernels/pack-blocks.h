// Quantised blocks of a file as panels take them: the same bits in other places.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels.h"
#include "threads.h"

namespace TARGET {

// What a block says, whatever its type. Levels have all their bits; those of Q8_0 are signed.
struct Parsed {
  uint16_t scale, offset;
  uint8_t scales[16], offsets[16];
  uint8_t levels[256];
};

inline uint16_t half_at(const uint8_t* at) { return uint16_t(at[0] | at[1] << 8); }

// Inputs of the runs that blocks of 256 are written in.
constexpr int GROUP_INPUTS = 32;

// Bits of GROUP_INPUTS bytes, from bit `first` on, to the lowest of as many levels.
inline void take_bits(const uint8_t* __restrict from, int first, int mask, uint8_t* __restrict levels) {
  for (int i = 0; i < GROUP_INPUTS; i++) levels[i] = uint8_t(from[i] >> first & mask);
}

// The same bits as those of levels from bit `to` on, which are none there yet.
inline void add_bits(const uint8_t* __restrict from, int first, int mask, int to, uint8_t* __restrict levels) {
  for (int i = 0; i < GROUP_INPUTS; i++) levels[i] |= uint8_t((from[i] >> first & mask) << to);
}

// 16 bytes of nibbles: 32 levels, the low nibbles first.
inline void nibbles(const uint8_t* from, uint8_t* levels) {
  const __m128i both = _mm_loadu_si128((const __m128i*)from), nibble = _mm_set1_epi8(15);
  _mm_storeu_si128((__m128i*)levels, _mm_and_si128(both, nibble));
  _mm_storeu_si128((__m128i*)(levels + 16), _mm_and_si128(_mm_srli_epi16(both, 4), nibble));
}

// Blocks of 32: scale, offset, fifth bits, nibbles or bytes.
inline void parse_small(const uint8_t* from, const BlockShape& shape, Parsed& block) {
  block.scale = half_at(from);
  from += 2;
  if (shape.offsets) {
    block.offset = half_at(from);
    from += 2;
  }
  if (shape.low == 8) {
    std::memcpy(block.levels, from, 32);
    return;
  }
  if (shape.high == 0) return nibbles(from, block.levels);
  uint32_t fifths;
  std::memcpy(&fifths, from, 4);
  nibbles(from + 4, block.levels);
  for (int i = 0; i < 32; i++) block.levels[i] |= (fifths >> i & 1) << 4;
}

// Scales and offsets of 6 bits of eight groups, in twelve bytes.
inline void parse_six_bits(const uint8_t* from, Parsed& block) {
  for (int i = 0; i < 4; i++) {
    const uint8_t first = from[i], second = from[4 + i], rest = from[8 + i];
    block.scales[i] = first & 63;
    block.offsets[i] = second & 63;
    block.scales[4 + i] = (rest & 15) | (first >> 2 & 0x30);
    block.offsets[4 + i] = (rest >> 4) | (second >> 2 & 0x30);
  }
}

// Q4_K and Q5_K: both floats, twelve bytes, fifth bits, nibbles of groups in pairs.
inline void parse_q45_k(const uint8_t* from, bool five, Parsed& block) {
  block.scale = half_at(from);
  block.offset = half_at(from + 2);
  parse_six_bits(from + 4, block);
  const uint8_t *fifths = from + 16, *data = from + (five ? 48 : 16);
  for (int group = 0; group < 8; group++) {
    uint8_t* levels = block.levels + 32 * group;
    take_bits(data + 32 * (group / 2), 4 * (group % 2), 15, levels);
    if (five) add_bits(fifths, group, 1, 4, levels);
  }
}

inline void parse_q6_k(const uint8_t* from, Parsed& block) {
  const uint8_t* highs = from + 128;
  block.scale = half_at(from + 208);
  std::memcpy(block.scales, from + 192, 16);
  for (int group = 0; group < 8; group++) {
    const int side = group / 4, within = group % 4;
    uint8_t* levels = block.levels + 32 * group;
    take_bits(from + 64 * side + 32 * (within % 2), within < 2 ? 0 : 4, 15, levels);
    add_bits(highs + 32 * side, 2 * within, 3, 4, levels);
  }
}

// Pairs of bits as Q2_K and Q3_K have them: four of 32 inputs each in 32 bytes.
inline void pairs_of_bits(const uint8_t* from, uint8_t* levels) {
  for (int group = 0; group < 8; group++) take_bits(from + 32 * (group / 4), 2 * (group % 4), 3, levels + 32 * group);
}

inline void parse_q2_k(const uint8_t* from, Parsed& block) {
  for (int i = 0; i < 16; i++) {
    block.scales[i] = from[i] & 15;
    block.offsets[i] = from[i] >> 4;
  }
  block.scale = half_at(from + 80);
  block.offset = half_at(from + 82);
  pairs_of_bits(from + 16, block.levels);
}

inline void parse_q3_k(const uint8_t* from, Parsed& block) {
  const uint8_t* scales = from + 96;
  for (int i = 0; i < 16; i++) {
    const uint8_t low = scales[i % 8] >> (i < 8 ? 0 : 4) & 15, high = scales[8 + i % 4] >> 2 * (i / 4) & 3;
    block.scales[i] = uint8_t((low | high << 4) - 32);
  }
  block.scale = half_at(from + 108);
  pairs_of_bits(from + 32, block.levels);
  for (int group = 0; group < 8; group++) add_bits(from, group, 1, 2, block.levels + 32 * group);
}

inline void parse_iq4_xs(const uint8_t* from, Parsed& block) {
  block.scale = half_at(from);
  const uint16_t highs = half_at(from + 2);
  for (int group = 0; group < 8; group++) {
    const int low = from[4 + group / 2] >> 4 * (group % 2) & 15;
    block.scales[group] = uint8_t((low | (highs >> 2 * group & 3) << 4) - 32);
    nibbles(from + 8 + 16 * group, block.levels + 32 * group);
  }
}

inline void parse(Type type, const uint8_t* from, const BlockShape& shape, Parsed& block) {
  switch (type) {
    case Type::q2_k: return parse_q2_k(from, block);
    case Type::q3_k: return parse_q3_k(from, block);
    case Type::q4_k: return parse_q45_k(from, false, block);
    case Type::q5_k: return parse_q45_k(from, true, block);
    case Type::q6_k: return parse_q6_k(from, block);
    case Type::iq4_xs: return parse_iq4_xs(from, block);
    default: return parse_small(from, shape, block);
  }
}

// Four levels in the bytes of a word, `BITS` of each, to its lowest bits.
template <int BITS>
inline uint32_t together(uint32_t levels) {
  const uint32_t pairs = (levels | levels >> (8 - BITS)) & ((1u << 2 * BITS) - 1) * 0x00010001u;
  return (pairs | pairs >> (16 - 2 * BITS)) & uint32_t((uint64_t(1) << 4 * BITS) - 1);
}

// Words [BITS, PANEL] of one output's 32 levels, of their bits from `first` on; in fours, input i is in byte i % 4 of its word.
template <int BITS>
inline void place_words(const uint8_t* levels, int first, bool in_fours, int64_t output, char* to) {
  for (int word = 0; word < BITS; word++) {
    uint32_t packed = 0;
#pragma GCC unroll 8
    for (int four = 0; four < 8 / BITS; four++, levels += 4) {
      uint32_t some;
      std::memcpy(&some, levels, 4);
      some = some >> first & ((1u << BITS) - 1) * 0x01010101u;
      packed |= in_fours ? some << BITS * four : together<BITS>(some) << 4 * BITS * four;
    }
    std::memcpy(to + (word * PANEL + output) * 4, &packed, 4);
  }
}

inline void place_words(const uint8_t* levels, int bits, int first, bool in_fours, int64_t output, char* to) {
  switch (bits) {
    case 1: return place_words<1>(levels, first, in_fours, output, to);
    case 2: return place_words<2>(levels, first, in_fours, output, to);
    case 4: return place_words<4>(levels, first, in_fours, output, to);
    case 8: return place_words<8>(levels, first, in_fours, output, to);
  }
}

// One output's block in its panel, `to`.
inline void place_block(const Parsed& block, const BlockShape& shape, bool in_fours, int64_t output, char* to) {
  std::memcpy(to + 2 * output, &block.scale, 2);
  to += 2 * PANEL;
  if (shape.offsets) {
    std::memcpy(to + 2 * output, &block.offset, 2);
    to += 2 * PANEL;
  }
  if (shape.grouped()) {
    for (int i = 0; i < shape.scales; i++, to += PANEL) to[output] = char(block.scales[i]);
    if (shape.offsets) {
      for (int i = 0; i < shape.scales; i++, to += PANEL) to[output] = char(block.offsets[i]);
    }
  }
  for (int64_t at = 0; at < shape.inputs; at += 32, to += (shape.low + shape.high) * 4 * PANEL) {
    const uint8_t* levels = block.levels + at;
    if (shape.low == 8 && !in_fours) {
      for (int i = 0; i < 32; i++) to[i * PANEL + output] = char(levels[i]);
      continue;
    }
    place_words(levels, shape.low, 0, in_fours, output, to);
    if (shape.high > 0) place_words(levels, shape.high, shape.low, in_fours, output, to + shape.low * 4 * PANEL);
  }
}

// Fills a matrix of rows of blocks [outputs, inputs / the block's].
inline void pack_blocks(const uint8_t* from, Matrix& matrix) {
  const BlockShape shape = shape_of(matrix.type);
  const int64_t blocks = matrix.inputs / shape.inputs;
  parallel(matrix.panels(), [&](int64_t index) {
    char* panel = const_cast<char*>(matrix.panel(index));
    const int64_t first = index * PANEL, count = std::min(PANEL, matrix.outputs - first);
    if (count < PANEL) std::memset(panel, 0, size_t(matrix.panel_bytes()));
    Parsed block;
    // What is written stays in the cache until it is whole.
    for (int64_t i = 0; i < blocks; i++) {
      for (int64_t output = 0; output < count; output++) {
        parse(matrix.type, from + ((first + output) * blocks + i) * shape.stored, shape, block);
        place_block(block, shape, matrix.rounds, output, panel + i * PANEL * shape.packed());
      }
    }
  });
}

}  // namespace TARGET
