// Operations of TensorFlow's CPU device whose kernels are ours, registered through TensorFlow's own C interface
// (tensorflow/c/kernels.h, ops.h) when this addon is loaded.
#include <node_api.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "kernels.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "threads.h"

namespace {

const Kernels* kernels = nullptr;

struct Deleter {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
  void operator()(TF_Status* status) const { TF_DeleteStatus(status); }
};
using Tensor = std::unique_ptr<TF_Tensor, Deleter>;
using Status = std::unique_ptr<TF_Status, Deleter>;

// A size that an operation is given, and where it goes. JavaScript is told the names, so that no size crosses by its position.
template <class S>
struct Size {
  const char* name;
  int64_t S::*field;
};

template <class S>
using Sizes = std::vector<Size<S>>;

// One run of an operation. The first thing that is wrong is its failure; nothing is computed after.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}

  int inputs() const { return TF_NumInputs(context_); }
  int outputs() const { return TF_NumOutputs(context_); }

  Tensor input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_.get());
    check();
    return Tensor(tensor);
  }

  // The numbers of an int32 input, `count` of them, none negative.
  std::vector<int64_t> sizes(int index, int64_t count) {
    const Tensor tensor = input(index);
    std::vector<int64_t> numbers(size_t(count), 0);
    if (!expect(tensor.get(), count) || !ok()) return numbers;
    const int32_t* from = static_cast<const int32_t*>(TF_TensorData(tensor.get()));
    for (int64_t i = 0; i < count; i++) {
      numbers[size_t(i)] = from[i];
      require(from[i] >= 0, "a size is negative");
    }
    return numbers;
  }

  // The sizes of an int32 input, into the fields that they are the names of.
  template <class S>
  void sizes(int index, const Sizes<S>& named, S& into) {
    const std::vector<int64_t> numbers = sizes(index, int64_t(named.size()));
    for (size_t i = 0; i < named.size(); i++) into.*named[i].field = numbers[i];
  }

  Tensor output(int index, TF_DataType type, const std::vector<int64_t>& shape) {
    if (!ok()) return Tensor();
    const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
    const size_t bytes = size_t(count) * TF_DataTypeSize(type);
    Tensor tensor(TF_AllocateOutput(context_, index, type, shape.data(), int(shape.size()), bytes, status_.get()));
    check();
    return tensor;
  }

  void set_output(int index, const Tensor& tensor) {
    if (!ok()) return;
    TF_SetOutput(context_, index, tensor.get(), status_.get());
    check();
  }

  // Whether the tensor has so many elements; a failure otherwise.
  bool expect(const TF_Tensor* tensor, int64_t count) {
    require(tensor != nullptr && TF_TensorElementCount(tensor) == count, "an input does not have the size that was told");
    return ok();
  }

  void require(bool condition, const char* otherwise) {
    if (condition || failed_) return;
    TF_SetStatus(status_.get(), TF_INVALID_ARGUMENT, otherwise);
    check();
  }

  bool ok() const { return !failed_; }

 private:
  void check() {
    if (failed_ || TF_GetCode(status_.get()) == TF_OK) return;
    failed_ = true;
    TF_OpKernelContext_Failure(context_, status_.get());
  }

  TF_OpKernelContext* context_;
  Status status_;
  bool failed_ = false;
};

Type type_of(const Tensor& tensor) {
  const TF_DataType type = TF_TensorType(tensor.get());
  return type == TF_HALF ? Type::f16 : type == TF_BFLOAT16 ? Type::bf16 : Type::f32;
}

template <class T = void>
T* data(const Tensor& tensor) { return static_cast<T*>(TF_TensorData(tensor.get())); }

// The packed matrix that a tensor of bytes holds, or null and a failure.
const Matrix* matrix_of(Call& call, const Tensor& tensor) {
  const Matrix* matrix = data<Matrix>(tensor);
  const int64_t bytes = TF_TensorElementCount(tensor.get());
  const bool whole = bytes >= int64_t(sizeof(Matrix)) && matrix->mark == Matrix::MARK && matrix->bytes() == bytes;
  call.require(whole, "an input is not a packed matrix");
  return call.ok() ? matrix : nullptr;
}

