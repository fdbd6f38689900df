// Attention with the scores of a few queries at a time in the cache, computed in float32.
#pragma once
#include <cmath>
#include <vector>

#include "matrix.h"
#include "threads.h"

namespace TARGET {

// Vectors of a head that are summed over the keys at a time.
constexpr int SPAN = 4;

// out [queries, size] = weights [queries, length] · values [length, size].
template <int Q, int V, class T>
inline void mix(const float* weights, int64_t step, const T* values, int64_t size, int64_t length, float* out) {
  Vector total[Q][V];
  for (auto& row : total)
    for (auto& one : row) one = zero();
  for (int64_t key = 0; key < length; key++) {
    Vector right[V];
    for (int j = 0; j < V; j++) right[j] = load(values + key * size + j * LANES);
    for (int i = 0; i < Q; i++) {
      const Vector weight = spread(weights[i * step + key]);
      for (int j = 0; j < V; j++) total[i][j] = fma(weight, right[j], total[i][j]);
    }
  }
  for (int i = 0; i < Q; i++)
    for (int j = 0; j < V; j++) store(out + i * size + j * LANES, total[i][j]);
}

template <int Q, class T>
inline void mix_heads(const float* weights, int64_t step, const T* values, int64_t size, int64_t length, float* out) {
  int64_t d = 0;
  for (; d + SPAN * LANES <= size; d += SPAN * LANES) mix<Q, SPAN>(weights, step, values + d, size, length, out + d);
  for (; d + LANES <= size; d += LANES) mix<Q, 1>(weights, step, values + d, size, length, out + d);
  for (; d < size; d++) {
    for (int i = 0; i < Q; i++) {
      float total = 0;
      for (int64_t key = 0; key < length; key++) {
        total = __builtin_fmaf(weights[i * step + key], widen(values[key * size + d]), total);
      }
      out[i * size + d] = total;
    }
  }
}

// Makes weights of scores [length]: e^(scale · score − largest) / sum, 0 where hidden. Where all is hidden they are equal
// over all `total` keys, as the lowest number in every score makes them. The sum goes over the keys from the first that is not
// hidden on, so that padding before a text does not change the order of its sums. @returns how many keys have a weight.
inline int64_t soften(float* scores, int64_t length, int64_t total, float scale, const float* visible) {
  float largest = -INFINITY;
  for (int64_t key = 0; key < length; key++) {
    scores[key] = visible != nullptr && visible[key] == 0 ? -INFINITY : scores[key] * scale;
    largest = std::max(largest, scores[key]);
  }
  if (largest == -INFINITY) {
    std::fill(scores, scores + total, 1 / float(total));
    return total;
  }
  int64_t begin = 0;
  if (visible != nullptr)
    while (visible[begin] == 0) scores[begin++] = 0;
  Vector lanes = zero();
  int64_t key = begin;
  for (; key + LANES <= length; key += LANES) {
    const Vector power = exponential(subtract(load(scores + key), spread(largest)));
    store(scores + key, power);
    if (visible == nullptr) lanes = add(lanes, power);
  }
  float rest[LANES] = {};
  if (key < length) {
    std::copy(scores + key, scores + length, rest);
    store(rest, exponential(subtract(load(rest), spread(largest))));
    std::copy(rest, rest + (length - key), scores + key);
  }
  if (visible != nullptr) {
    for (int64_t at = begin; at < length; at++)
      if (visible[at] == 0) scores[at] = 0;
    for (int64_t at = begin; at < key; at += LANES) lanes = add(lanes, load(scores + at));
  }
  float sum_of_all = sum(lanes);
  for (; key < length; key++) sum_of_all += scores[key];
  const float factor = 1 / sum_of_all;
  for (int64_t at = begin; at < length; at++) scores[at] *= factor;
  return length;
}

// Memory of one thread, kept from one operation to the next.
struct Workspace {
  std::vector<float> queries, scores, out;
};

template <int Q, class T>
void attend_tile(const Attention& a, int64_t row, int64_t head, int64_t first, Workspace& space) {
  const int64_t group = head / (a.heads / a.groups);
  const T* keys = static_cast<const T*>(a.keys) + (row * a.groups + group) * a.key_capacity * a.size;
  const T* values = static_cast<const T*>(a.values) + (row * a.groups + group) * a.value_capacity * a.size;
  const int64_t begin = a.tokens_first ? ((row * a.tokens + first) * a.heads + head) * a.size
                                       : ((row * a.heads + head) * a.tokens + first) * a.size;
  const int64_t step = a.tokens_first ? a.heads * a.size : a.size;
  const float* visible = a.visible == nullptr ? nullptr : a.visible + row * a.length;
  const int64_t seen = a.length - a.tokens + first + 1;  // by the first query
  space.queries.resize(size_t(Q * a.size));
  space.out.resize(size_t(Q * a.size));
  space.scores.assign(size_t(Q * a.length), 0);
  for (int i = 0; i < Q; i++) {
    widen_all(static_cast<const T*>(a.queries) + begin + i * step, a.size, space.queries.data() + i * a.size);
  }
  float* scores = space.scores.data();
  for (int64_t d = 0; d < a.size; d += BLOCK) {
    const int64_t size = std::min<int64_t>(BLOCK, a.size - d);
    multiply_block(space.queries.data() + d, Q, a.size, keys + d, seen + Q - 1, a.size, size, scores, a.length);
  }
  const float scale = 1 / std::sqrt(float(a.size));
  int64_t weighted = 0;
  for (int i = 0; i < Q; i++) {
    float* own = scores + i * a.length;
    std::fill(own + seen + i, own + a.length, 0.0f);
    weighted = std::max(weighted, soften(own, seen + i, a.length, scale, visible));
  }
  mix_heads<Q>(scores, a.length, values, a.size, weighted, space.out.data());
  for (int i = 0; i < Q; i++) {
    narrow_all(space.out.data() + i * a.size, a.size, static_cast<T*>(a.result) + begin + i * step);
  }
}

template <class T>
void attention_of(const Attention& a) {
  const int64_t tiles = (a.tokens + QUERIES - 1) / QUERIES;
  parallel(a.batch * a.heads * tiles, [&](int64_t part) {
    static thread_local Workspace space;
    // The last tiles see the most keys: they come first, so that threads end together.
    const int64_t first = (tiles - 1 - part / (a.batch * a.heads)) * QUERIES;
    const int64_t stack = part % (a.batch * a.heads);
    const int64_t row = stack / a.heads, head = stack % a.heads;
    if (first + QUERIES <= a.tokens) return attend_tile<QUERIES, T>(a, row, head, first, space);
    for (int64_t token = first; token < a.tokens; token++) attend_tile<1, T>(a, row, head, token, space);
  });
}

inline void attention(const Attention& a) {
  switch (a.type) {
    case Type::f32: return attention_of<float>(a);
    case Type::f16: return attention_of<Half>(a);
    case Type::bf16: return attention_of<Bfloat>(a);
  }
}

}  // namespace TARGET
