// Products of rows with the panels of a packed matrix. Each sum has one order, whatever else is computed beside it: STEPS
// products after each other, then these blocks after each other; so that a token's result does not depend on its batch, nor
// on where a prompt is cut.
#pragma once
#include "vector.h"

namespace TARGET {

// Words of x, each a float32 or a pair of bfloat16, that are summed in one go: a block of a panel is 32 KiB of a 48 KiB cache.
constexpr int64_t STEPS = 256;
// Rows of x in a block are so far apart that they do not fall on the same lines of the cache.
constexpr int64_t STRIDE = STEPS + 16;
// Vectors that a row of a panel takes.
constexpr int WIDTH = PANEL / LANES;

// Bytes by which a matrix that streams from memory is asked for in advance.
constexpr int AHEAD = 4096;

template <class M>
inline void ahead(const M* row) {
  for (size_t byte = 0; byte < PANEL * sizeof(M); byte += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(row) + AHEAD + byte, _MM_HINT_T0);
  }
}

// Sums of X rows of x with a panel, in registers.
template <int X>
struct Total {
  Vector lanes[X][WIDTH];

  inline void clear() {
#pragma GCC unroll 16
    for (int i = 0; i < X; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < WIDTH; j++) lanes[i][j] = zero();
    }
  }

  // Adds them to y [X, PANEL].
  inline void add_to(float* y) const {
#pragma GCC unroll 16
    for (int i = 0; i < X; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < WIDTH; j++) {
        float* at = y + i * PANEL + j * LANES;
        store(at, add(load(at), lanes[i][j]));
      }
    }
  }

  inline void multiply(const float* x, const Vector (&right)[WIDTH]) {
#pragma GCC unroll 16
    for (int i = 0; i < X; i++) {
      const Vector left = spread(x[i * STRIDE]);
#pragma GCC unroll 4
      for (int j = 0; j < WIDTH; j++) lanes[i][j] = fma(left, right[j], lanes[i][j]);
    }
  }
};

// y [X, PANEL] += x · panel over `inputs` ≤ STEPS rows of the panel; x [X, STRIDE].
template <int X, class M>
inline void tile(const float* x, const M* panel, int64_t inputs, float* y) {
  Total<X> total;
  total.clear();
  for (int64_t k = 0; k < inputs; k++) {
    if (X == 1) ahead(panel + k * PANEL);
    Vector right[WIDTH];
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) right[j] = load(panel + k * PANEL + j * LANES);
    total.multiply(x + k, right);
  }
  total.add_to(y);
}

// The same of a panel of pairs, which are widened.
template <int X>
inline void tile(const float* x, const Bfloat* panel, int64_t inputs, float* y) {
  Total<X> total;
  total.clear();
  for (int64_t k = 0; k < inputs; k += 2) {
    const Bfloat* pairs = panel + k * PANEL;
    if (X == 1) ahead(reinterpret_cast<const float*>(pairs));
    Vector even[WIDTH], odd[WIDTH];
#pragma GCC unroll 4
    for (int j = 0; j < WIDTH; j++) load_pairs(pairs + 2 * j * LANES, even[j], odd[j]);
    total.multiply(x + k, even);
    // Behind the last of an odd number the panel has zeros, and so has x.
    total.multiply(x + k + 1, odd);
  }
  total.add_to(y);
}

#if defined(__AVX512BF16__)
#define PRODUCTS_OF_BFLOATS
struct Pair { Bfloat halves[2]; };

// The same of pairs on both sides, whose products are summed in float32.
template <int X>
inline void tile(const Pair* x, const Pair* panel, int64_t words, float* y) {
  Total<X> total;
  total.clear();
  const float* rows = reinterpret_cast<const float*>(panel);
  const float* left = reinterpret_cast<const float*>(x);
  for (int64_t k = 0; k < words; k++) {
    if (X == 1) ahead(rows + k * PANEL);
    const __m512bh first = (__m512bh)load(rows + k * PANEL), second = (__m512bh)load(rows + k * PANEL + LANES);
#pragma GCC unroll 16
    for (int i = 0; i < X; i++) {
      const __m512bh pair = (__m512bh)spread(left[i * STRIDE + k]);
      total.lanes[i][0] = _mm512_dpbf16_ps(total.lanes[i][0], pair, first);
      total.lanes[i][1] = _mm512_dpbf16_ps(total.lanes[i][1], pair, second);
    }
  }
  total.add_to(y);
}
#endif

// `tile` of any number of rows: y [rows, PANEL], x [rows, STRIDE].
template <class A, class M>
inline void tiles(const A* x, int64_t rows, const M* panel, int64_t words, float* y) {
  for (; rows >= TILE_X; rows -= TILE_X, x += TILE_X * STRIDE, y += TILE_X * PANEL) tile<TILE_X>(x, panel, words, y);
  switch (rows) {
    case 1: return tile<1>(x, panel, words, y);
    case 2: return tile<2>(x, panel, words, y);
#if defined(__AVX512F__)
    case 3: return tile<3>(x, panel, words, y);
    case 4: return tile<4>(x, panel, words, y);
    case 5: return tile<5>(x, panel, words, y);
    case 6: return tile<6>(x, panel, words, y);
    case 7: return tile<7>(x, panel, words, y);
    case 8: return tile<8>(x, panel, words, y);
    case 9: return tile<9>(x, panel, words, y);
    case 10: return tile<10>(x, panel, words, y);
    case 11: return tile<11>(x, panel, words, y);
#endif
  }
}

// A block of a panel in float32.
inline void widen_block(const Half* panel, int64_t inputs, float* wide) { widen_all(panel, inputs * PANEL, wide); }
inline void widen_block(const Bfloat* panel, int64_t inputs, float* wide) {
  for (int64_t k = 0; k < inputs; k += 2) {
    for (int j = 0; j < WIDTH; j++) {
      Vector even, odd;
      load_pairs(panel + k * PANEL + 2 * j * LANES, even, odd);
      store(wide + k * PANEL + j * LANES, even);
      store(wide + (k + 1) * PANEL + j * LANES, odd);
    }
  }
}

}  // namespace TARGET
