// Products of queries with keys, rows with rows. Each sum has one order, whatever else is computed beside it: a block of BLOCK
// products at a time, lane by lane, then the lanes; so that a token's result does not depend on where a prompt is cut.
#pragma once
#include "vector.h"

namespace TARGET {

// Queries and keys that meet in registers, 24 sums and 5 operands of 32, or 8 and 5 of 16; `sums` takes four keys.
constexpr int QUERIES = LANES == 16 ? 6 : 2;
constexpr int KEYS = 4;

// Products that are summed in one go.
constexpr int BLOCK = 1024;

// y[i][j] += x[i] · w[j] over `size` ≤ BLOCK elements, of X rows of x and W rows of w. Steps are counts of elements.
template <int X, int W, class M>
inline void dots(const float* x, int64_t x_step, const M* w, int64_t w_step, int64_t size, float* y, int64_t y_step) {
  Vector lanes[X][KEYS];
  for (auto& row : lanes)
    for (auto& one : row) one = zero();
  const int64_t whole = size - size % LANES;
  for (int64_t k = 0; k < whole; k += LANES) {
    Vector right[W];
    for (int j = 0; j < W; j++) right[j] = load(w + j * w_step + k);
    for (int i = 0; i < X; i++) {
      const Vector left = load(x + i * x_step + k);
      for (int j = 0; j < W; j++) lanes[i][j] = fma(left, right[j], lanes[i][j]);
    }
  }
  for (int i = 0; i < X; i++) {
    alignas(16) float total[KEYS];
    _mm_store_ps(total, sums(lanes[i][0], lanes[i][1], lanes[i][2], lanes[i][3]));
    for (int j = 0; j < W; j++) {
      for (int64_t k = whole; k < size; k++) total[j] = __builtin_fmaf(x[i * x_step + k], widen(w[j * w_step + k]), total[j]);
      y[i * y_step + j] += total[j];
    }
  }
}

template <int W, class A, class M>
inline void dots_of(int64_t rows, const A* x, int64_t x_step, const M* w, int64_t w_step, int64_t size, float* y,
                    int64_t y_step) {
  switch (rows) {
    case 1: return dots<1, W>(x, x_step, w, w_step, size, y, y_step);
    case 2: return dots<2, W>(x, x_step, w, w_step, size, y, y_step);
#if defined(__AVX512F__)
    case 3: return dots<3, W>(x, x_step, w, w_step, size, y, y_step);
    case 4: return dots<4, W>(x, x_step, w, w_step, size, y, y_step);
    case 5: return dots<5, W>(x, x_step, w, w_step, size, y, y_step);
    case 6: return dots<6, W>(x, x_step, w, w_step, size, y, y_step);
#endif
  }
}

// y[i][j] += x[i] · w[j] over `size` ≤ BLOCK elements, of any number of rows of both.
template <class A, class M>
inline void multiply_block(const A* x, int64_t x_rows, int64_t x_step, const M* w, int64_t w_rows, int64_t w_step,
                           int64_t size, float* y, int64_t y_step) {
  int64_t j = 0;
  for (; j + KEYS <= w_rows; j += KEYS) {
    for (int64_t i = 0; i < x_rows; i += QUERIES) {
      const int64_t rows = x_rows - i < QUERIES ? x_rows - i : QUERIES;
      dots_of<KEYS>(rows, x + i * x_step, x_step, w + j * w_step, w_step, size, y + i * y_step + j, y_step);
    }
  }
  for (; j < w_rows; j++) {
    for (int64_t i = 0; i < x_rows; i += QUERIES) {
      const int64_t rows = x_rows - i < QUERIES ? x_rows - i : QUERIES;
      dots_of<1>(rows, x + i * x_step, x_step, w + j * w_step, w_step, size, y + i * y_step + j, y_step);
    }
  }
}

}  // namespace TARGET
