// Quantised blocks of a file as panels take them: the same bits in other places.
#pragma once
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

// 16 bytes of nibbles: 32 levels, the low nibbles first.
inline void nibbles(const uint8_t* from, uint8_t* levels) {
  for (int i = 0; i < 16; i++) {
    levels[i] = from[i] & 15;
    levels[16 + i] = from[i] >> 4;
  }
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
  uint32_t fifths = 0;
  if (shape.high > 0) {
    std::memcpy(&fifths, from, 4);
    from += 4;
  }
  nibbles(from, block.levels);
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
    for (int i = 0; i < 32; i++) {
      const uint8_t fifth = five ? (fifths[i] >> group & 1) << 4 : 0;
      block.levels[32 * group + i] = (data[32 * (group / 2) + i] >> 4 * (group % 2) & 15) | fifth;
    }
  }
}

inline void parse_q6_k(const uint8_t* from, Parsed& block) {
  const uint8_t* highs = from + 128;
  block.scale = half_at(from + 208);
  std::memcpy(block.scales, from + 192, 16);
  for (int i = 0; i < 256; i++) {
    const int side = i / 128, within = i % 128;
    const uint8_t low = from[64 * side + within % 64] >> (within < 64 ? 0 : 4) & 15;
    block.levels[i] = low | (highs[32 * side + within % 32] >> 2 * (within / 32) & 3) << 4;
  }
}

// Pairs of bits as Q2_K and Q3_K have them: four of 32 inputs each in 32 bytes.
inline void pairs_of_bits(const uint8_t* from, uint8_t* levels) {
  for (int i = 0; i < 256; i++) levels[i] = from[32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
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
  for (int i = 0; i < 256; i++) block.levels[i] |= (from[i % 32] >> i / 32 & 1) << 2;
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

// Words [bits, PANEL] of one output's 32 levels, of their bits from `first` on; in fours, input i is in byte i % 4 of its word.
inline void place_words(const uint8_t* levels, int bits, int first, bool in_fours, int64_t output, char* to) {
  const int each = 32 / bits;
  for (int word = 0; word < bits; word++) {
    uint32_t packed = 0;
    for (int i = 0; i < each; i++) {
      const uint32_t level = levels[word * each + i] >> first;
      packed |= (level & ((1u << bits) - 1)) << (in_fours ? i % 4 * 8 + i / 4 * bits : bits * i);
    }
    std::memcpy(to + (word * PANEL + output) * 4, &packed, 4);
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
    for (int64_t output = 0; output < count; output++) {
      const uint8_t* row = from + (first + output) * blocks * shape.stored;
      for (int64_t i = 0; i < blocks; i++) {
        parse(matrix.type, row + i * shape.stored, shape, block);
        place_block(block, shape, matrix.rounds, output, panel + i * PANEL * shape.packed());
      }
    }
  });
}

}  // namespace TARGET
