// What each instruction set's build of the kernels offers. All matrices are row-major.
#pragma once
#include <cstdint>

struct Half { uint16_t bits; };
struct Bfloat { uint16_t bits; };

enum class Type { f32, f16, bf16 };

inline int64_t bytes_of(Type type) { return type == Type::f32 ? 4 : 2; }

// One product of a `Linear`: matrix [outputs, inputs], bias [outputs] or null, result [rows, outputs].
struct Product {
  const void* matrix;
  const void* bias;
  void* result;
  int64_t outputs;
};

// results = x · matrixᵀ + bias, of several matrices on one x [rows, inputs]. Gated: of two products only the first has a
// result, silu(first) · second. Bias and result have x's type.
struct Linear {
  Type type, matrix_type;
  const void* x;
  int64_t rows, inputs;
  const Product* products;
  int count;
  bool gated;
};

// Attention of queries [batch, heads, tokens, size] over the first `length` rows of keys and values
// [batch, groups, its capacity, size]. The queries are the last tokens; a query sees the keys up to its own.
struct Attention {
  Type type;
  const void *queries, *keys, *values;
  // [batch, length], 0 where there is padding; null where there is none.
  const float* visible;
  void* result;  // [batch, heads, tokens, size]
  int64_t batch, heads, groups, tokens, size, length, key_capacity, value_capacity;
};

struct Kernels {
  void (*linear)(const Linear&);
  void (*attention)(const Attention&);
  // weight · x / √(mean x² + epsilon), the quotient rounded before it is multiplied; x [rows, size].
  void (*norm)(Type, const void* x, const void* weight, float epsilon, int64_t rows, int64_t size, void* result);
  // x · cos + rotateHalf(x) · sin; x [batch, heads, tokens, size], cos and sin [tables, 1, tokens, size], tables 1 or batch.
  void (*rotate)(Type, const void* x, const void* cos, const void* sin, int64_t tables, int64_t batch, int64_t heads,
                 int64_t tokens, int64_t size, void* result);
  // [rows, columns] -> [columns, rows], cast from one type to the other; without `turn` only cast.
  void (*cast)(Type from, Type to, const void* x, bool turn, int64_t rows, int64_t columns, void* result);
};

namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
