// Products in integers: rows of x rounded to 8 bits, 32 inputs at a time, with panels of quantised blocks. A sum of products of
// integers is exact; those of an output's blocks are added in float32 after each other, one lane an output. So every instruction
// set, and any number of rows and threads, gives the same bits.
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>

#include "quantised.h"
#include "threads.h"

namespace TARGET {

// Inputs that a lane of 32 bits has the levels of.
constexpr int FOUR = 4;
// Below this the largest of 32 inputs counts as zero: their step would have fewer bits than a float32 has.
constexpr float LEAST = 0x1p-110f;

// What UNIT inputs were rounded to: x is step · level, within half a step. The step is NaN where one of them is not finite.
struct Rounded {
  int8_t levels[UNIT];
  float step;
  int32_t sums[2];  // of the levels of either half

  int32_t sum(int group_size, int group) const { return group_size == UNIT ? sums[0] + sums[1] : sums[group]; }
};

inline Rounded round_unit(const float* x) {
  Rounded to = {};
  int32_t bits[UNIT], most = 0;
  std::memcpy(bits, x, sizeof bits);
  // Without their signs, numbers are in the order of their bits, and what is not finite is behind all that are.
  for (int i = 0; i < UNIT; i++) most = std::max(most, bits[i] & 0x7fffffff);
  float largest;
  std::memcpy(&largest, &most, sizeof largest);
  if (largest < LEAST) return to;
  to.step = std::isfinite(largest) ? largest / 127 : NAN;
  if (!std::isfinite(largest)) return to;
  int32_t levels[UNIT];
  for (int i = 0; i < UNIT; i += LANES) {
    const Integers some = nearest(multiply(load(x + i), spread(127 / largest)));
    std::memcpy(levels + i, &some, sizeof some);
  }
  for (int i = 0; i < UNIT; i++) to.levels[i] = int8_t(levels[i]);
  for (int i = 0; i < UNIT; i++) to.sums[i / (UNIT / 2)] += levels[i];
  return to;
}

// Some rows of x, rounded: [units, rows].
struct RoundedBand {
  std::unique_ptr<Rounded[]> all;
  int64_t rows = 0, units = 0;

  const Rounded* unit(int64_t index) const { return all.get() + index * rows; }
};

inline RoundedBand round_band(const float* x, int64_t rows, int64_t inputs) {
  const int64_t units = inputs / UNIT;
  RoundedBand band = {std::unique_ptr<Rounded[]>(new Rounded[size_t(rows * units)]), rows, units};
  constexpr int64_t SOME = 4;
  parallel((rows + SOME - 1) / SOME, [&](int64_t part) {
    for (int64_t row = part * SOME; row < std::min(rows, (part + 1) * SOME); row++) {
      for (int64_t i = 0; i < units; i++) band.all[size_t(i * rows + row)] = round_unit(x + row * inputs + i * UNIT);
    }
  });
  return band;
}

#if defined(__AVX512F__)

inline Integers spread_word(int32_t word) { return _mm512_set1_epi32(word); }
inline Integers add_words(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
inline Integers add_shorts(Integers a, Integers b) { return _mm512_add_epi16(a, b); }
// Sums of pairs of products of bytes, without and with a sign; they may not pass 15 bits.
inline Integers pairs(Integers levels, Integers x) { return _mm512_maddubs_epi16(levels, x); }
inline Integers pairs_of_shorts(Integers shorts) { return _mm512_madd_epi16(shorts, _mm512_set1_epi16(1)); }
inline Integers without_sign(Integers bytes) { return _mm512_abs_epi8(bytes); }
inline Integers with_sign_of(Integers bytes, Integers signs) {
  return _mm512_mask_sub_epi8(bytes, _mm512_movepi8_mask(signs), _mm512_setzero_si512(), bytes);
}
inline Integers look_up(const int8_t* table, Integers places) {
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*)table)), places);
}

#else

inline Integers spread_word(int32_t word) { return _mm256_set1_epi32(word); }
inline Integers add_words(Integers a, Integers b) { return _mm256_add_epi32(a, b); }
inline Integers add_shorts(Integers a, Integers b) { return _mm256_add_epi16(a, b); }
// Sums of pairs of products of bytes, without and with a sign; they may not pass 15 bits.
inline Integers pairs(Integers levels, Integers x) { return _mm256_maddubs_epi16(levels, x); }
inline Integers pairs_of_shorts(Integers shorts) { return _mm256_madd_epi16(shorts, _mm256_set1_epi16(1)); }
inline Integers without_sign(Integers bytes) { return _mm256_abs_epi8(bytes); }
inline Integers with_sign_of(Integers bytes, Integers signs) { return _mm256_sign_epi8(bytes, signs); }
inline Integers look_up(const int8_t* table, Integers places) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)table)), places);
}