// Matrices, and the biases of those that have one, as inputs of an operation list them.
class Parameters {
 public:
  // Inputs from `first` on: flags, 1 for each matrix with a bias; matrices; biases.
  Parameters(Call& call, int first, int count) {
    const std::vector<int64_t> biased = call.sizes(first, count);
    end_ = first + 1 + count;
    for (int i = 0; i < count && call.ok(); i++) {
      tensors_.push_back(call.input(first + 1 + i));
      if (!call.ok()) return;
      const Matrix* matrix = matrix_of(call, tensors_.back());
      if (matrix == nullptr) return;
      const void* bias = nullptr;
      if (biased[size_t(i)] != 0) {
        tensors_.push_back(call.input(end_++));
        if (!call.expect(tensors_.back().get(), matrix->outputs)) return;
        bias = data(tensors_.back());
      }
      all.push_back({matrix, bias});
    }
  }

  std::vector<Weights> all;

  // The input behind the last of them.
  int end() const { return end_; }

 private:
  int end_;
  std::vector<Tensor> tensors_;
};

// Half types are computed with matrices of their own kind, float32 with all.
bool goes_with(const Weights& weights, Type type, int64_t outputs, int64_t inputs) {
  const Matrix& matrix = *weights.matrix;
  return (type == Type::f32 || matrix.type == type) && matrix.outputs == outputs && matrix.inputs == inputs;
}

// The parameters of layers, as one array that operations take in place of hundreds. It holds them: they are freed with it.
struct alignas(64) Bundle {
  static constexpr uint64_t MARK = 0x4c444e4254444257;  // "WBDTBNDL"
  uint64_t mark;
  Type type;  // of biases and norms
  std::vector<Weights> matrices;
  std::vector<Tensor> norms;
  Parameters parameters;
};

// flags, matrices, biases, norms -> a bundle.
void run_bundle(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor flags = call.input(0);
  if (!call.ok()) return;
  Parameters parameters(call, 0, int(TF_TensorElementCount(flags.get())));
  std::vector<Tensor> norms;
  for (int i = parameters.end(); call.ok() && i < call.inputs(); i++) norms.push_back(call.input(i));
  call.require(!norms.empty(), "there is no norm");
  if (!call.ok()) return;
  const Type type = type_of(norms[0]);
  std::vector<Weights> matrices = parameters.all;
  Bundle* bundle = new Bundle{Bundle::MARK, type, std::move(matrices), std::move(norms), std::move(parameters)};
  const auto free = [](void* data, size_t, void*) { delete static_cast<Bundle*>(data); };
  const int64_t bytes = sizeof *bundle;
  call.set_output(0, Tensor(TF_NewTensor(TF_UINT8, &bytes, 1, bundle, sizeof *bundle, free, nullptr)));
}

// The bundle that a tensor is, or null and a failure.
const Bundle* bundle_of(Call& call, const Tensor& tensor) {
  const Bundle* bundle = data<Bundle>(tensor);
  const bool whole = TF_TensorElementCount(tensor.get()) == int64_t(sizeof(Bundle)) && bundle->mark == Bundle::MARK;
  call.require(whole, "an input is not a bundle of parameters");
  return call.ok() ? bundle : nullptr;
}

// x [..., inputs], flags, matrices [outputs, inputs], biases -> as many results [rows, outputs] or, gated, one.
void run_linear(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0);
  const Tensor flags = call.input(1);
  if (!call.ok()) return;
  const int count = int(TF_TensorElementCount(flags.get()));
  const Parameters parameters(call, 1, count);
  call.require(count > 0, "there is no matrix");
  if (!call.ok()) return;
  const Type type = type_of(x);
  const Matrix& first = *parameters.all[0].matrix;
  const int64_t inputs = first.inputs;
  const int64_t elements = TF_TensorElementCount(x.get());
  call.require(inputs > 0 && elements % inputs == 0, "x does not fit the matrices");
  const bool gated = call.outputs() < count;
  call.require(gated ? count == 2 : call.outputs() == count, "results do not fit the matrices");
  if (!call.ok()) return;
  const int64_t rows = elements / inputs;
  std::vector<Product> products;
  std::vector<Tensor> results;
  for (const Weights& one : parameters.all) {
    const int64_t outputs = gated ? first.outputs : one.matrix->outputs;
    call.require(goes_with(one, type, outputs, inputs), "matrices do not fit each other");
    const bool has_result = !gated || products.empty();
    if (has_result) results.push_back(call.output(int(products.size()), TF_TensorType(x.get()), {rows, outputs}));
    if (!call.ok()) return;
    products.push_back({one.matrix, one.bias, has_result ? data(results.back()) : nullptr, nullptr});
  }
  kernels->linear({type, data(x), rows, inputs, products.data(), count, gated});
}

