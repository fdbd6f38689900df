// Work on each row: norm and rotation.
#pragma once
#include <algorithm>
#include <cmath>

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

// One head of one token; result may not be x.
template <class T>
inline void rotate_row(const T* x, const T* cos, const T* sin, int64_t size, T* result) {
  const int64_t half = size / 2;
  int64_t i = 0;
  for (; i + LANES <= half; i += LANES) {
    const Vector a = load(x + i), b = load(x + half + i);
    store(result + i, subtract(multiply(a, load(cos + i)), multiply(b, load(sin + i))));
    store(result + half + i, add(multiply(b, load(cos + half + i)), multiply(a, load(sin + half + i))));
  }
  for (; i < half; i++) {
    const float a = widen(x[i]), b = widen(x[half + i]);
    narrow(a * widen(cos[i]) - b * widen(sin[i]), result + i);
    narrow(b * widen(cos[half + i]) + a * widen(sin[half + i]), result + half + i);
  }
}

template <class T>
void rotate_of(const Rotation& r) {
  each_rows(r.batch * r.heads * r.tokens, r.size, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t token = row % r.tokens;
      const int64_t table = r.tables == 1 ? 0 : row / (r.heads * r.tokens);
      const int64_t angles = (table * r.tokens + token) * r.size;
      rotate_row(static_cast<const T*>(r.x) + row * r.size, static_cast<const T*>(r.cos) + angles,
                 static_cast<const T*>(r.sin) + angles, r.size, static_cast<T*>(r.result) + row * r.size);
    }
  });
}

}  // namespace TARGET