#endif

constexpr int8_t IQ4_BYTES[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// The levels of a unit where a panel has them: bytes of four inputs of each output, without what the lowest level stands for.
template <Type K>
struct PackedFours {
  static constexpr BlockShape shape = shape_of(K);
  // Levels with a sign of their own.
  static constexpr bool SIGNED = shape.low == 8 || shape.table;
  const char* words;

  // A part of the levels, `bits` of each, of the inputs from four · FOUR on; moved up by `up`.
  static inline Words part(const char* from, int bits, int four, int j, int up) {
    const int each = 8 / bits, shift = bits * (four % each) - up;
    const Words word = load_words(from + (four / each * PANEL + j * LANES) * 4);
    const Words moved = shift < 0 ? word << -shift : word >> shift;
    return moved & (((1u << bits) - 1) * 0x01010101u << up);
  }

  inline Integers operator()(int four, int j) const {
    if (shape.low == 8) return (Integers)load_words(words + (four * PANEL + j * LANES) * 4);
    Words levels = part(words, shape.low, four, j, 0);
    if (shape.table) return look_up(IQ4_BYTES, (Integers)levels);
    if (shape.high > 0) levels |= part(words + shape.low * 4 * PANEL, shape.high == 0 ? 1 : shape.high, four, j, shape.low);
    return (Integers)levels;
  }
};

// The same, made once for several rows.
template <Type K>
struct MadeFours {
  Integers levels[UNIT / FOUR][WIDTH];

  inline explicit MadeFours(const PackedFours<K>& packed) {
    for (int four = 0; four < UNIT / FOUR; four++) {
#pragma GCC unroll 4
      for (int j = 0; j < WIDTH; j++) levels[four][j] = packed(four, j);
    }
  }
  inline Integers operator()(int four, int j) const { return levels[four][j]; }
};

// Products of levels in a type of blocks with those of x.
template <Type K>
struct Group {
  static constexpr BlockShape shape = shape_of(K);
  static constexpr bool SIGNED = PackedFours<K>::SIGNED;
  // Inputs that have one scale, and such groups in a unit.
  static constexpr int SIZE = shape.scales == 16 ? 16 : UNIT, COUNT = UNIT / SIZE;
  // Pairs of products that 15 bits have room for: of |x| ≤ 127 and levels of this size.
  static constexpr int LARGEST = SIGNED ? 128 : (1 << (shape.low + shape.high)) - 1;
  static constexpr int MOST = std::min(SIZE / FOUR, 32767 / (2 * 127 * LARGEST));

  // totals = Σ level · x of one group, all of its lowest bits.
  template <class L>
  static inline void multiply(const L& levels, int group, const Rounded& x, Integers (&totals)[WIDTH]) {
    const Integers lowest = spread_word(SIGNED ? 0 : shape.lowest * x.sum(SIZE, group));
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) totals[j] = lowest;
#pragma GCC unroll 8
    for (int first = 0; first < SIZE / FOUR; first += MOST) {
      Integers shorts[WIDTH];
#pragma GCC unroll 8
      for (int i = 0; i < MOST; i++) {
        const int four = group * (SIZE / FOUR) + first + i;
        int32_t word;
        std::memcpy(&word, x.levels + four * FOUR, sizeof word);
        const Integers right = spread_word(word);
#pragma GCC unroll 4
        for (int j = 0; j < WIDTH; j++) {
          const Integers level = levels(four, j);
          const Integers left = SIGNED ? without_sign(level) : level;
          const Integers signs = SIGNED ? with_sign_of(right, level) : right;
#if defined(__AVX512VNNI__)
          totals[j] = _mm512_dpbusd_epi32(totals[j], left, signs);
#else
          const Integers products = pairs(left, signs);
          shorts[j] = i == 0 ? products : add_shorts(shorts[j], products);
#endif
        }
      }
#if !defined(__AVX512VNNI__)
#pragma GCC unroll 4
      for (int j = 0; j < WIDTH; j++) totals[j] = add_words(totals[j], pairs_of_shorts(shorts[j]));
#endif
    }
  }

  // lanes += what the group adds to the sums: its products by both scales, and the offset by the sum of x.
  template <class L>
  static inline void add_to(Vector (&lanes)[WIDTH], const L& levels, int group, const Scales<K>& scales, const Rounded& x) {
    Integers totals[WIDTH];
    multiply(levels, group, x, totals);
    const Vector step = spread(x.step);
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) lanes[j] = fma(to_float(totals[j]), TARGET::multiply(scales.scale[j], step), lanes[j]);
    if (!shape.offsets) return;
    const Vector sum = spread(x.step * float(x.sum(SIZE, group)));
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) lanes[j] = fma(scales.offset[j], sum, lanes[j]);
  }
};

