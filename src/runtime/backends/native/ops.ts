import { WbError } from "../../../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../../../tensor/dtype.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import { checkWeightDtype, toFloat32, type WeightDtype } from "../cast.ts";
import {
  execute,
  failure,
  TF_FLOAT,
  TF_INT32,
  TF_UINT8,
  type Binding,
  type Handle,
  type OpAttribute,
} from "./binding.ts";
import type { NativeCalls } from "./calls.ts";
import { nativeQuantised } from "./quantised.ts";
import {
  COMPUTE_OF_STORED,
  ELEMENT_BYTES,
  keptAs,
  type NativeValues,
  TF_DTYPE,
  valueOf,
  weightOf,
  type NativeValue,
  type NativeWeight,
} from "./values.ts";
import type {
  Activations,
  ComputeDtype,
  Ops,
  OpsMemory,
  LogSums,
  QuantisedWeights,
  ScopeResult,
  Value,
  Weight,
  WeightBytes,
} from "../ops.ts";

export interface NativeOpsFacts {
  readonly device: "cpu" | "cuda";
  readonly compute: ComputeDtype;
  readonly activations: Activations;
  readonly description: string;
  /** Bytes of the GPU's memory that may be used. */
  readonly memoryLimit: number | undefined;
  readonly weightsPass?: Ops["weightsPass"];
}

/**
 * Native TensorFlow through the addon of @tensorflow/tfjs-node. TensorFlow.js has no half dtypes, but the addon runs any
 * operation of TensorFlow on its own handles: `Bitcast` reads bytes as float16 and bfloat16 arrays, and every operation
 * here takes them. On the CPU, operations whose kernels are this package's own run where they are installed.
 */
export class NativeOps implements Ops {
  readonly device: "cpu" | "cuda";
  readonly compute: ComputeDtype;
  readonly description: string;
  readonly maxWeightBytes = Number.MAX_SAFE_INTEGER;
  readonly memoryLimit: number | undefined;
  readonly quantised: QuantisedWeights | undefined;
  readonly logSums: LogSums | undefined;
  readonly weightsPass: Ops["weightsPass"];
  readonly #kernels: NativeCalls | undefined;
  readonly #binding: Binding;
  readonly #values: NativeValues;

  /** @param kernels This package's own, where they are registered; they are for the CPU. */
  constructor(
    binding: Binding,
    values: NativeValues,
    kernels: NativeCalls | undefined,
    facts: NativeOpsFacts,
  ) {
    this.#binding = binding;
    this.#values = values;
    this.#kernels = kernels;
    this.device = facts.device;
    this.compute = facts.compute;
    this.description = facts.description;
    this.memoryLimit = facts.memoryLimit;
    this.weightsPass = facts.weightsPass;
    // Half dtypes are computed with matrices of their own kind.
    const takesBlocks = kernels !== undefined && facts.compute === "f32";
    this.quantised = takesBlocks ? nativeQuantised(kernels, facts.activations) : undefined;
    if (kernels !== undefined)
      this.logSums = (x, weight, wanted) => {
        const sums = kernels.logSums(x, weight, wanted);
        try {
          return this.read(sums);
        } finally {
          this.free(sums);
        }
      };
  }

  weightElementBytes(dtype: Dtype): number {
    const stored = checkWeightDtype(dtype, "a weight");
    return ELEMENT_BYTES[keptAs(stored, 2, this.compute)];
  }

