// Linear layers: one or several packed matrices on the same rows of x.
#pragma once
#include <algorithm>
#include <memory>
#include <type_traits>

#include "panel.h"
#include "quantised.h"
#include "rounded.h"
#include "threads.h"

namespace TARGET {

// Rows of x that meet a block of a panel at most; the matrix is read anew for each such band.
constexpr int64_t ROWS = 192;
static_assert(ROWS % TILE_X == 0, "only the last tile of rows is not whole");

// Rows of x from which on a block in a half type is widened once for all of them, not in registers for each tile.
constexpr int64_t WIDEN_FROM = TILE_X;

using Sums = float[ROWS * PANEL];

// Some rows of x as the tiles take them: [blocks, rows, STRIDE] words, filled up with zeros to a whole pair.
template <class A>
struct Band {
  std::unique_ptr<A[]> words;
  int64_t rows, count;

  const A* block(int64_t first) const { return words.get() + first / STEPS * rows * STRIDE; }
};

inline void put(const float* from, int64_t count, float* to) {
  std::copy(from, from + count, to);
  to[count] = 0;
}
template <class T>
inline void put(const T* from, int64_t count, float* to) {
  widen_all(from, count, to);
  to[count] = 0;
}
#if defined(PRODUCTS_OF_BFLOATS)
inline void put(const Bfloat* from, int64_t count, Pair* to) {
  Bfloat* halves = to->halves;
  std::copy(from, from + count, halves);
  if (count % 2 != 0) halves[count] = {0};
}
#endif

template <class A, class T>
Band<A> band_of(const T* x, int64_t rows, int64_t inputs) {
  constexpr int64_t each = sizeof(A) / (std::is_same<A, float>::value ? sizeof(float) : sizeof(T));
  const int64_t words = (inputs + each - 1) / each;
  const int64_t blocks = (words + STEPS - 1) / STEPS;
  Band<A> band = {std::unique_ptr<A[]>(new A[size_t(blocks * rows * STRIDE)]), rows, words};
  parallel((rows + TILE_X - 1) / TILE_X, [&](int64_t part) {
    for (int64_t row = part * TILE_X; row < std::min(rows, (part + 1) * TILE_X); row++) {
      for (int64_t block = 0; block < blocks; block++) {
        const int64_t first = block * STEPS * each;
        const int64_t count = std::min(STEPS * each, inputs - first);
        put(x + row * inputs + first, count, band.words.get() + (block * rows + row) * STRIDE);
      }
    }
  });
  return band;
}

// sums [rows, PANEL] = x · panelᵀ.
template <class A, class M>
void multiply_panel(const Band<A>& x, const M* panel, Sums& sums) {
  std::memset(sums, 0, sizeof(float) * size_t(x.rows * PANEL));
  for (int64_t k = 0; k < x.count; k += STEPS) {
    const int64_t words = std::min(STEPS, x.count - k);
    const M* block = panel + k * PANEL;
    if (std::is_same<A, M>::value || x.rows < WIDEN_FROM) {
      tiles(x.block(k), x.rows, block, words, sums);
    } else if constexpr (!std::is_same<A, M>::value) {
      alignas(64) float wide[(STEPS + 1) * PANEL];
      widen_block(block, words, wide);
      tiles(x.block(k), x.rows, wide, words, sums);
    }
  }
}

// The same of a panel of quantised blocks: the numbers that they stand for are made in registers for a few rows, else once for all.
template <Type K>
void multiply_blocks(const Band<float>& x, const char* panel, Sums& sums) {
  constexpr BlockShape shape = shape_of(K);
  std::memset(sums, 0, sizeof(float) * size_t(x.rows * PANEL));
  for (int64_t k = 0; k < x.count; k += STEPS) {
    const int64_t inputs = std::min(STEPS, x.count - k);
    const char* blocks = panel + k / shape.inputs * PANEL * shape.packed();
    switch (x.rows) {
      case 1: quantised_tile<1, K>(x.block(k), blocks, inputs, sums); break;
      case 2: quantised_tile<2, K>(x.block(k), blocks, inputs, sums); break;
      default:
        alignas(64) float wide[STEPS * PANEL];
        widen_blocks<K>(blocks, inputs, wide);
        tiles(x.block(k), x.rows, wide, inputs, sums);
    }
  }
}

// Some rows of x in the forms that matrices take them in; those that none of them takes are empty.
template <class A>
struct Rows {
  int64_t rows;
  Band<A> words;
  RoundedBand rounded;
};

// One panel of one matrix, whatever it is packed in.
template <class A>
void multiply_by(const Matrix& matrix, int64_t panel, const Rows<A>& forms, Sums& sums) {
  if (matrix.rounds) return multiply_rounded_by(matrix, panel, forms.rounded, sums);
  const Band<A>& x = forms.words;
  const void* at = matrix.panel(panel);
  if constexpr (std::is_same<A, float>::value) {
    switch (matrix.type) {
      case Type::f32: return multiply_panel(x, static_cast<const float*>(at), sums);
      case Type::f16: return multiply_panel(x, static_cast<const Half*>(at), sums);
      case Type::bf16: return multiply_panel(x, static_cast<const Bfloat*>(at), sums);
      case Type::q4_0: return multiply_blocks<Type::q4_0>(x, static_cast<const char*>(at), sums);
      case Type::q4_1: return multiply_blocks<Type::q4_1>(x, static_cast<const char*>(at), sums);
      case Type::q5_0: return multiply_blocks<Type::q5_0>(x, static_cast<const char*>(at), sums);
      case Type::q5_1: return multiply_blocks<Type::q5_1>(x, static_cast<const char*>(at), sums);
      case Type::q8_0: return multiply_blocks<Type::q8_0>(x, static_cast<const char*>(at), sums);
      case Type::q2_k: return multiply_blocks<Type::q2_k>(x, static_cast<const char*>(at), sums);
      case Type::q3_k: return multiply_blocks<Type::q3_k>(x, static_cast<const char*>(at), sums);
      case Type::q4_k: return multiply_blocks<Type::q4_k>(x, static_cast<const char*>(at), sums);
      case Type::q5_k: return multiply_blocks<Type::q5_k>(x, static_cast<const char*>(at), sums);
      case Type::q6_k: return multiply_blocks<Type::q6_k>(x, static_cast<const char*>(at), sums);
      case Type::iq4_nl: return multiply_blocks<Type::iq4_nl>(x, static_cast<const char*>(at), sums);
      case Type::iq4_xs: return multiply_blocks<Type::iq4_xs>(x, static_cast<const char*>(at), sums);
    }
  } else {
    multiply_panel(x, static_cast<const A*>(at), sums);
  }
}

// Biases [count] of a panel, or zeros.
template <class T>
inline void biases_of(const Product& product, int64_t first, int64_t count, float* to) {
  std::fill(to, to + PANEL, 0.0f);
  if (product.bias != nullptr) widen_all(static_cast<const T*>(product.bias) + first, count, to);
}

// Adds the bias, rounds, adds what is to be added, and puts rows of sums into their place in the result.
template <class T>
void finish(Sums& sums, int64_t rows, const Product& product, int64_t first, int64_t row, int64_t count) {
  alignas(64) float biases[PANEL];
  biases_of<T>(product, first, count, biases);
  for (int64_t i = 0; i < rows; i++) {
    float* from = sums + i * PANEL;
    const int64_t at = (row + i) * product.matrix->outputs + first;
    T* to = static_cast<T*>(product.result) + at;
    if (product.bias != nullptr) {
      for (int64_t j = 0; j < PANEL; j += LANES) store(from + j, add(load(from + j), load(biases + j)));
    }
    narrow_all(from, count, to);
    if (product.addend == nullptr) continue;
    const T* more = static_cast<const T*>(product.addend) + at;
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES) store(to + j, add(load(more + j), load(to + j)));
    for (; j < count; j++) narrow(widen(more[j]) + widen(to[j]), to + j);
  }
}

