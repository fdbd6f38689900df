// Operations of TensorFlow's CPU device whose kernels are ours, registered through TensorFlow's own C interface
// (tensorflow/c/kernels.h, ops.h) when this addon is loaded.
#include <node_api.h>

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

  Tensor output(int index, TF_DataType type, const std::vector<int64_t>& shape) {
    if (!ok()) return Tensor();
    const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
    const size_t bytes = size_t(count) * TF_DataTypeSize(type);
    Tensor tensor(TF_AllocateOutput(context_, index, type, shape.data(), int(shape.size()), bytes, status_.get()));
    check();
    return tensor;
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

int64_t last_axis(const Tensor& tensor) {
  const int rank = TF_NumDims(tensor.get());
  return rank == 0 ? 0 : TF_Dim(tensor.get(), rank - 1);
}

// x [..., inputs], `outputs()` or, gated, twice as many matrices [outputs, inputs], biases of all or none -> [rows, outputs].
void run_linear(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0);
  if (!call.ok()) return;
  // Biases are as many as matrices, or none: told apart by their rank.
  std::vector<Tensor> matrices, biases;
  for (int i = 1; i < call.inputs(); i++) {
    Tensor tensor = call.input(i);
    if (!call.ok()) return;
    (TF_NumDims(tensor.get()) == 2 ? matrices : biases).push_back(std::move(tensor));
  }
  call.require(!matrices.empty() && (biases.empty() || biases.size() == matrices.size()), "biases do not fit the matrices");
  if (!call.ok()) return;
  const int64_t inputs = TF_Dim(matrices[0].get(), 1);
  const int64_t elements = TF_TensorElementCount(x.get());
  call.require(inputs > 0 && elements % inputs == 0, "x does not fit the matrices");
  if (!call.ok()) return;
  const int64_t rows = elements / inputs;
  const bool gated = size_t(call.outputs()) < matrices.size();
  call.require(gated ? matrices.size() == 2 : size_t(call.outputs()) == matrices.size(), "results do not fit the matrices");
  std::vector<Product> products;
  std::vector<Tensor> results;
  for (size_t i = 0; i < matrices.size() && call.ok(); i++) {
    const int64_t outputs = TF_Dim(matrices[i].get(), 0);
    call.require(TF_Dim(matrices[i].get(), 1) == inputs && (!gated || outputs == TF_Dim(matrices[0].get(), 0)),
                 "matrices do not fit each other");
    if (!biases.empty()) call.expect(biases[i].get(), outputs);
    if (i == 0 || !gated) results.push_back(call.output(int(i), TF_TensorType(x.get()), {rows, outputs}));
    if (!call.ok()) return;
    void* result = gated && i > 0 ? nullptr : data(results.back());
    products.push_back({data(matrices[i]), biases.empty() ? nullptr : data(biases[i]), result, outputs});
  }
  if (!call.ok()) return;
  kernels->linear({type_of(x), type_of(matrices[0]), data(x), rows, inputs, products.data(), int(products.size()), gated});
}

// queries, keys, values, batch heads groups tokens size length and two capacities, and what may be seen [batch, length] or nothing.
void run_attention(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor queries = call.input(0), keys = call.input(1), values = call.input(2);
  const std::vector<int64_t> sizes = call.sizes(3, 8);
  if (!call.ok()) return;
  Attention a = {type_of(queries), data(queries), data(keys), data(values), nullptr, nullptr,
                 sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7]};
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

// x, cos, sin, and tables batch heads tokens size.
void run_rotate(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0), cos = call.input(1), sin = call.input(2);
  const std::vector<int64_t> sizes = call.sizes(3, 5);
  if (!call.ok()) return;
  const int64_t tables = sizes[0], batch = sizes[1], heads = sizes[2], tokens = sizes[3], size = sizes[4];
  call.expect(x.get(), batch * heads * tokens * size);
  call.expect(cos.get(), tables * tokens * size);
  call.expect(sin.get(), tables * tokens * size);
  call.require((tables == 1 || tables == batch) && size % 2 == 0, "the sizes of a rotation do not fit each other");
  const Tensor result = call.output(0, TF_TensorType(x.get()), {batch, heads, tokens, size});
  if (!call.ok()) return;
  kernels->rotate(type_of(x), data(x), data(cos), data(sin), tables, batch, heads, tokens, size, data(result));
}

