// Matrices as the products take them.
#pragma once
#include <algorithm>
#include <cstring>

#include "threads.h"
#include "pack-blocks.h"
#include "vector.h"

namespace TARGET {

// Elements of one row that are converted at a time.
constexpr int64_t RUN = 64;

// `count` elements of a row, in the matrix's type.
template <class S, class D>
inline void convert(const S* from, int64_t count, D* to) {
  if constexpr (std::is_same<S, D>::value) {
    std::memcpy(to, from, size_t(count) * sizeof(D));
  } else if constexpr (std::is_same<S, float>::value) {
    narrow_all(from, count, to);
  } else {
    float wide[RUN];
    widen_all(from, count, wide);
    narrow_all(wide, count, to);
  }
}

// Where an element of a panel is.
template <class D>
inline int64_t place(int64_t input, int64_t output) {
  if (std::is_same<D, Bfloat>::value) return input / 2 * 2 * PANEL + 2 * output + input % 2;
  return input * PANEL + output;
}

template <class S, class D>
void pack_as(const S* from, bool transposed, Matrix& matrix) {
  const int64_t outputs = matrix.outputs, inputs = matrix.inputs;
  parallel(matrix.panels(), [&](int64_t index) {
    D* panel = reinterpret_cast<D*>(const_cast<char*>(matrix.panel(index)));
    const int64_t first = index * PANEL, count = std::min(PANEL, outputs - first);
    if (count < PANEL || inputs % 2 != 0) std::memset(panel, 0, size_t(matrix.panel_bytes()));
    D run[RUN];
    if (transposed) {
      for (int64_t k = 0; k < inputs; k++) {
        convert(from + k * outputs + first, count, run);
        for (int64_t j = 0; j < count; j++) panel[place<D>(k, j)] = run[j];
      }
      return;
    }
    for (int64_t k = 0; k < inputs; k += RUN) {
      const int64_t some = std::min(RUN, inputs - k);
      for (int64_t j = 0; j < count; j++) {
        convert(from + (first + j) * inputs + k, some, run);
        for (int64_t i = 0; i < some; i++) panel[place<D>(k + i, j)] = run[i];
      }
    }
  });
}

template <class S>
void pack_from(const S* from, bool transposed, Matrix& matrix) {
  switch (matrix.type) {
    case Type::f32: return pack_as<S, float>(from, transposed, matrix);
    case Type::f16: return pack_as<S, Half>(from, transposed, matrix);
    case Type::bf16: return pack_as<S, Bfloat>(from, transposed, matrix);
    default: return;  // blocks are packed of blocks alone
  }
}

inline void pack(Type type, const void* from, bool transposed, Matrix& matrix) {
  switch (type) {
    case Type::f32: return pack_from(static_cast<const float*>(from), transposed, matrix);
    case Type::f16: return pack_from(static_cast<const Half*>(from), transposed, matrix);
    case Type::bf16: return pack_from(static_cast<const Bfloat*>(from), transposed, matrix);
    default: return pack_blocks(static_cast<const uint8_t*>(from), matrix);
  }
}

}  // namespace TARGET