// x [rows, inputs], a matrix [outputs, inputs], wanted [rows, count] -> [rows, 2 + count] as `LogSums` has it.
void run_log_sums(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0), packed = call.input(1), wanted = call.input(2);
  if (!call.ok()) return;
  const Matrix* matrix = matrix_of(call, packed);
  if (matrix == nullptr) return;
  LogSums l = {};
  l.type = type_of(x);
  call.require(goes_with({matrix, nullptr}, l.type, matrix->outputs, matrix->inputs), "the matrix does not fit x");
  const int64_t elements = TF_TensorElementCount(x.get());
  call.require(matrix->inputs > 0 && elements % matrix->inputs == 0, "x does not fit the matrix");
  if (!call.ok()) return;
  l.x = data(x);
  l.rows = elements / matrix->inputs;
  l.matrix = matrix;
  const int64_t asked = TF_TensorElementCount(wanted.get());
  call.require(l.rows > 0 && asked % l.rows == 0, "what is wanted does not fit x");
  if (!call.ok()) return;
  l.wanted = data<int32_t>(wanted);
  l.count = asked / l.rows;
  const Tensor result = call.output(0, TF_FLOAT, {l.rows, 2 + l.count});
  if (!call.ok()) return;
  l.result = data<float>(result);
  std::fill(l.result, l.result + l.rows * (2 + l.count), 0.0f);
  kernels->log_sums(l);
}

const Sizes<Attention> ATTENTION_SIZES = {
    {"batch", &Attention::batch},   {"heads", &Attention::heads},
    {"groups", &Attention::groups}, {"tokens", &Attention::tokens},
    {"size", &Attention::size},     {"length", &Attention::length},
    {"keyCapacity", &Attention::key_capacity}, {"valueCapacity", &Attention::value_capacity}};

// queries, keys, values, sizes, and what may be seen [batch, length] or nothing.
void run_attention(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor queries = call.input(0), keys = call.input(1), values = call.input(2);
  if (!call.ok()) return;
  Attention a = {};
  a.type = type_of(queries);
  a.queries = data(queries);
  a.keys = data(keys);
  a.values = data(values);
  call.sizes(3, ATTENTION_SIZES, a);
  if (!call.ok()) return;
  call.expect(queries.get(), a.batch * a.heads * a.tokens * a.size);
  call.expect(keys.get(), a.batch * a.groups * a.key_capacity * a.size);
  call.expect(values.get(), a.batch * a.groups * a.value_capacity * a.size);
  call.require(a.groups > 0 && a.heads % a.groups == 0 && a.tokens <= a.length && a.length <= a.key_capacity &&
                   a.length <= a.value_capacity,
               "the sizes of attention do not fit each other");
  Tensor visible;
  if (call.inputs() > 4) {
    visible = call.input(4);
    if (!call.expect(visible.get(), a.batch * a.length)) return;
    a.visible = data<float>(visible);
  }
  const Tensor result = call.output(0, TF_TensorType(queries.get()), {a.batch, a.heads, a.tokens, a.size});
  if (!call.ok()) return;
  a.result = data(result);
  kernels->attention(a);
}