// Calls use(unit, where its levels are, its block, its first group in that) for each unit of a panel.
template <Type K, class F>
inline void each_unit(const char* panel, int64_t units, F&& use) {
  constexpr BlockShape shape = shape_of(K);
  constexpr int64_t in_block = shape.inputs / UNIT, block_bytes = PANEL * shape.packed();
  for (int64_t unit = 0; unit < units; panel += block_bytes) {
    const char* words = panel + PANEL * shape.head();
    for (int64_t i = 0; i < in_block; i++, unit++, words += (shape.low + shape.high) * PANEL * 4)
      use(unit, PackedFours<K>{words}, panel, int(i) * Group<K>::COUNT);
  }
}

// sums [PANEL] of one row. Levels are made in registers, and the panel is asked for in advance.
template <Type K>
void multiply_row(const RoundedBand& x, const char* panel, float* sums) {
  constexpr BlockShape shape = shape_of(K);
  constexpr int64_t unit_bytes = (shape.packed() * PANEL) / (shape.inputs / UNIT);
  Vector lanes[WIDTH];
#pragma GCC unroll 4
  for (int j = 0; j < WIDTH; j++) lanes[j] = zero();
  const auto use = [&](int64_t unit, PackedFours<K> levels, const char* block, int first) __attribute__((always_inline)) {
    for (int64_t byte = 0; byte < unit_bytes; byte += 64) _mm_prefetch(panel + unit * unit_bytes + AHEAD + byte, _MM_HINT_T0);
#pragma GCC unroll 2
    for (int group = 0; group < Group<K>::COUNT; group++)
      Group<K>::add_to(lanes, levels, group, Scales<K>(block, first + group), *x.unit(unit));
  };
  each_unit<K>(panel, x.units, use);
  for (int j = 0; j < WIDTH; j++) store(sums + j * LANES, lanes[j]);
}

// sums [rows, PANEL]. Levels are made once for all rows.
template <Type K>
void multiply_rows(const RoundedBand& x, const char* panel, float* sums) {
  std::memset(sums, 0, sizeof(float) * size_t(x.rows * PANEL));
  each_unit<K>(panel, x.units, [&](int64_t unit, PackedFours<K> packed, const char* block, int first) {
    const MadeFours<K> levels(packed);
    const Rounded* row = x.unit(unit);
    for (int group = 0; group < Group<K>::COUNT; group++) {
      const Scales<K> scales(block, first + group);
      float* to = sums;
      for (int64_t i = 0; i < x.rows; i++, to += PANEL) {
        Vector lanes[WIDTH];
#pragma GCC unroll 4
        for (int j = 0; j < WIDTH; j++) lanes[j] = load(to + j * LANES);
        Group<K>::add_to(lanes, levels, group, scales, row[i]);
#pragma GCC unroll 4
        for (int j = 0; j < WIDTH; j++) store(to + j * LANES, lanes[j]);
      }
    }
  });
}

template <Type K>
void multiply_rounded(const RoundedBand& x, const char* panel, float* sums) {
  return x.rows == 1 ? multiply_row<K>(x, panel, sums) : multiply_rows<K>(x, panel, sums);
}

// sums [rows, PANEL] of one panel of a matrix whose x is rounded.
inline void multiply_rounded_by(const Matrix& matrix, int64_t index, const RoundedBand& x, float* sums) {
  const char* panel = matrix.panel(index);
  switch (matrix.type) {
    case Type::q4_0: return multiply_rounded<Type::q4_0>(x, panel, sums);
    case Type::q4_1: return multiply_rounded<Type::q4_1>(x, panel, sums);
    case Type::q5_0: return multiply_rounded<Type::q5_0>(x, panel, sums);
    case Type::q5_1: return multiply_rounded<Type::q5_1>(x, panel, sums);
    case Type::q8_0: return multiply_rounded<Type::q8_0>(x, panel, sums);
    case Type::q2_k: return multiply_rounded<Type::q2_k>(x, panel, sums);
    case Type::q3_k: return multiply_rounded<Type::q3_k>(x, panel, sums);
    case Type::q4_k: return multiply_rounded<Type::q4_k>(x, panel, sums);
    case Type::q5_k: return multiply_rounded<Type::q5_k>(x, panel, sums);
    case Type::q6_k: return multiply_rounded<Type::q6_k>(x, panel, sums);
    case Type::iq4_nl: return multiply_rounded<Type::iq4_nl>(x, panel, sums);
    case Type::iq4_xs: return multiply_rounded<Type::iq4_xs>(x, panel, sums);
    default: return;  // only for blocks x is rounded
  }
}

}  // namespace TARGET
