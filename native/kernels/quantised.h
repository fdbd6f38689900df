// Products of rows with panels of quantised blocks. A weight is made in float32 as gguf-py's `dequantize` makes it, to the bit, and
// meets x in the order that panels of float32 have: a quantised matrix gives the sums of the dequantised one.
#pragma once
#include "panel.h"

namespace TARGET {

// Inputs whose levels are together: words of as many bits as a level has.
constexpr int64_t UNIT = 32;

constexpr float IQ4_LEVELS[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// LANES words of 32 bits; shifts of these become single instructions.
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));

inline Words load_words(const char* from) {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

#if defined(__AVX512F__)

inline Vector bytes_as_floats(const char* from) {
  return to_float(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)from)));
}

// Levels by their bits, which four bits of an index choose among 16 numbers.
template <Type K>
struct Levels {
  static constexpr BlockShape shape = shape_of(K);
  Vector lows, highs;

  Levels() {
    alignas(64) float low[16], high[16];
    for (int i = 0; i < 16; i++) {
      low[i] = shape.table ? IQ4_LEVELS[i] : float(i % (1 << shape.low) + shape.lowest);
      high[i] = float(i % (1 << shape.high) << shape.low);
    }
    lows = load(low);
    highs = load(high);
  }

  // The level whose bits are the lowest of both words.
  inline Vector operator()(Words low, Words high) const {
    const Vector level = _mm512_permutexvar_ps((__m512i)low, lows);
    return shape.high == 0 ? level : add(level, _mm512_permutexvar_ps((__m512i)high, highs));
  }
};

#else

inline Vector bytes_as_floats(const char* from) {
  return to_float(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)));
}

template <Type K>
struct Levels {
  static constexpr BlockShape shape = shape_of(K);

  inline Vector operator()(Words low, Words high) const {
    if (shape.table) {
      const __m256i place = (__m256i)low;
      const Vector first = _mm256_permutevar8x32_ps(load(IQ4_LEVELS), place);
      const Vector second = _mm256_permutevar8x32_ps(load(IQ4_LEVELS + 8), place);
      return _mm256_blendv_ps(first, second, _mm256_castsi256_ps((__m256i)(low << 28)));
    }
    Words level = low & ((1u << shape.low) - 1);
    if (shape.high > 0) level |= (high & ((1u << shape.high) - 1)) << shape.low;
    return to_float(_mm256_add_epi32((__m256i)level, _mm256_set1_epi32(shape.lowest)));
  }
};

#endif

// The scales of a block, and its offsets, of all outputs of the panel.
template <Type K>
struct Scales {
  static constexpr BlockShape shape = shape_of(K);
  Vector scale[WIDTH], offset[WIDTH];

  // Those of the group at `groups` [scales, PANEL], where the block has groups; else the block's own. Every product here is exact.
  inline Scales(const char* block, int64_t group) {
    const Half* scales = reinterpret_cast<const Half*>(block);
    const char* groups = block + 2 * PANEL * (shape.offsets ? 2 : 1) + group * PANEL;
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) {
      scale[j] = load(scales + j * LANES);
      if (shape.grouped()) scale[j] = multiply(scale[j], bytes_as_floats(groups + j * LANES));
      if (!shape.offsets) continue;
      offset[j] = load(scales + PANEL + j * LANES);
      if (shape.grouped()) {
        const Vector own = bytes_as_floats(groups + shape.scales * PANEL + j * LANES);
        offset[j] = subtract(zero(), multiply(offset[j], own));
      }
    }
  }

  // The number of a level. It is rounded once, since the product is exact where an offset is added.
  inline Vector weight(Vector level, int j) const {
    return shape.offsets ? fma(level, scale[j], offset[j]) : multiply(level, scale[j]);
  }
};

// Calls use(input, weights [WIDTH]) for each of `inputs` ≤ STEPS inputs of a panel's blocks, in order.
template <Type K, bool FROM_MEMORY, class F>
inline __attribute__((always_inline)) void each_input(const char* block, int64_t inputs, F&& use) {
  constexpr BlockShape shape = shape_of(K);
  constexpr int BITS = shape.low + shape.high;
  constexpr int GROUP = int(shape.inputs / shape.scales);
  // Inputs that are taken at a time: those of a word, and a byte's width of rows of bytes.
  constexpr int SOME = shape.low == 8 ? 8 : 32 / shape.low;
  const Levels<K> levels;
  for (int64_t first = 0; first < inputs; first += shape.inputs, block += PANEL * shape.packed()) {
    const char* unit = block + PANEL * shape.head();
    for (int64_t at = 0; at < shape.inputs; at += UNIT, unit += BITS * PANEL * 4) {
#pragma GCC unroll 2
      for (int part = 0; part < UNIT; part += GROUP < UNIT ? GROUP : UNIT) {
        const Scales<K> scales(block, (at + part) / GROUP);
#pragma GCC unroll 4
        for (int k = part; k < part + (GROUP < UNIT ? GROUP : UNIT); k += SOME) {
          if (FROM_MEMORY) {
            for (int byte = 0; byte < SOME * BITS * PANEL / 8; byte += 64)
              _mm_prefetch(unit + k * BITS * PANEL / 8 + AHEAD + byte, _MM_HINT_T0);
          }
          Words low[WIDTH] = {}, high[WIDTH] = {};
#pragma GCC unroll 4
          for (int j = 0; j < WIDTH; j++) {
            if (shape.low < 8) low[j] = load_words(unit + k * shape.low / 32 * 4 * PANEL + j * 4 * LANES);
            if (shape.high > 0)
              high[j] = load_words(unit + (shape.low + k * shape.high / 32) * 4 * PANEL + j * 4 * LANES) >> k * shape.high % 32;
          }
#pragma GCC unroll 16
          for (int i = 0; i < SOME; i++) {
            Vector weights[WIDTH];
#pragma GCC unroll 4
            for (int j = 0; j < WIDTH; j++) {
              const Vector level = shape.low == 8 ? bytes_as_floats(unit + (k + i) * PANEL + j * LANES)
                                                  : levels(low[j] >> shape.low * i, high[j] >> shape.high * i);
              weights[j] = scales.weight(level, j);
            }
            use(first + at + k + i, weights);
          }
        }
      }
    }
  }
}

// y [X, PANEL] += x · panel over `inputs` ≤ STEPS inputs; x [X, STRIDE].
template <int X, Type K>
inline void quantised_tile(const float* x, const char* blocks, int64_t inputs, float* y) {
  Total<X> total;
  total.clear();
  each_input<K, X == 1>(blocks, inputs, [&](int64_t k, const Vector(&weights)[WIDTH]) __attribute__((always_inline)) {
    total.multiply(x + k, weights);
  });
  total.add_to(y);
}

// The numbers that blocks stand for, [inputs, PANEL].
template <Type K>
inline void widen_blocks(const char* blocks, int64_t inputs, float* wide) {
  each_input<K, false>(blocks, inputs, [&](int64_t k, const Vector(&weights)[WIDTH]) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) store(wide + k * PANEL + j * LANES, weights[j]);
  });
}

}  // namespace TARGET
