// Linear layers: one or several matrices on the same rows of x.
#pragma once
#include <algorithm>
#include <memory>
#include <type_traits>

#include "matrix.h"
#include "threads.h"

namespace TARGET {

// Outputs that a thread takes at a time, and rows of x that meet them at most: 144 rows of BLOCK floats stay in a 1 MiB cache.
constexpr int64_t OUTPUTS = 64;
constexpr int64_t ROWS = 144;
static_assert(ROWS % TILE_X == 0, "only the last tile of rows is not whole");

// Rows of x from which on a matrix in a half type is widened once for all of them, not in registers for each tile.
constexpr int64_t WIDEN_FROM = 2 * TILE_X;

using Sums = float[ROWS * OUTPUTS];

// sums [rows, OUTPUTS] = x · wᵀ of one part of the outputs.
template <class A, class M>
void multiply_part(const A* x, int64_t rows, int64_t inputs, const M* w, int64_t outputs, Sums& sums) {
  std::memset(sums, 0, sizeof(float) * size_t(rows * OUTPUTS));
  if (rows < TILE_X) {
    // A matrix that is used once is read from its beginning to its end.
    for (int64_t j = 0; j < outputs; j++) {
      for (int64_t k = 0; k < inputs; k += BLOCK) {
        const int64_t size = std::min<int64_t>(BLOCK, inputs - k);
        tile_of<1>(rows, x + k, inputs, w + j * inputs + k, inputs, size, sums + j, OUTPUTS);
      }
    }
    return;
  }
  for (int64_t k = 0; k < inputs; k += BLOCK) {
    const int64_t size = std::min<int64_t>(BLOCK, inputs - k);
    if (std::is_same<A, M>::value || rows < WIDEN_FROM) {
      multiply_block(x + k, rows, inputs, w + k, outputs, inputs, size, sums, OUTPUTS);
    } else if constexpr (!std::is_same<A, M>::value) {
      alignas(64) float wide[TILE_W * BLOCK];
      for (int64_t j = 0; j < outputs; j += TILE_W) {
        const int64_t count = std::min<int64_t>(TILE_W, outputs - j);
        for (int64_t i = 0; i < count; i++) widen_all(w + (j + i) * inputs + k, size, wide + i * BLOCK);
        multiply_block(x + k, rows, inputs, wide, count, BLOCK, size, sums + j, OUTPUTS);
      }
    }
  }
}

// Adds the bias, rounds, and puts rows of sums into their place in the result.
template <class T>
void finish(const Sums& sums, int64_t rows, const Product& product, int64_t first, int64_t row, int64_t count) {
  const T* bias = static_cast<const T*>(product.bias);
  for (int64_t i = 0; i < rows; i++) {
    const float* from = sums + i * OUTPUTS;
    T* to = static_cast<T*>(product.result) + (row + i) * product.outputs + first;
    if (bias == nullptr) {
      narrow_all(from, count, to);
      continue;
    }
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES) store(to + j, add(load(from + j), load(bias + first + j)));
    for (; j < count; j++) narrow(from[j] + widen(bias[first + j]), to + j);
  }
}

// sums = silu(sums + bias) · (others + other's bias); lanes past `count` hold what is never read.
template <class T>
void gate(Sums& sums, const Sums& others, int64_t rows, const Product& first, const Product& second, int64_t begin,
          int64_t count) {
  float biases[2][OUTPUTS] = {};
  if (first.bias != nullptr) widen_all(static_cast<const T*>(first.bias) + begin, count, biases[0]);
  if (second.bias != nullptr) widen_all(static_cast<const T*>(second.bias) + begin, count, biases[1]);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < count; j += LANES) {
      float* at = sums + i * OUTPUTS + j;
      const Vector gated = silu(add(load(at), load(biases[0] + j)));
      store(at, multiply(gated, add(load(others + i * OUTPUTS + j), load(biases[1] + j))));
    }
  }
}

template <class T, class A, class M>
void linear_of(const Linear& l, const A* x) {
  int64_t parts = 0;
  const auto parts_of = [](const Product& product) { return (product.outputs + OUTPUTS - 1) / OUTPUTS; };
  const int results = l.gated ? 1 : l.count;
  // Bands of about the same height: 150 rows are two of 78 and 72, not 144 and 6.
  const int64_t bands = (l.rows + ROWS - 1) / ROWS;
  const int64_t height = bands == 0 ? ROWS : ((l.rows + bands - 1) / bands + TILE_X - 1) / TILE_X * TILE_X;
  for (int i = 0; i < results; i++) parts += parts_of(l.products[i]);
  parallel(parts, [&](int64_t part) {
    const Product* product = l.products;
    for (; part >= parts_of(*product); product++) part -= parts_of(*product);
    const int64_t begin = part * OUTPUTS;
    const int64_t count = std::min(OUTPUTS, product->outputs - begin);
    alignas(64) Sums sums;
    alignas(64) Sums others;
    for (int64_t row = 0; row < l.rows; row += height) {
      const int64_t rows = std::min(height, l.rows - row);
      const auto multiply_by = [&](const Product& one, Sums& into) {
        const M* w = static_cast<const M*>(one.matrix) + begin * l.inputs;
        multiply_part(x + row * l.inputs, rows, l.inputs, w, count, into);
      };
      multiply_by(*product, sums);
      if (!l.gated) {
        finish<T>(sums, rows, *product, begin, row, count);
        continue;
      }
      multiply_by(product[1], others);
      gate<T>(sums, others, rows, product[0], product[1], begin, count);
      const Product unbiased = {nullptr, nullptr, product->result, product->outputs};
      finish<T>(sums, rows, unbiased, begin, row, count);
    }
  });
}

// x in float32, widened in parallel, for the products that are computed in it.
template <class T, class M>
void linear_widened(const Linear& l) {
  const T* x = static_cast<const T*>(l.x);
  std::unique_ptr<float[]> wide(new float[size_t(l.rows * l.inputs)]);
  const int64_t some = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, l.inputs));
  parallel((l.rows + some - 1) / some, [&](int64_t part) {
    const int64_t begin = part * some, count = std::min(some, l.rows - begin);
    widen_all(x + begin * l.inputs, count * l.inputs, wide.get() + begin * l.inputs);
  });
  linear_of<T, float, M>(l, wide.get());
}

inline void linear(const Linear& l) {
  if (l.type == Type::f16) return linear_widened<Half, Half>(l);
#if defined(PRODUCTS_OF_BFLOATS)
  if (l.type == Type::bf16) return linear_of<Bfloat, Bfloat, Bfloat>(l, static_cast<const Bfloat*>(l.x));
#else
  if (l.type == Type::bf16) return linear_widened<Bfloat, Bfloat>(l);
#endif
  const float* x = static_cast<const float*>(l.x);
  switch (l.matrix_type) {
    case Type::f32: return linear_of<float, float, float>(l, x);
    case Type::f16: return linear_of<float, float, Half>(l, x);
    case Type::bf16: return linear_of<float, float, Bfloat>(l, x);
  }
}

}  // namespace TARGET