// x [..., columns], and whether to turn it to [columns, rows], in the output's type.
void run_cast(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor x = call.input(0);
  const std::vector<int64_t> turn = call.sizes(1, 1);
  if (!call.ok()) return;
  const int64_t columns = last_axis(x);
  const int64_t rows = columns == 0 ? 0 : TF_TensorElementCount(x.get()) / columns;
  const TF_DataType type = TF_ExpectedOutputDataType(context, 0);
  std::vector<int64_t> shape = {columns, rows};
  if (turn[0] == 0) {
    shape.clear();
    for (int axis = 0; axis < TF_NumDims(x.get()); axis++) shape.push_back(TF_Dim(x.get(), axis));
  }
  const Tensor result = call.output(0, type, shape);
  if (!call.ok()) return;
  kernels->cast(type_of(x), type_of(result), data(x), turn[0] != 0, rows, columns, data(result));
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

// rows [stacks, old capacity, size] and stacks, old capacity, length, new capacity, size -> [stacks, new capacity, size], of
// which only `length` rows are set.
void run_grow(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor old = call.input(0);
  const std::vector<int64_t> sizes = call.sizes(1, 5);
  if (!call.ok()) return;
  const int64_t stacks = sizes[0], before = sizes[1], length = sizes[2], capacity = sizes[3], size = sizes[4];
  call.expect(old.get(), stacks * before * size);
  call.require(length <= before && length <= capacity, "the sizes of a cache do not fit each other");
  const Tensor result = call.output(0, TF_TensorType(old.get()), {stacks, capacity, size});
  if (!call.ok()) return;
  copy_rows(old, before, result, capacity, 0, stacks, length, size);
}

// Writes rows [stacks, tokens, size] into a cache [stacks, capacity, size] at row `at`. The one operation that changes its
// input: whoever calls it owns the cache alone. Sizes: stacks, capacity, at, tokens, size.
void run_append(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor cache = call.input(0), more = call.input(1);
  const std::vector<int64_t> sizes = call.sizes(2, 5);
  if (!call.ok()) return;
  const int64_t stacks = sizes[0], capacity = sizes[1], at = sizes[2], tokens = sizes[3], size = sizes[4];
  call.expect(cache.get(), stacks * capacity * size);
  call.expect(more.get(), stacks * tokens * size);
  call.require(at + tokens <= capacity, "the cache is full");
  if (call.ok()) copy_rows(more, tokens, cache, capacity, at, stacks, tokens, size);
}

struct Operation {
  const char* name;
  std::vector<const char*> attributes, inputs, outputs;
  void (*run)(void*, TF_OpKernelContext*);
};

constexpr const char* T = "T: {float, half, bfloat16}";

const std::vector<Operation> OPERATIONS = {
    {"WeighbridgeLinear",
     {T, "W: {float, half, bfloat16}", "N: int >= 1", "B: int >= 0", "K: int >= 1"},
     {"x: T", "matrices: N * W", "biases: B * T"},
     {"results: K * T"},
     run_linear},
    {"WeighbridgeAttention",
     {T, "V: int >= 0"},
     {"queries: T", "keys: T", "values: T", "sizes: int32", "visible: V * float"},
     {"result: T"},
     run_attention},
    {"WeighbridgeNorm", {T}, {"x: T", "weight: T", "epsilon: float"}, {"result: T"}, run_norm},
    {"WeighbridgeRotate", {T}, {"x: T", "cos: T", "sin: T", "sizes: int32"}, {"result: T"}, run_rotate},
    {"WeighbridgeCast",
     {"SrcT: {float, half, bfloat16}", "DstT: {float, half, bfloat16}"},
     {"x: SrcT", "turn: int32"},
     {"result: DstT"},
     run_cast},
    {"WeighbridgeGrow", {T}, {"cache: T", "sizes: int32"}, {"result: T"}, run_grow},
    {"WeighbridgeAppend", {T}, {"cache: T", "more: T", "sizes: int32"}, {}, run_append},
};

// @returns what went wrong, or an empty string.
std::string register_all() {
  for (const Operation& operation : OPERATIONS) {
    const Status status(TF_NewStatus());
    TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(operation.name);
    for (const char* attribute : operation.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
    for (const char* input : operation.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
    for (const char* output : operation.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
    TF_OpDefinitionBuilderSetIsStateful(definition, operation.outputs.empty());
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
  const bool bfloats = avx512 && __builtin_cpu_supports("avx512bf16");
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

}  // namespace

NAPI_MODULE_INIT() {
  const std::initializer_list<std::pair<const char*, napi_callback>> functions = {
      {"instructionSets", InstructionSets}, {"start", Start}};
  for (const auto& [name, callback] : functions) {
    napi_value function = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) != napi_ok) return nullptr;
    if (napi_set_named_property(env, exports, name, function) != napi_ok) return nullptr;
  }
  return exports;
}
