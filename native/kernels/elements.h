// Work on each row or element: norm, rotation, casts and turned copies.
#pragma once
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "threads.h"
#include "vector.h"

namespace TARGET {

// Elements that are worth a part of their own.
constexpr int64_t ELEMENTS = 32768;

// Calls work(begin, end) for rows of `size` elements, shared among the threads.
template <class F>
void each_rows(int64_t rows, int64_t size, F&& work) {
  const int64_t some = std::max<int64_t>(1, ELEMENTS / std::max<int64_t>(1, size));
  parallel((rows + some - 1) / some, [&](int64_t part) { work(part * some, std::min(rows, (part + 1) * some)); });
}

template <class T>
void norm_of(const T* x, const T* weight, float epsilon, int64_t rows, int64_t size, T* result) {
  each_rows(rows, size, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* from = x + row * size;
      T* to = result + row * size;
      Vector lanes = zero();
      int64_t i = 0;
      for (; i + LANES <= size; i += LANES) lanes = fma(load(from + i), load(from + i), lanes);
      float squares = sum(lanes);
      for (; i < size; i++) squares = __builtin_fmaf(widen(from[i]), widen(from[i]), squares);
      const float factor = 1 / std::sqrt(squares / float(size) + epsilon);
      for (i = 0; i + LANES <= size; i += LANES) {
        store(to + i, multiply(load(from + i), spread(factor)));
        store(to + i, multiply(load(to + i), load(weight + i)));
      }
      for (; i < size; i++) {
        narrow(widen(from[i]) * factor, to + i);
        narrow(widen(to[i]) * widen(weight[i]), to + i);
      }
    }
  });
}

template <class T>
void rotate_of(const T* x, const T* cos, const T* sin, int64_t tables, int64_t batch, int64_t heads, int64_t tokens,
               int64_t size, T* result) {
  const int64_t half = size / 2;
  each_rows(batch * heads * tokens, size, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t token = row % tokens;
      const int64_t table = tables == 1 ? 0 : row / (heads * tokens);
      const T* c = cos + (table * tokens + token) * size;
      const T* s = sin + (table * tokens + token) * size;
      const T* from = x + row * size;
      T* to = result + row * size;
      int64_t i = 0;
      for (; i + LANES <= half; i += LANES) {
        const Vector a = load(from + i), b = load(from + half + i);
        store(to + i, subtract(multiply(a, load(c + i)), multiply(b, load(s + i))));
        store(to + half + i, add(multiply(b, load(c + half + i)), multiply(a, load(s + half + i))));
      }
      for (; i < half; i++) {
        const float a = widen(from[i]), b = widen(from[half + i]);
        narrow(a * widen(c[i]) - b * widen(s[i]), to + i);
        narrow(b * widen(c[half + i]) + a * widen(s[half + i]), to + half + i);
      }
    }
  });
}

// Side of the squares in which a matrix is turned.
constexpr int64_t SQUARE = 64;

template <class A, class B>
void cast_of(const A* x, bool turn, int64_t rows, int64_t columns, B* result) {
  const auto one = [](A from, B* to) {
    if constexpr (std::is_same<A, B>::value) *to = from;
    else narrow(widen(from), to);
  };
  if (!turn) {
    each_rows(rows, columns, [&](int64_t begin, int64_t end) {
      int64_t i = begin * columns;
      if constexpr (!std::is_same<A, B>::value) {
        for (; i + LANES <= end * columns; i += LANES) store(result + i, load(x + i));
      }
      for (; i < end * columns; i++) one(x[i], result + i);
    });
    return;
  }
  parallel((columns + SQUARE - 1) / SQUARE, [&](int64_t part) {
    const int64_t left = part * SQUARE, right = std::min(columns, left + SQUARE);
    for (int64_t top = 0; top < rows; top += SQUARE) {
      const int64_t bottom = std::min(rows, top + SQUARE);
      for (int64_t column = left; column < right; column++)
        for (int64_t row = top; row < bottom; row++) one(x[row * columns + column], result + column * rows + row);
    }
  });
}

template <class A>
void cast_from(const A* x, Type to, bool turn, int64_t rows, int64_t columns, void* result) {
  switch (to) {
    case Type::f32: return cast_of(x, turn, rows, columns, static_cast<float*>(result));
    case Type::f16: return cast_of(x, turn, rows, columns, static_cast<Half*>(result));
    case Type::bf16: return cast_of(x, turn, rows, columns, static_cast<Bfloat*>(result));
  }
}

}  // namespace TARGET