// x [..., size], weight [size], epsilon.
void run_norm(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0), weight = call.input(1), epsilon = call.input(2);
  if (!call.ok()) return;
  const int64_t size = TF_TensorElementCount(weight.get());
  const int64_t elements = TF_TensorElementCount(x.get());
  call.expect(epsilon.get(), 1);
  call.require(size > 0 && elements % size == 0, "x does not fit the norm's weight");
  if (!call.ok()) return;
  const Tensor result = call.output(0, TF_TensorType(x.get()), {elements / size, size});
  if (!call.ok()) return;
  kernels->norm(type_of(x), data(x), data(weight), *data<float>(epsilon), elements / size, size, data(result));
}

const Sizes<Rotation> ROTATION_SIZES = {{"tables", &Rotation::tables},
                                        {"batch", &Rotation::batch},
                                        {"heads", &Rotation::heads},
                                        {"tokens", &Rotation::tokens},
                                        {"size", &Rotation::size}};

// x, cos, sin, sizes.
void run_rotate(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0), cos = call.input(1), sin = call.input(2);
  if (!call.ok()) return;
  Rotation r = {};
  r.type = type_of(x);
  r.x = data(x);
  r.cos = data(cos);
  r.sin = data(sin);
  call.sizes(3, ROTATION_SIZES, r);
  if (!call.ok()) return;
  call.expect(x.get(), r.batch * r.heads * r.tokens * r.size);
  call.expect(cos.get(), r.tables * r.tokens * r.size);
  call.expect(sin.get(), r.tables * r.tokens * r.size);
  call.require((r.tables == 1 || r.tables == r.batch) && r.size % 2 == 0, "the sizes of a rotation do not fit each other");
  const Tensor result = call.output(0, TF_TensorType(x.get()), {r.batch, r.heads, r.tokens, r.size});
  if (!call.ok()) return;
  r.result = data(result);
  kernels->rotate(r);
}

// Whole pages of 2 MiB, where memory has not been touched yet: a matrix is read faster, and asked of the system in fewer steps.
void use_large_pages(void* begin, int64_t bytes) {
  constexpr uintptr_t PAGE = uintptr_t(2) << 20;
  const uintptr_t from = (reinterpret_cast<uintptr_t>(begin) + PAGE - 1) / PAGE * PAGE;
  const uintptr_t to = (reinterpret_cast<uintptr_t>(begin) + uintptr_t(bytes)) / PAGE * PAGE;
  // Only advice: a system without such pages goes on with its own.
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
}

// Bytes in JavaScript's memory that `pack` is to read next.
struct Lent {
  const void* bytes;
  size_t length;
} lent = {nullptr, 0};

struct Packing {
  // Types by the numbers of `Type`; `transposed` is 1 where the bytes are [inputs, outputs], `rounds` where x is rounded for them.
  int64_t from, kept, transposed, rounds, outputs, inputs;
};

const Sizes<Packing> PACKING_SIZES = {{"from", &Packing::from},
                                      {"kept", &Packing::kept},
                                      {"transposed", &Packing::transposed},
                                      {"rounds", &Packing::rounds},
                                      {"outputs", &Packing::outputs},
                                      {"inputs", &Packing::inputs}};

// Packs the lent bytes: a matrix [outputs, inputs], or its transpose.
void run_pack(void*, TF_OpKernelContext* context) {
  Call call(context);
  Packing p = {};
  call.sizes(0, PACKING_SIZES, p);
  call.require(p.from < TYPES && p.kept < TYPES, "there is no such type");
  if (!call.ok()) return;
  const Type from = Type(p.from), kept = Type(p.kept);
  const bool quantised = is_quantised(from) || is_quantised(kept);
  call.require(!quantised || (from == kept && p.transposed == 0 && p.inputs % shape_of(from).inputs == 0),
               "quantised blocks are packed as they are, in whole rows");
  call.require(quantised || p.rounds == 0, "x is rounded only for quantised blocks");
  if (!call.ok()) return;
  Matrix header = {Matrix::MARK, kept, p.rounds != 0, p.outputs, p.inputs};
  call.require(lent.bytes != nullptr && int64_t(lent.length) == stored_bytes(from, p.outputs, p.inputs),
               "the bytes that were lent do not have the size that was told");
  const Tensor result = call.output(0, TF_UINT8, {header.bytes()});
  if (!call.ok()) return;
  use_large_pages(data(result), header.bytes());
  Matrix& matrix = *data<Matrix>(result);
  matrix = header;
  kernels->pack(from, lent.bytes, p.transposed != 0, matrix);
}

