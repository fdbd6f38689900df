// Vectors of float32 as wide as the instruction set that this file is compiled for, and loads that widen halves to them.
// Compiled once per instruction set: TARGET names it, and is the namespace of all that is defined here.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels.h"

namespace TARGET {

inline float widen(float value) { return value; }
inline float widen(Half value) { return _cvtsh_ss(value.bits); }
inline float widen(Bfloat value) {
  uint32_t bits = uint32_t(value.bits) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// To the nearest, ties to even.
inline void narrow(float value, float* target) { *target = value; }
inline void narrow(float value, Half* target) { target->bits = _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT); }
inline void narrow(float value, Bfloat* target) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const bool nan = (bits & 0x7fffffff) > 0x7f800000;
  target->bits = nan ? uint16_t(bits >> 16) | 0x40 : uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#if defined(__AVX512F__)

constexpr int LANES = 16;
// Rows of x that meet a panel in registers: 24 sums, and a row of the panel in 2 more, of 32 registers.
constexpr int TILE_X = 12;
using Vector = __m512;
using Integers = __m512i;

inline Vector spread(float value) { return _mm512_set1_ps(value); }
inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
inline Vector load(const Half* from) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)from)); }
inline Vector load(const Bfloat* from) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
// LANES pairs: the first of each, and the second.
inline void load_pairs(const Bfloat* from, Vector& first, Vector& second) {
  const __m512i pairs = _mm512_loadu_si512(from);
  first = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  second = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(int(0xffff0000))));
}
inline void store(float* to, Vector v) { _mm512_storeu_ps(to, v); }
inline void store(Half* to, Vector v) {
  _mm256_storeu_si256((__m256i*)to, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store(Bfloat* to, Vector v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __m512i chosen = _mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), quiet);
  _mm256_storeu_si256((__m256i*)to, _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16)));
}
inline Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
inline Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
inline Integers nearest(Vector v) { return _mm512_cvtps_epi32(v); }
inline Vector to_float(Integers v) { return _mm512_cvtepi32_ps(v); }
inline Vector power_of_two(Integers v) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(v, _mm512_set1_epi32(127)), 23));
}

// The sums of four vectors' lanes, always in the same order.
inline __m128 sums(Vector a, Vector b, Vector c, Vector d) {
  const Vector ab = add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const Vector cd = add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const Vector all = add(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 upper = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(all), 1));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), upper);
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#else

constexpr int LANES = 8;
// 12 sums of 16 registers.
constexpr int TILE_X = 3;
using Vector = __m256;
using Integers = __m256i;

inline Vector spread(float value) { return _mm256_set1_ps(value); }
inline Vector load(const float* from) { return _mm256_loadu_ps(from); }
inline Vector load(const Half* from) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)from)); }
inline Vector load(const Bfloat* from) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
// LANES pairs: the first of each, and the second.
inline void load_pairs(const Bfloat* from, Vector& first, Vector& second) {
  const __m256i pairs = _mm256_loadu_si256((const __m256i*)from);
  first = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  second = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(int(0xffff0000))));
}
inline void store(float* to, Vector v) { _mm256_storeu_ps(to, v); }
inline void store(Half* to, Vector v) {
  _mm_storeu_si128((__m128i*)to, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store(Bfloat* to, Vector v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(high, high), 0x08);
  _mm_storeu_si128((__m128i*)to, _mm256_castsi256_si128(packed));
}
inline Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
inline Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
inline Integers nearest(Vector v) { return _mm256_cvtps_epi32(v); }
inline Vector to_float(Integers v) { return _mm256_cvtepi32_ps(v); }
inline Vector power_of_two(Integers v) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(127)), 23));
}

// The sums of four vectors' lanes, always in the same order.
inline __m128 sums(Vector a, Vector b, Vector c, Vector d) {
  const Vector ab = add(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const Vector cd = add(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const Vector all = add(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

#endif

inline Vector zero() { return spread(0); }
inline float sum(Vector v) { return _mm_cvtss_f32(sums(v, v, v, v)); }

// e to the power of each lane, within 2 units in the last place; below −87.3 it is e^−87.3, so callers mask what is hidden.
// Cody and Waite's reduction with ln 2 in two parts, then a polynomial (Cephes, expf).
inline Vector exponential(Vector x) {
  x = smaller(larger(x, spread(-87.3f)), spread(88.3f));
  const Integers n = nearest(multiply(x, spread(1.44269504088896341f)));
  const Vector whole = to_float(n);
  Vector r = fma(whole, spread(-0.693359375f), x);
  r = fma(whole, spread(2.12194440e-4f), r);
  Vector p = spread(1.9875691500e-4f);
  p = fma(p, r, spread(1.3981999507e-3f));
  p = fma(p, r, spread(8.3334519073e-3f));
  p = fma(p, r, spread(4.1665795894e-2f));
  p = fma(p, r, spread(1.6666665459e-1f));
  p = fma(p, r, spread(5.0000001201e-1f));
  p = add(fma(p, multiply(r, r), r), spread(1));
  return multiply(p, power_of_two(n));
}

// x / (1 + e^−x).
inline Vector silu(Vector x) { return divide(x, add(spread(1), exponential(subtract(zero(), x)))); }

template <class T>
inline void widen_all(const T* from, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, load(from + i));
  for (; i < count; i++) to[i] = widen(from[i]);
}

template <class T>
inline void narrow_all(const float* from, int64_t count, T* to) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, load(from + i));
  for (; i < count; i++) narrow(from[i], to + i);
}

}  // namespace TARGET
