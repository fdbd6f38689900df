// A whole layer of a decoder, of the steps that are also offered one by one: their results, to the bit.
#pragma once
#include <algorithm>
#include <memory>

#include "attention.h"
#include "elements.h"
#include "linear.h"

namespace TARGET {

// Tokens whose intermediate states are held at a time: 1024 rows of a 7B model's take 45 MB in float32.
constexpr int64_t TOKENS_AT_A_TIME = 1024;

template <class T>
std::unique_ptr<T[]> scratch(int64_t count) { return std::unique_ptr<T[]>(new T[size_t(count)]); }

// One head's element `i` of one token, rotated by its position.
template <class T>
inline void rotate_head(const T* x, const T* cos, const T* sin, int64_t size, int64_t rotated, T* result) {
  rotate_row(x, cos, sin, rotated, result);
  std::copy(x + rotated, x + size, result + rotated);
}

// Rotates queries in place, and puts rotated keys, and values, behind those of the cache.
template <class T>
void place_heads(const Layer& l, T* queries, const T* keys, const T* values, T* all_keys, T* all_values) {
  const int64_t at = l.length - l.tokens;
  each_rows(l.batch * l.tokens, (l.heads + 2 * l.groups) * l.size, [&](int64_t begin, int64_t end) {
    auto own = scratch<T>(l.size);
    for (int64_t row = begin; row < end; row++) {
      const int64_t sequence = row / l.tokens, token = row % l.tokens;
      const int64_t table = ((l.tables == 1 ? 0 : sequence) * l.tokens + token) * l.rotated;
      const T *cos = static_cast<const T*>(l.cos) + table, *sin = static_cast<const T*>(l.sin) + table;
      for (int64_t head = 0; head < l.heads; head++) {
        T* query = queries + (row * l.heads + head) * l.size;
        std::copy(query, query + l.size, own.get());
        rotate_head(own.get(), cos, sin, l.size, l.rotated, query);
      }
      for (int64_t group = 0; group < l.groups; group++) {
        const T* key = keys + (row * l.groups + group) * l.size;
        const T* value = values + (row * l.groups + group) * l.size;
        const int64_t stack = sequence * l.groups + group;
        rotate_head(key, cos, sin, l.size, l.rotated, all_keys + (stack * l.key_capacity + at + token) * l.size);
        std::copy(value, value + l.size, all_values + (stack * l.value_capacity + at + token) * l.size);
      }
    }
  });
}

template <class T>
void layer_of(const Layer& l) {
  const T* x = static_cast<const T*>(l.x);
  const int64_t rows = l.batch * l.tokens, width = l.query.matrix->inputs;
  const int64_t wide = l.heads * l.size, narrow = l.groups * l.size;
  auto normed = scratch<T>(rows * width), queries = scratch<T>(rows * wide), mixed = scratch<T>(rows * wide);
  auto keys = scratch<T>(rows * narrow), values = scratch<T>(rows * narrow), middle = scratch<T>(rows * width);
  norm_of(x, static_cast<const T*>(l.attention_norm), l.epsilon, rows, width, normed.get());
  const Product projections[] = {{l.query.matrix, l.query.bias, queries.get(), nullptr},
                                 {l.key.matrix, l.key.bias, keys.get(), nullptr},
                                 {l.value.matrix, l.value.bias, values.get(), nullptr}};
  linear({l.type, normed.get(), rows, width, projections, 3, false});
  std::unique_ptr<T[]> own_keys, own_values;
  T *all_keys = static_cast<T*>(l.keys), *all_values = static_cast<T*>(l.values);
  if (all_keys == nullptr) {
    own_keys = scratch<T>(l.batch * l.groups * l.key_capacity * l.size);
    own_values = scratch<T>(l.batch * l.groups * l.value_capacity * l.size);
    all_keys = own_keys.get();
    all_values = own_values.get();
  }
  place_heads(l, queries.get(), keys.get(), values.get(), all_keys, all_values);
  attention_of<T>({l.type, queries.get(), all_keys, all_values, l.visible, mixed.get(), l.batch, l.heads, l.groups, l.tokens,
                   l.size, l.length, l.key_capacity, l.value_capacity, true});
  const Product output = {l.output.matrix, l.output.bias, middle.get(), x};
  linear({l.type, mixed.get(), rows, wide, &output, 1, false});
  norm_of(middle.get(), static_cast<const T*>(l.network_norm), l.epsilon, rows, width, normed.get());
  const int64_t inner = l.gate.matrix->outputs;
  auto gated = scratch<T>(std::min(rows, TOKENS_AT_A_TIME) * inner);
  for (int64_t row = 0; row < rows; row += TOKENS_AT_A_TIME) {
    const int64_t some = std::min(TOKENS_AT_A_TIME, rows - row);
    const Product pair[] = {{l.gate.matrix, l.gate.bias, gated.get(), nullptr}, {l.up.matrix, l.up.bias, nullptr, nullptr}};
    linear({l.type, normed.get() + row * width, some, width, pair, 2, true});
    const Product down = {l.down.matrix, l.down.bias, static_cast<T*>(l.result) + row * width, middle.get() + row * width};
    linear({l.type, gated.get(), some, inner, &down, 1, false});
  }
}

inline void layer(const Layer& l) {
  switch (l.type) {
    case Type::f32: return layer_of<float>(l);
    case Type::f16: return layer_of<Half>(l);
    case Type::bf16: return layer_of<Bfloat>(l);
  }
}

}  // namespace TARGET