// Copies `rows` of `size` elements in each of `stacks` stacks, from one capacity and offset to another.
void copy_rows(const Tensor& from, int64_t from_capacity, const Tensor& to, int64_t to_capacity, int64_t at,
               int64_t stacks, int64_t rows, int64_t size) {
  const size_t row = size_t(size) * TF_DataTypeSize(TF_TensorType(from.get()));
  for (int64_t stack = 0; stack < stacks; stack++) {
    std::memcpy(data<char>(to) + size_t(stack * to_capacity + at) * row,
                data<char>(from) + size_t(stack * from_capacity) * row, size_t(rows) * row);
  }
}

struct Growth {
  int64_t stacks, before, length, capacity, size;
};

const Sizes<Growth> GROWTH_SIZES = {{"stacks", &Growth::stacks},
                                    {"before", &Growth::before},
                                    {"length", &Growth::length},
                                    {"capacity", &Growth::capacity},
                                    {"size", &Growth::size}};

// sizes, and rows [stacks, before, size] or nothing -> [stacks, capacity, size], of which only `length` rows are set.
void run_grow(void*, TF_OpKernelContext* context) {
  Call call(context);
  Growth g = {};
  call.sizes(0, GROWTH_SIZES, g);
  call.require(g.length <= g.before && g.length <= g.capacity, "the sizes of a cache do not fit each other");
  const Tensor result = call.output(0, TF_ExpectedOutputDataType(context, 0), {g.stacks, g.capacity, g.size});
  if (!call.ok() || call.inputs() == 1) return;
  const Tensor old = call.input(1);
  if (call.ok() && call.expect(old.get(), g.stacks * g.before * g.size))
    copy_rows(old, g.before, result, g.capacity, 0, g.stacks, g.length, g.size);
}

struct Addition {
  int64_t stacks, capacity, at, tokens, size;
};

const Sizes<Addition> ADDITION_SIZES = {{"stacks", &Addition::stacks},
                                        {"capacity", &Addition::capacity},
                                        {"at", &Addition::at},
                                        {"tokens", &Addition::tokens},
                                        {"size", &Addition::size}};

// Writes rows [stacks, tokens, size] into a cache [stacks, capacity, size] at row `at`. The one operation that changes its
// input: the caller owns the cache alone.
void run_append(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor cache = call.input(0), more = call.input(1);
  Addition a = {};
  call.sizes(2, ADDITION_SIZES, a);
  if (!call.ok()) return;
  call.expect(cache.get(), a.stacks * a.capacity * a.size);
  call.expect(more.get(), a.stacks * a.tokens * a.size);
  call.require(a.at + a.tokens <= a.capacity, "the cache is full");
  if (call.ok()) copy_rows(more, a.tokens, cache, a.capacity, a.at, a.stacks, a.tokens, a.size);
}

// Layers that follow each other, of the same sizes, and whether they are given cached keys and values, and a mask.
struct GivenLayers : Layer {
  int64_t layers, cached, masked;
};

// A field of Layer as one of what has it.
constexpr int64_t GivenLayers::*of_layer(int64_t Layer::*field) { return field; }

const Sizes<GivenLayers> LAYER_SIZES = {{"layers", &GivenLayers::layers},
                                        {"tables", of_layer(&Layer::tables)},
                                        {"batch", of_layer(&Layer::batch)},
                                        {"tokens", of_layer(&Layer::tokens)},
                                        {"heads", of_layer(&Layer::heads)},
                                        {"groups", of_layer(&Layer::groups)},
                                        {"size", of_layer(&Layer::size)},
                                        {"rotated", of_layer(&Layer::rotated)},
                                        {"length", of_layer(&Layer::length)},
                                        {"keyCapacity", of_layer(&Layer::key_capacity)},
                                        {"valueCapacity", of_layer(&Layer::value_capacity)},
                                        {"cached", &GivenLayers::cached},
                                        {"masked", &GivenLayers::masked}};