  uploadWeight({ name, bytes, dtype, shape, transposed }: WeightBytes): Weight {
    const stored = checkWeightDtype(dtype, name);
    const from = COMPUTE_OF_STORED[stored];
    const kept = keptAs(stored, shape.length, this.compute);
    if (this.#kernels !== undefined && shape.length === 2) {
      const given = stored === "F64" ? bytesOf(toFloat32(bytes, stored)) : bytes;
      return this.#kernels.pack({ bytes: given, from, kept, shape, transposed });
    }
    const storedShape = transposed ? shape.toReversed() : shape;
    const value = this.#composite(() =>
      this.#cast(this.#fromBytes(bytes, stored, storedShape), kept),
    );
    return this.#values.toWeight(value, shape, transposed);
  }

  /** Stored bytes as an array of their own dtype. */
  #fromBytes(bytes: Uint8Array, stored: WeightDtype, shape: readonly number[]): NativeValue {
    if (stored === "F64") return this.#create(toFloat32(bytes, stored), shape, "f32");
    const dtype = COMPUTE_OF_STORED[stored];
    const elementBytes = DTYPES[stored].bits / 8;
    const rawShape = [...shape, elementBytes];
    const rawId = this.#values.create(rawShape, TF_UINT8, bytes);
    try {
      return this.#runOn(
        "Bitcast",
        [rawId],
        [this.#type("T", TF_UINT8), this.#type("type", TF_DTYPE[dtype])],
        dtype,
      );
    } finally {
      this.#binding.deleteTensor(rawId);
    }
  }

  releaseWeight(weight: Weight): void {
    this.#values.releaseWeight(weightOf(weight));
  }

  vector(weight: Weight): Value {
    return this.#composite(() => {
      const { id, dtype } = weightOf(weight);
      const copy = this.#runOn("Identity", [id], [this.#type("T", TF_DTYPE[dtype])], dtype);
      return this.#cast(copy, this.compute);
    });
  }

  upload(data: Float32Array, shape: readonly number[]): Value {
    return this.#composite(() => this.#cast(this.#create(data, shape, "f32"), this.compute));
  }

  read(value: Value): Float32Array {
    let data: unknown;
    this.scope(() => {
      const id = this.#id(this.#cast(valueOf(value), "f32"));
      try {
        data = this.#binding.tensorDataSync(id);
      } catch (error) {
        throw failure("read", error);
      }
      return undefined;
    });
    if (data instanceof Float32Array) return data;
    throw new WbError("WB7001", "TensorFlow gave an array that is not float32");
  }

  linear(x: Value, weight: Weight, bias?: Weight): Value {
    const kernels = this.#kernels;
    if (kernels !== undefined) return kernels.linear(x, { weight, bias });
    return this.#composite(() => {
      const own = weightOf(weight);
      const [outputs = 0, inputs = 0] = own.shape;
      const rows = (elementCount(x.shape) ?? 0) / Math.max(1, inputs);
      const flat = this.#values.share(this.#compact(x), [rows, inputs]); // [M, I]
      // [O, I] is used as its transpose; [I, O], as Paddle stores it, without a transpose.
      const product = this.#runOn(
        "MatMul",
        [this.#id(flat), this.#weightAs(own, flat.dtype)],
        [
          this.#type("T", TF_DTYPE[flat.dtype]),
          this.#bool("transpose_a", false),
          this.#bool("transpose_b", !own.transposed),
        ],
        flat.dtype,
      ); // [M, O]
      const sum =
        bias === undefined
          ? product
          : this.#binary("AddV2", product, this.#weightAs(weightOf(bias), flat.dtype));
      return this.#values.share(sum, [...x.shape.slice(0, -1), outputs]); // [..., O]
    });
  }

  matmul(left: Value, right: Value, transposeRight = false): Value {
    const { dtype } = left;
    return this.#composite(() =>
      this.#run(
        "BatchMatMulV2",
        [valueOf(left), valueOf(right)],
        [
          this.#type("T", TF_DTYPE[dtype]),
          this.#bool("adj_x", false),
          this.#bool("adj_y", transposeRight),
        ],
        dtype,
      ),
    );
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): Value {
    if (this.#kernels !== undefined) return this.#kernels.rmsNorm(x, weight, epsilon);
    return this.#composite(() => {
      const wide = this.#cast(valueOf(x), "f32");
      const mean = this.#runOn(
        "Mean",
        [this.#id(this.#unary("Square", wide)), this.#values.ints([-1])],
        [this.#type("T", TF_FLOAT), this.#type("Tidx", TF_INT32), this.#bool("keep_dims", true)],
        "f32",
      ); // [..., 1]
      const root = this.#unary("Rsqrt", this.#binary("AddV2", mean, this.#values.number(epsilon)));
      const normed = this.#cast(this.#binary("Mul", wide, this.#id(root)), x.dtype);
      return this.#binary("Mul", normed, this.#weightAs(weightOf(weight), x.dtype));
    });
  }

  softmax(x: Value): Value {
    return this.#composite(() => {
      const wide = this.#cast(valueOf(x), "f32");
      return this.#cast(this.#unary("Softmax", wide), x.dtype);
    });
  }

  silu(x: Value): Value {
    return this.#composite(() => {
      // torch computes silu of a half dtype in float32 and rounds once.
      const wide = this.#cast(valueOf(x), "f32");
      const sigmoid = this.#unary("Sigmoid", wide);
      return this.#cast(this.#binary("Mul", wide, this.#id(sigmoid)), x.dtype);
    });
  }

  add(left: Value, right: Value): Value {
    return this.#composite(() => {
      const [a, b] = [valueOf(left), valueOf(right)];
      const alike =
        a.capacity === undefined &&
        b.capacity === undefined &&
        sameShape(a.shape, b.shape) &&
        sameButForOnes(a.array.shape, b.array.shape);
      if (!alike) {
        return this.#binary("AddV2", a, this.#id(b));
      }
      // Element by element: the shapes of the arrays will do.
      const attributes = [this.#type("T", TF_DTYPE[a.dtype])];
      const sum = this.#runOn("AddV2", [a.array.id, b.array.id], attributes, a.dtype);
      return this.#values.share(sum, a.shape);
    });
  }

  mul(left: Value, right: Value): Value {
    return this.#composite(() => this.#binary("Mul", valueOf(left), this.#id(valueOf(right))));
  }

  scale(x: Value, factor: number): Value {
    return this.#composite(() => {
      if (factor === -1) return this.#unary("Neg", valueOf(x));
      const wide = this.#cast(valueOf(x), "f32");
      return this.#cast(this.#binary("Mul", wide, this.#values.number(factor)), x.dtype);
    });
  }

  maximum(x: Value, floor: number): Value {
    return this.#composite(() => {
      const bound = this.#cast(this.#create(Float32Array.of(floor), [], "f32"), x.dtype);
      return this.#binary("Maximum", valueOf(x), this.#id(bound));
    });
  }

  /** Another look at the same array: TensorFlow is only asked when one of its operations meets the value. */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.#composite(() => this.#values.share(this.#compact(x), shape));
  }

  transpose(x: Value, order: readonly number[]): Value {
    const shape = order.map((axis) => x.shape[axis] ?? 0);
    const long = order.filter((axis) => x.shape[axis] !== 1);
    if (long.every((axis, index) => index === 0 || axis > (long[index - 1] ?? 0))) {
      return this.reshape(x, shape); // only axes of one element change places
    }
    return this.#composite(() =>
      this.#runOn(
        "Transpose",
        [this.#id(valueOf(x)), this.#values.ints(order)],
        [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Tperm", TF_INT32)],
        x.dtype,
      ),
    );
  }

  concat(values: readonly Value[], axis: number): Value {
    const [only, ...others] = values;
    // TensorFlow joins two at least.
    if (only !== undefined && others.length === 0) return this.reshape(only, only.shape);
    const dtype = only?.dtype ?? this.compute;
    return this.#composite(() =>
      this.#runOn(
        "ConcatV2",
        [...values.map((value) => this.#id(valueOf(value))), this.#values.ints(axis)],
        [
          { name: "N", type: this.#binding.TF_ATTR_INT, value: values.length },
          this.#type("T", TF_DTYPE[dtype]),
          this.#type("Tidx", TF_INT32),
        ],
        dtype,
      ),
    );
  }

  slice(x: Value, axis: number, begin: number, size: number): Value {
    if (begin === 0 && size === x.shape[axis]) return this.reshape(x, x.shape);
    return this.#composite(() => this.#slice(this.#compact(x), axis, begin, size));
  }

  #slice(x: NativeValue, axis: number, begin: number, size: number): NativeValue {
    const begins = x.shape.map((_, index) => (index === axis ? begin : 0));
    const sizes = x.shape.map((length, index) => (index === axis ? size : length));
    return this.#runOn(
      "Slice",
      [this.#id(x), this.#values.ints(begins), this.#values.ints(sizes)],
      [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Index", TF_INT32)],
      x.dtype,
    );
  }

  scope<T extends ScopeResult>(work: () => T): T {
    return this.#values.scope(work);
  }

  keep(value: Value): Value {
    this.#values.keep(valueOf(value));
    return value;
  }

  free(value: Value): void {
    this.#values.free(valueOf(value));
  }

  memory(): OpsMemory {
    return this.#values.memory();
  }

  dispose(): void {
    this.#values.freeAll();
  }

  /** An operation made of several: everything but its result is freed. */
  #composite(work: () => NativeValue): NativeValue {
    return this.#values.scope(work);
  }

  /** The value without room for more rows; only our kernels make such room. */
  #compact(x: Value): NativeValue {
    const own = valueOf(x);
    return this.#kernels?.compact(own) ?? own;
  }

  /** The array's number, once the array has the value's own shape. Inside `#composite`: it may make values. */
  #id(x: NativeValue): number {
    if (x.capacity !== undefined) return this.#compact(x).array.id;
    if (sameShape(x.array.shape, x.shape)) return x.array.id;
    const reshaped = this.#runOn(
      "Reshape",
      [x.array.id, this.#values.ints(x.shape)],
      [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Tshape", TF_INT32)],
      x.dtype,
    );
    this.#values.replace(x, reshaped);
    return x.array.id;
  }

  #run(
    name: string,
    inputs: readonly NativeValue[],
    attributes: readonly OpAttribute[],
    dtype: ComputeDtype,
  ): NativeValue {
    return this.#runOn(
      name,
      inputs.map((input) => this.#id(input)),
      attributes,
      dtype,
    );
  }

  /** As `#run`, by the numbers of arrays. */
  #runOn(
    name: string,
    inputs: readonly number[],
    attributes: readonly OpAttribute[],
    dtype: ComputeDtype,
  ): NativeValue {
    const { id, shape } = execute(this.#binding, name, inputs, attributes);
    return this.#values.add(id, shape, shape, dtype);
  }

  #create(data: Float32Array, shape: readonly number[], dtype: ComputeDtype): NativeValue {
    return this.#values.add(this.#values.create(shape, TF_DTYPE[dtype], data), shape, shape, dtype);
  }

  #unary(name: string, x: NativeValue): NativeValue {
    return this.#run(name, [x], [this.#type("T", TF_DTYPE[x.dtype])], x.dtype);
  }

  #binary(name: string, left: NativeValue, right: number): NativeValue {
    return this.#runOn(
      name,
      [this.#id(left), right],
      [this.#type("T", TF_DTYPE[left.dtype])],
      left.dtype,
    );
  }

  /** The value in another dtype; itself where it has that already. */
  #cast(x: NativeValue, dtype: ComputeDtype): NativeValue {
    if (x.dtype === dtype) return x;
    const { id, shape } = this.#castArray(this.#id(x), x.dtype, dtype);
    return this.#values.add(id, shape, shape, dtype);
  }

  #castArray(id: number, from: ComputeDtype, to: ComputeDtype): Handle {
    return execute(
      this.#binding,
      "Cast",
      [id],
      [
        this.#type("SrcT", TF_DTYPE[from]),
        this.#type("DstT", TF_DTYPE[to]),
        this.#bool("Truncate", false),
      ],
    );
  }

  /** The array of a weight in a dtype; a cast one is freed with the scope. */
  #weightAs(weight: NativeWeight, dtype: ComputeDtype): number {
    if (weight.dtype === dtype) return weight.id;
    const { id, shape } = this.#castArray(weight.id, weight.dtype, dtype);
    return this.#values.add(id, shape, shape, dtype).array.id;
  }

  #type(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value };
  }

  #bool(name: string, value: boolean): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** True when two shapes differ in leading ones at most, which broadcasting adds. */
function sameButForOnes(left: readonly number[], right: readonly number[]): boolean {
  const size = Math.max(left.length, right.length);
  return Array.from({ length: size }, (_, axis) => axis + 1).every(
    (axis) => (left.at(-axis) ?? 1) === (right.at(-axis) ?? 1),
  );
}
