// The kernels for one instruction set: compiled with its flags and -DTARGET=its name.
#include "layer.h"
#include "log-sums.h"
#include "pack.h"

namespace TARGET {
namespace {

void norm(Type type, const void* x, const void* weight, float epsilon, int64_t rows, int64_t size, void* result) {
  const auto of = [&](auto zero) {
    using T = decltype(zero);
    norm_of(static_cast<const T*>(x), static_cast<const T*>(weight), epsilon, rows, size, static_cast<T*>(result));
  };
  switch (type) {
    case Type::f32: return of(float());
    case Type::f16: return of(Half());
    case Type::bf16: return of(Bfloat());
  }
}

void rotate(const Rotation& r) {
  switch (r.type) {
    case Type::f32: return rotate_of<float>(r);
    case Type::f16: return rotate_of<Half>(r);
    case Type::bf16: return rotate_of<Bfloat>(r);
  }
}

}  // namespace

extern const Kernels kernels = {linear, attention, norm, rotate, pack, layer, log_sums};

}  // namespace TARGET
