// What the cross-entropies of tokens need of a row of logits, without the row: a vocabulary's logits of a few hundred tokens are larger
// than any cache. Each row's sums have one order, whatever rows are beside it: a panel's, then panel after panel.
#pragma once
#include <cmath>

#include "linear.h"

namespace TARGET {

// A row's logits of one panel: the largest, NaN where one is none, and the sum of e^(logit − largest).
struct PanelSum { float largest, sum; };

// logits [PANEL], those past the matrix's outputs −∞.
inline PanelSum sum_panel(const float* logits) {
  Vector most = load(logits);
  for (int64_t j = LANES; j < PANEL; j += LANES) most = larger(most, load(logits + j));
  alignas(64) float lanes[LANES];
  store(lanes, most);
  const float largest = *std::max_element(lanes, lanes + LANES);
  Vector powers = zero();
  bool is_wrong = false;
  for (int64_t j = 0; j < PANEL; j += LANES) powers = add(powers, exponential(subtract(load(logits + j), spread(largest))));
  for (int64_t j = 0; j < PANEL; j++) is_wrong |= logits[j] != logits[j];
  return {is_wrong ? NAN : largest, sum(powers)};
}

// Of all panels of a row. An infinite logit has no probability, and neither has a row with a NaN.
inline PanelSum sum_panels(const PanelSum* panels, int64_t count) {
  float largest = -INFINITY;
  bool is_wrong = false;
  for (int64_t i = 0; i < count; i++) {
    is_wrong |= panels[i].largest != panels[i].largest;
    largest = std::max(largest, panels[i].largest);
  }
  if (is_wrong || std::isinf(largest)) return {NAN, NAN};
  double total = 0;
  for (int64_t i = 0; i < count; i++) total += panels[i].sum * std::exp(double(panels[i].largest) - largest);
  return {largest, float(total)};
}

template <class T, class A>
void log_sums_of(const LogSums& l) {
  const Matrix& matrix = *l.matrix;
  const int64_t panels = matrix.panels(), step = 2 + l.count;
  const Product product = {&matrix, nullptr, nullptr, nullptr};
  each_band<A>(static_cast<const T*>(l.x), l.rows, matrix.inputs, &product, 1, [&](int64_t row, const Rows<A>& band) {
    std::unique_ptr<PanelSum[]> parts(new PanelSum[size_t(band.rows * panels)]);
    parallel(panels, [&](int64_t panel) {
      alignas(64) Sums sums;
      multiply_by(matrix, panel, band, sums);
      const int64_t first = panel * PANEL, count = std::min(PANEL, matrix.outputs - first);
      for (int64_t i = 0; i < band.rows; i++) {
        float* logits = sums + i * PANEL;
        T rounded[PANEL];
        narrow_all(logits, PANEL, rounded);
        widen_all(rounded, PANEL, logits);
        std::fill(logits + count, logits + PANEL, -INFINITY);
        parts[size_t(i * panels + panel)] = sum_panel(logits);
        for (int64_t k = 0; k < l.count; k++) {
          const int64_t at = l.wanted[(row + i) * l.count + k] - first;
          if (at >= 0 && at < count) l.result[(row + i) * step + 2 + k] = logits[at];
        }
      }
    });
    parallel(band.rows, [&](int64_t i) {
      const PanelSum all = sum_panels(parts.get() + i * panels, panels);
      l.result[(row + i) * step] = all.largest;
      l.result[(row + i) * step + 1] = all.sum;
    });
  });
}

inline void log_sums(const LogSums& l) {
  switch (l.type) {
    case Type::f32: return log_sums_of<float, float>(l);
    case Type::f16: return log_sums_of<Half, float>(l);
#if defined(PRODUCTS_OF_BFLOATS)
    case Type::bf16: return log_sums_of<Bfloat, Pair>(l);
#else
    case Type::bf16: return log_sums_of<Bfloat, float>(l);
#endif
    default: return;  // x is never in blocks
  }
}

}  // namespace TARGET