// Matrices of a layer: query, key, value, output, gate, up, down.
constexpr int64_t MATRICES = 7;

// x, cos, sin, epsilon, sizes; a bundle of the matrices of all layers and both norms' weights of each; and where they are given each
// layer's cached keys and values, whose last rows it sets, and what may be seen.
void run_layers(void*, TF_OpKernelContext* context) {
  Call call(context);
  std::vector<Tensor> given;
  for (int i = 0; i < 4; i++) given.push_back(call.input(i));
  GivenLayers all = {};
  call.sizes(4, LAYER_SIZES, all);
  call.require(all.layers > 0, "there is no layer");
  if (!call.ok()) return;
  const bool cached = all.cached != 0, masked = all.masked != 0;
  const Tensor bundled = call.input(5);
  if (!call.ok()) return;
  const Bundle* parameters = bundle_of(call, bundled);
  if (parameters == nullptr) return;
  call.require(int64_t(parameters->matrices.size()) == MATRICES * all.layers && int64_t(parameters->norms.size()) == 2 * all.layers,
               "the bundle has not the parameters of so many layers");
  all.type = type_of(given[0]);
  call.require(parameters->type == all.type, "the bundle's parameters have not the type of x");
  if (!call.ok()) return;
  all.x = data(given[0]);
  all.cos = data(given[1]);
  all.sin = data(given[2]);
  const int64_t width = parameters->matrices[0].matrix->inputs;
  call.expect(given[0].get(), all.batch * all.tokens * width);
  call.expect(given[1].get(), all.tables * all.tokens * all.rotated);
  call.expect(given[2].get(), all.tables * all.tokens * all.rotated);
  if (!call.expect(given[3].get(), 1)) return;
  all.epsilon = *data<float>(given[3]);
  call.require((all.tables == 1 || all.tables == all.batch) && all.groups > 0 && all.heads % all.groups == 0 &&
                   all.rotated <= all.size && all.rotated % 2 == 0 && all.tokens <= all.length &&
                   all.length <= all.key_capacity && all.length <= all.value_capacity,
               "the sizes of a layer do not fit each other");
  call.require(cached || all.length == all.tokens, "keys of earlier tokens are not there");
  if (!call.ok()) return;
  std::vector<Tensor> held;
  int next = 6;
  const auto norm = [&](size_t index) -> const void* {
    const Tensor& tensor = parameters->norms[index];
    return call.expect(tensor.get(), width) ? data(tensor) : nullptr;
  };
  const auto take = [&](int64_t count) -> void* {
    if (!call.ok()) return nullptr;
    held.push_back(call.input(next++));
    return call.ok() && call.expect(held.back().get(), count) ? data(held.back()) : nullptr;
  };
  std::vector<Layer> layers(size_t(all.layers), all);
  for (Layer& l : layers) {
    const size_t index = size_t(&l - layers.data());
    const Weights* w = &parameters->matrices[index * MATRICES];
    l.query = w[0];
    l.key = w[1];
    l.value = w[2];
    l.output = w[3];
    l.gate = w[4];
    l.up = w[5];
    l.down = w[6];
    const int64_t inner = l.gate.matrix->outputs;
    call.require(goes_with(l.query, l.type, l.heads * l.size, width) && goes_with(l.key, l.type, l.groups * l.size, width) &&
                     goes_with(l.value, l.type, l.groups * l.size, width) &&
                     goes_with(l.output, l.type, width, l.heads * l.size) && goes_with(l.gate, l.type, inner, width) &&
                     goes_with(l.up, l.type, inner, width) && goes_with(l.down, l.type, width, inner),
                 "the matrices of a layer do not fit each other");
    l.attention_norm = norm(2 * index);
    l.network_norm = norm(2 * index + 1);
  }
  for (Layer& l : layers) {
    if (!cached) break;
    l.keys = take(l.batch * l.groups * l.key_capacity * l.size);
    l.values = take(l.batch * l.groups * l.value_capacity * l.size);
  }
  if (masked) all.visible = static_cast<const float*>(take(all.batch * all.length));
  const Tensor result = call.output(0, TF_TensorType(given[0].get()), {all.batch * all.tokens, width});
  if (!call.ok()) return;
  // What is between two layers goes to and fro, so that the last of them writes the result.
  std::vector<char> between(all.layers > 1 ? size_t(all.batch * all.tokens * width * bytes_of(all.type)) : 0);
  const void* x = all.x;
  for (Layer& l : layers) {
    const int64_t behind = layers.data() + layers.size() - 1 - &l;
    l.visible = all.visible;
    l.x = x;
    l.result = behind % 2 == 0 ? data(result) : between.data();
    kernels->layer(l);
    x = l.result;
  }
}

