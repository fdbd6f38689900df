// Products of rows with rows. Each sum has one order, whatever else is computed beside it: a block of BLOCK products at a time,
// lane by lane, then the lanes; so that a token's result does not depend on its batch, nor on where a prompt is cut.
#pragma once
#include "vector.h"

namespace TARGET {

// Rows of a matrix that meet a tile of x in registers; `sums` takes four.
constexpr int TILE_W = 4;

// Products that are summed in one go: TILE_X + TILE_W rows of them stay in a 48 KiB cache.
constexpr int BLOCK = 1024;

// Bytes by which a matrix that streams from memory is asked for in advance: 47 GB/s on two cores where it is 43 without.
constexpr int AHEAD = 2048;

inline void ahead(const void* from) { _mm_prefetch(static_cast<const char*>(from) + AHEAD, _MM_HINT_T0); }

// y[i][j] += x[i] · w[j] over `size` ≤ BLOCK elements, of X rows of x and W rows of w. Steps are counts of elements.
template <int X, int W, class M>
inline void tile(const float* x, int64_t x_step, const M* w, int64_t w_step, int64_t size, float* y, int64_t y_step) {
  Vector lanes[X][TILE_W];
  for (auto& row : lanes)
    for (auto& one : row) one = zero();
  const int64_t whole = size - size % LANES;
  for (int64_t k = 0; k < whole; k += LANES) {
    if (W == 1) ahead(w + k);
    Vector right[W];
    for (int j = 0; j < W; j++) right[j] = load(w + j * w_step + k);
    for (int i = 0; i < X; i++) {
      const Vector left = load(x + i * x_step + k);
      for (int j = 0; j < W; j++) lanes[i][j] = fma(left, right[j], lanes[i][j]);
    }
  }
  for (int i = 0; i < X; i++) {
    alignas(16) float total[TILE_W];
    _mm_store_ps(total, sums(lanes[i][0], lanes[i][1], lanes[i][2], lanes[i][3]));
    for (int j = 0; j < W; j++) {
      for (int64_t k = whole; k < size; k++) total[j] = __builtin_fmaf(x[i * x_step + k], widen(w[j * w_step + k]), total[j]);
      y[i * y_step + j] += total[j];
    }
  }
}

#if defined(__AVX512BF16__)
#define PRODUCTS_OF_BFLOATS
// As above, of pairs of bfloat16 products that are summed in float32.
template <int X, int W>
inline void tile(const Bfloat* x, int64_t x_step, const Bfloat* w, int64_t w_step, int64_t size, float* y,
                 int64_t y_step) {
  constexpr int PAIRS = 2 * LANES;
  Vector lanes[X][TILE_W];
  for (auto& row : lanes)
    for (auto& one : row) one = zero();
  const int64_t whole = size - size % PAIRS;
  for (int64_t k = 0; k < whole; k += PAIRS) {
    if (W == 1) ahead(w + k);
    __m512bh right[W];
    for (int j = 0; j < W; j++) right[j] = (__m512bh)_mm512_loadu_si512(w + j * w_step + k);
    for (int i = 0; i < X; i++) {
      const __m512bh left = (__m512bh)_mm512_loadu_si512(x + i * x_step + k);
      for (int j = 0; j < W; j++) lanes[i][j] = _mm512_dpbf16_ps(lanes[i][j], left, right[j]);
    }
  }
  for (int i = 0; i < X; i++) {
    alignas(16) float total[TILE_W];
    _mm_store_ps(total, sums(lanes[i][0], lanes[i][1], lanes[i][2], lanes[i][3]));
    for (int j = 0; j < W; j++) {
      for (int64_t k = whole; k < size; k++) {
        total[j] = __builtin_fmaf(widen(x[i * x_step + k]), widen(w[j * w_step + k]), total[j]);
      }
      y[i * y_step + j] += total[j];
    }
  }
}
#endif

template <int W, class A, class M>
inline void tile_of(int64_t rows, const A* x, int64_t x_step, const M* w, int64_t w_step, int64_t size, float* y,
                    int64_t y_step) {
  switch (rows) {
    case 1: return tile<1, W>(x, x_step, w, w_step, size, y, y_step);
    case 2: return tile<2, W>(x, x_step, w, w_step, size, y, y_step);
#if defined(__AVX512F__)
    case 3: return tile<3, W>(x, x_step, w, w_step, size, y, y_step);
    case 4: return tile<4, W>(x, x_step, w, w_step, size, y, y_step);
    case 5: return tile<5, W>(x, x_step, w, w_step, size, y, y_step);
    case 6: return tile<6, W>(x, x_step, w, w_step, size, y, y_step);
#endif
  }
}

// y[i][j] += x[i] · w[j] over `size` ≤ BLOCK elements, of any number of rows of both.
template <class A, class M>
inline void multiply_block(const A* x, int64_t x_rows, int64_t x_step, const M* w, int64_t w_rows, int64_t w_step,
                           int64_t size, float* y, int64_t y_step) {
  int64_t j = 0;
  for (; j + TILE_W <= w_rows; j += TILE_W) {
    for (int64_t i = 0; i < x_rows; i += TILE_X) {
      const int64_t rows = x_rows - i < TILE_X ? x_rows - i : TILE_X;
      tile_of<TILE_W>(rows, x + i * x_step, x_step, w + j * w_step, w_step, size, y + i * y_step + j, y_step);
    }
  }
  for (; j < w_rows; j++) {
    for (int64_t i = 0; i < x_rows; i += TILE_X) {
      const int64_t rows = x_rows - i < TILE_X ? x_rows - i : TILE_X;
      tile_of<1>(rows, x + i * x_step, x_step, w + j * w_step, w_step, size, y + i * y_step + j, y_step);
    }
  }
}

}  // namespace TARGET
