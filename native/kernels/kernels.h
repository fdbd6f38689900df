// What each instruction set's build of the kernels offers. All arrays are row-major.
#pragma once
#include <cstdint>

struct Half { uint16_t bits; };
struct Bfloat { uint16_t bits; };

// Types of elements, then those of quantised blocks as GGUF has them.
enum class Type : int32_t { f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs };

// Their names in that order. JavaScript is told them, so that no number crosses by itself.
constexpr const char* TYPE_NAMES[] = {"f32", "f16", "bf16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0",
                                      "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"};
constexpr int64_t TYPES = sizeof TYPE_NAMES / sizeof TYPE_NAMES[0];

// Of an element; not of a quantised one.
inline int64_t bytes_of(Type type) { return type == Type::f32 ? 4 : 2; }
inline bool is_quantised(Type type) { return type > Type::bf16; }

// Outputs together in a packed matrix.
constexpr int64_t PANEL = 32;

// A quantised type's blocks (ggml-common.h, `block_q4_0` and the others), and how a panel keeps them: block after block, each with
// what its PANEL outputs have there. First the scales in float16, and the offsets; where a block of 256 has scales of its own for
// groups of its inputs, they follow as [groups, PANEL] bytes, and so do the offsets'. Then for each 32 inputs words [bits, PANEL]:
// a word holds as many levels of one output as fit, the first in its lowest bits. Levels of 8 bits are bytes [32, PANEL]. Where x is
// rounded, levels of 8 bits are words, too, and a word's levels are so placed that one shift brings those of four inputs that follow each
// other to the lowest bits of its four bytes.
struct BlockShape {
  // Inputs of a block, and the bytes that a file has for them.
  int64_t inputs, stored;
  // Bits of a level in the first words, and more of them in the words that follow.
  int low, high;
  // Scales in a block; with offsets, a level's number is level · scale + offset.
  int scales;
  bool offsets;
  // What the lowest level stands for.
  int lowest;
  // Whether levels are places in the table of IQ4.
  bool table;

  constexpr bool grouped() const { return inputs == 256; }
  constexpr int64_t head() const { return (2 + (grouped() ? scales : 0)) * (offsets ? 2 : 1); }
  // Bytes of a block in a panel, of one output.
  constexpr int64_t packed() const { return head() + inputs * (low + high) / 8; }
};

constexpr BlockShape shape_of(Type type) {
  switch (type) {
    case Type::q4_0: return {32, 18, 4, 0, 1, false, -8, false};
    case Type::q4_1: return {32, 20, 4, 0, 1, true, 0, false};
    case Type::q5_0: return {32, 22, 4, 1, 1, false, -16, false};
    case Type::q5_1: return {32, 24, 4, 1, 1, true, 0, false};
    case Type::q8_0: return {32, 34, 8, 0, 1, false, 0, false};
    case Type::q2_k: return {256, 84, 2, 0, 16, true, 0, false};
    case Type::q3_k: return {256, 110, 2, 1, 16, false, -4, false};
    case Type::q4_k: return {256, 144, 4, 0, 8, true, 0, false};
    case Type::q5_k: return {256, 176, 4, 1, 8, true, 0, false};
    case Type::q6_k: return {256, 210, 4, 2, 16, false, -32, false};
    case Type::iq4_nl: return {32, 18, 4, 0, 1, false, 0, true};
    case Type::iq4_xs: return {256, 136, 4, 0, 8, false, 0, true};
    default: return {1, 0, 0, 0, 1, false, 0, false};
  }
}

// Bytes of a matrix before it is packed.
inline int64_t stored_bytes(Type type, int64_t outputs, int64_t inputs) {
  if (is_quantised(type)) return outputs * (inputs / shape_of(type).inputs) * shape_of(type).stored;
  return outputs * inputs * bytes_of(type);
}

// Begins a packed matrix of [outputs, inputs]; its panels follow of PANEL outputs, filled up with zeros. A panel is
// [inputs, PANEL]; in bf16 it is [inputs / 2, PANEL, 2], as the processor multiplies pairs.
struct alignas(64) Matrix {
  static constexpr uint64_t MARK = 0x5845525441444257;  // "WBDATREX"
  uint64_t mark;
  Type type;
  // Whether x is rounded to 8 bits for it; only of quantised types.
  bool rounds;
  int64_t outputs, inputs;

  int64_t panels() const { return (outputs + PANEL - 1) / PANEL; }
  int64_t panel_bytes() const {
    if (is_quantised(type)) return inputs / shape_of(type).inputs * PANEL * shape_of(type).packed();
    return (type == Type::bf16 ? (inputs + 1) / 2 * 2 : inputs) * PANEL * bytes_of(type);
  }
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

// Of each row of logits x · matrixᵀ, rounded to x's type: the largest, the sum of e^(logit − largest), and those that are wanted.
struct LogSums {
  Type type;
  const void* x;  // [rows, inputs]
  int64_t rows;
  const Matrix* matrix;
  const int32_t* wanted;  // [rows, count], outputs of the matrix; others are passed over
  int64_t count;
  float* result;  // [rows, 2 + count]
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
  void (*log_sums)(const LogSums&);
};

namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
