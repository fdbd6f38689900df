// The kernels for one instruction set: compiled with its flags and -DTARGET=its name.
#include "attention.h"
#include "elements.h"
#include "linear.h"

namespace TARGET {
namespace {

template <class T>
const T* in(const void* pointer) { return static_cast<const T*>(pointer); }

void norm(Type type, const void* x, const void* weight, float epsilon, int64_t rows, int64_t size, void* result) {
  const auto of = [&](auto zero) {
    using T = decltype(zero);
    norm_of(in<T>(x), in<T>(weight), epsilon, rows, size, static_cast<T*>(result));
  };
  switch (type) {
    case Type::f32: return of(float());
    case Type::f16: return of(Half());
    case Type::bf16: return of(Bfloat());
  }
}

void rotate(Type type, const void* x, const void* cos, const void* sin, int64_t tables, int64_t batch, int64_t heads,
            int64_t tokens, int64_t size, void* result) {
  const auto of = [&](auto zero) {
    using T = decltype(zero);
    rotate_of(in<T>(x), in<T>(cos), in<T>(sin), tables, batch, heads, tokens, size, static_cast<T*>(result));
  };
  switch (type) {
    case Type::f32: return of(float());
    case Type::f16: return of(Half());
    case Type::bf16: return of(Bfloat());
  }
}

void cast(Type from, Type to, const void* x, bool turn, int64_t rows, int64_t columns, void* result) {
  switch (from) {
    case Type::f32: return cast_from(in<float>(x), to, turn, rows, columns, result);
    case Type::f16: return cast_from(in<Half>(x), to, turn, rows, columns, result);
    case Type::bf16: return cast_from(in<Bfloat>(x), to, turn, rows, columns, result);
  }
}

}  // namespace

extern const Kernels kernels = {linear, attention, norm, rotate, cast};

}  // namespace TARGET
