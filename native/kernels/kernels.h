// What each instruction set's build of the kernels offers. All arrays are row-major.
#pragma once
#include <cstdint>

struct Half { uint16_t bits; };
struct Bfloat { uint16_t bits; };

enum class Type : int32_t { f32, f16, bf16 };

inline int64_t bytes_of(Type type) { return type == Type::f32 ? 4 : 2; }

// Outputs together in a packed matrix.
constexpr int64_t PANEL = 32;

// Begins a packed matrix of [outputs, inputs]; its panels follow of PANEL outputs, filled up with zeros. A panel is
// [inputs, PANEL]; in bf16 it is [inputs / 2, PANEL, 2], as the processor multiplies pairs.
struct alignas(64) Matrix {
  static constexpr uint64_t MARK = 0x5845525441444257;  // "WBDATREX"
  uint64_t mark;
  Type type;
  int64_t outputs, inputs;

  int64_t panels() const { return (outputs + PANEL - 1) / PANEL; }
  int64_t panel_bytes() const { return (type == Type::bf16 ? (inputs + 1) / 2 * 2 : inputs) * PANEL * bytes_of(type); }
  int64_t bytes() const { return int64_t(sizeof(Matrix)) + panels() * panel_bytes(); }
  const char* panel(int64_t index) const { return reinterpret_cast<const char*>(this + 1) + index * panel_bytes(); }
};

// One matrix of a `Linear`: bias [outputs] or null, result [rows, outputs], to which `addend` of the same shape is added after
// it was rounded, where there is one.
struct Product {
  const Matrix* matrix;
  const void* bias;
  void* result;
  const void* addend;
};

// results = x · matrixᵀ + bias, of several matrices on one x [rows, inputs]. Gated: of two products only the first has a
// result, silu(first) · second. All but matrices have x's type.
struct Linear {
  Type type;
  const void* x;
  int64_t rows, inputs;
  const Product* products;
  int count;
  bool gated;
};

// Attention of queries over the first `length` rows of keys and values [batch, groups, its capacity, size]. The queries are the
// last tokens; a query sees the keys up to its own.
struct Attention {
  Type type;
  // Queries and result: [batch, heads, tokens, size], or [batch, tokens, heads, size] where tokens come first.
  const void *queries, *keys, *values;
  // [batch, length], 0 where there is padding; null where there is none.
  const float* visible;
  void* result;
  int64_t batch, heads, groups, tokens, size, length, key_capacity, value_capacity;
  bool tokens_first;
};

// x · cos + rotateHalf(x) · sin; x [batch, heads, tokens, size], cos and sin [tables, 1, tokens, size], tables 1 or batch.
struct Rotation {
  Type type;
  const void *x, *cos, *sin;
  int64_t tables, batch, heads, tokens, size;
  void* result;
};

struct Weights {
  const Matrix* matrix;
  const void* bias;
};

// A layer of a decoder: attention and a gated network, each added to what its norm was taken of. x and result
// [batch, tokens, width]. The new keys and values are written behind the first `length` − `tokens` of the cache's.
struct Layer {
  Type type;
  const void *x, *attention_norm, *network_norm, *cos, *sin;
  Weights query, key, value, output, gate, up, down;
  void *keys, *values;  // [batch, groups, capacity, size]; null where nothing is cached
  const float* visible;
  void* result;
  float epsilon;
  // `rotated` of the `size` elements of a head are, the first ones.
  int64_t tables, batch, tokens, heads, groups, size, rotated, length, key_capacity, value_capacity;
};

struct Kernels {
  void (*linear)(const Linear&);
  void (*attention)(const Attention&);
  // weight · x / √(mean x² + epsilon), the quotient rounded before it is multiplied; x [rows, size].
  void (*norm)(Type, const void* x, const void* weight, float epsilon, int64_t rows, int64_t size, void* result);
  void (*rotate)(const Rotation&);
  // Fills a matrix, whose header is set, with `from` [outputs, inputs], or [inputs, outputs] when it is transposed.
  void (*pack)(Type from_type, const void* from, bool transposed, Matrix& matrix);
  void (*layer)(const Layer&);
};

namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