// sums = silu(sums + bias) · (others + other's bias); lanes past `count` hold what is never read.
template <class T>
void gate(Sums& sums, const Sums& others, int64_t rows, const Product* products, int64_t first, int64_t count) {
  alignas(64) float biases[2][PANEL];
  for (int one = 0; one < 2; one++) biases_of<T>(products[one], first, count, biases[one]);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < PANEL; j += LANES) {
      float* at = sums + i * PANEL + j;
      const Vector gated = silu(add(load(at), load(biases[0] + j)));
      store(at, multiply(gated, add(load(others + i * PANEL + j), load(biases[1] + j))));
    }
  }
}

// Calls work(first row, rows of x as these matrices take them) for bands of about the same height: 200 rows are two of 108 and 92, not
// 192 and 8.
template <class A, class T, class F>
void each_band(const T* x, int64_t rows, int64_t inputs, const Product* products, int count, F&& work) {
  bool rounds = false, widens = false;
  for (int i = 0; i < count; i++) (products[i].matrix->rounds ? rounds : widens) = true;
  const int64_t bands = (rows + ROWS - 1) / ROWS;
  const int64_t height = bands == 0 ? ROWS : ((rows + bands - 1) / bands + TILE_X - 1) / TILE_X * TILE_X;
  for (int64_t row = 0; row < rows; row += height) {
    Rows<A> forms = {std::min(height, rows - row), {}, {}};
    const T* from = x + row * inputs;
    if (widens) forms.words = band_of<A>(from, forms.rows, inputs);
    // Blocks are for x in float32 alone.
    if constexpr (std::is_same<T, float>::value) {
      if (rounds) forms.rounded = round_band(from, forms.rows, inputs);
    }
    work(row, forms);
  }
}

template <class T, class A>
void linear_of(const Linear& l) {
  const T* x = static_cast<const T*>(l.x);
  const int results = l.gated ? 1 : l.count;
  int64_t panels = 0;
  for (int i = 0; i < results; i++) panels += l.products[i].matrix->panels();
  each_band<A>(x, l.rows, l.inputs, l.products, l.count, [&](int64_t row, const Rows<A>& band) {
    parallel(panels, [&](int64_t panel) {
      const Product* product = l.products;
      for (; panel >= product->matrix->panels(); product++) panel -= product->matrix->panels();
      const int64_t first = panel * PANEL;
      const int64_t count = std::min(PANEL, product->matrix->outputs - first);
      alignas(64) Sums sums;
      multiply_by(*product->matrix, panel, band, sums);
      if (!l.gated) return finish<T>(sums, band.rows, *product, first, row, count);
      alignas(64) Sums others;
      multiply_by(*l.products[1].matrix, panel, band, others);
      gate<T>(sums, others, band.rows, l.products, first, count);
      const Product unbiased = {product->matrix, nullptr, product->result, nullptr};
      finish<T>(sums, band.rows, unbiased, first, row, count);
    });
  });
}

inline void linear(const Linear& l) {
  switch (l.type) {
    case Type::f32: return linear_of<float, float>(l);
    case Type::f16: return linear_of<Half, float>(l);
#if defined(PRODUCTS_OF_BFLOATS)
    case Type::bf16: return linear_of<Bfloat, Pair>(l);
#else
    case Type::bf16: return linear_of<Bfloat, float>(l);
#endif
    default: return;  // x is never in blocks
  }
}

}  // namespace TARGET