// The names of an operation's sizes, in the order of their tensor.
template <class S>
std::vector<const char*> names_of(const Sizes<S>& sizes) {
  std::vector<const char*> names;
  for (const Size<S>& size : sizes) names.push_back(size.name);
  return names;
}

struct Operation {
  const char* name;
  std::vector<const char*> attributes, inputs, outputs;
  void (*run)(void*, TF_OpKernelContext*);
  // Whether it changes an input, or depends on more than its inputs.
  bool is_stateful = false;
  std::vector<const char*> sizes = {};
};

constexpr const char* T = "T: {float, half, bfloat16}";

const std::vector<Operation> OPERATIONS = {
    {"WeighbridgeLinear",
     {T, "N: int >= 1", "B: int >= 0", "K: int >= 1"},
     {"x: T", "biased: int32", "matrices: N * uint8", "biases: B * T"},
     {"results: K * T"},
     run_linear},
    {"WeighbridgeBundle",
     {T, "N: int >= 7", "B: int >= 0", "M: int >= 2"},
     {"biased: int32", "matrices: N * uint8", "biases: B * T", "norms: M * T"},
     {"bundle: uint8"},
     run_bundle,
     true},
    {"WeighbridgeLayers",
     {T, "C: int >= 0", "V: int >= 0"},
     {"x: T", "cos: T", "sin: T", "epsilon: float", "sizes: int32", "bundle: uint8", "cached: C * T", "visible: V * float"},
     {"result: T"},
     run_layers,
     true,
     names_of(LAYER_SIZES)},
    {"WeighbridgeLogSums", {T}, {"x: T", "matrix: uint8", "wanted: int32"}, {"result: float"}, run_log_sums},
    {"WeighbridgeAttention",
     {T, "V: int >= 0"},
     {"queries: T", "keys: T", "values: T", "sizes: int32", "visible: V * float"},
     {"result: T"},
     run_attention,
     false,
     names_of(ATTENTION_SIZES)},
    {"WeighbridgeNorm", {T}, {"x: T", "weight: T", "epsilon: float"}, {"result: T"}, run_norm},
    {"WeighbridgeRotate", {T}, {"x: T", "cos: T", "sin: T", "sizes: int32"}, {"result: T"}, run_rotate, false,
     names_of(ROTATION_SIZES)},
    {"WeighbridgePack", {}, {"sizes: int32"}, {"matrix: uint8"}, run_pack, true, names_of(PACKING_SIZES)},
    {"WeighbridgeGrow", {T, "C: int >= 0"}, {"sizes: int32", "cache: C * T"}, {"result: T"}, run_grow,
     false, names_of(GROWTH_SIZES)},
    {"WeighbridgeAppend", {T}, {"cache: T", "more: T", "sizes: int32"}, {}, run_append, true,
     names_of(ADDITION_SIZES)},
};

// @returns what went wrong, or an empty string.
std::string register_all() {
  for (const Operation& operation : OPERATIONS) {
    const Status status(TF_NewStatus());
    TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(operation.name);
    for (const char* attribute : operation.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
    for (const char* input : operation.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
    for (const char* output : operation.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
    TF_OpDefinitionBuilderSetIsStateful(definition, operation.is_stateful);
    TF_RegisterOpDefinition(definition, status.get());
    if (TF_GetCode(status.get()) != TF_OK) return TF_Message(status.get());
    TF_KernelBuilder* builder = TF_NewKernelBuilder(operation.name, "CPU", nullptr, operation.run, nullptr);
    TF_RegisterKernelBuilder(operation.name, builder, status.get());
    if (TF_GetCode(status.get()) != TF_OK) return TF_Message(status.get());
  }
  return "";
}

struct InstructionSet {
  const char* name;
  bool available;
  const Kernels* kernels;
};

// The better first.
std::vector<InstructionSet> instruction_sets() {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  const bool bfloats = avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  return {{"avx512_bf16", bfloats, &avx512_bf16::kernels},
          {"avx512", avx512, &avx512::kernels},
          {"avx2", avx2, &avx2::kernels}};
}

napi_value string_of(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// instructionSets(): string[], those of this machine, the better first
napi_value InstructionSets(napi_env env, napi_callback_info) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const InstructionSet& one : instruction_sets()) {
    if (one.available) napi_set_element(env, list, index++, string_of(env, one.name));
  }
  return list;
}

// typeNames(): string[], those of `Type`, whose numbers are their places
napi_value TypeNames(napi_env env, napi_callback_info) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const char* name : TYPE_NAMES) napi_set_element(env, list, index++, string_of(env, name));
  return list;
}

// operationNames(): string[], those that are registered
napi_value OperationNames(napi_env env, napi_callback_info) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const Operation& operation : OPERATIONS) napi_set_element(env, list, index++, string_of(env, operation.name));
  return list;
}

// sizeNames(operation): string[], in the order of the operation's tensor of sizes
napi_value SizeNames(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  char name[64] = "";
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, name, sizeof name, nullptr) != napi_ok) {
    napi_throw_error(env, nullptr, "expected the name of an operation");
    return nullptr;
  }
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const Operation& operation : OPERATIONS) {
    if (std::strcmp(operation.name, name) != 0) continue;
    for (const char* size : operation.sizes) napi_set_element(env, list, index++, string_of(env, size));
  }
  return list;
}

// start(instructionSet, threads): registers the operations at the first call; later ones only choose.
napi_value Start(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  char name[16] = "";
  int32_t threads = 0;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok || count != 2 ||
      napi_get_value_string_utf8(env, arguments[0], name, sizeof name, nullptr) != napi_ok ||
      napi_get_value_int32(env, arguments[1], &threads) != napi_ok || threads < 1) {
    napi_throw_error(env, nullptr, "expected the name of an instruction set and a number of threads");
    return nullptr;
  }
  const Kernels* chosen = nullptr;
  for (const InstructionSet& one : instruction_sets()) {
    if (one.available && std::strcmp(one.name, name) == 0) chosen = one.kernels;
  }
  if (chosen == nullptr) {
    napi_throw_error(env, nullptr, "this machine does not have that instruction set");
    return nullptr;
  }
  if (kernels == nullptr) {
    const std::string problem = register_all();
    if (!problem.empty()) {
      napi_throw_error(env, nullptr, problem.c_str());
      return nullptr;
    }
  }
  kernels = chosen;
  set_threads(threads);
  return nullptr;
}

// lend(bytes: Uint8Array): what `WeighbridgePack` reads, until it has run; lend() takes it back.
napi_value Lend(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  napi_typedarray_type type;
  void* bytes = nullptr;
  size_t length = 0;
  lent = {nullptr, 0};
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count == 0) return nullptr;
  if (napi_get_typedarray_info(env, argument, &type, &length, &bytes, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    napi_throw_error(env, nullptr, "expected bytes");
    return nullptr;
  }
  lent = {bytes, length};
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const std::initializer_list<std::pair<const char*, napi_callback>> functions = {
      {"instructionSets", InstructionSets}, {"operationNames", OperationNames}, {"sizeNames", SizeNames},
      {"typeNames", TypeNames}, {"start", Start}, {"lend", Lend}};
  for (const auto& [name, callback] : functions) {
    napi_value function = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) != napi_ok) return nullptr;
    if (napi_set_named_property(env, exports, name, function) != napi_ok) return nullptr;
  }
  return exports;
}
