import { WbError } from "../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/shape.ts";
import { checkWeightDtype, toFloat32, type WeightDtype } from "./cast.ts";
import {
  execute,
  failure,
  TF_BFLOAT16,
  TF_FLOAT,
  TF_HALF,
  TF_INT32,
  TF_UINT8,
  type Binding,
  type Handle,
  type OpAttribute,
} from "./native-binding.ts";
import type {
  ComputeDtype,
  Ops,
  OpsMemory,
  ScopeResult,
  Value,
  Weight,
  WeightBytes,
} from "./ops.ts";

const TF_DTYPE: Readonly<Record<ComputeDtype, number>> = {
  f32: TF_FLOAT,
  f16: TF_HALF,
  bf16: TF_BFLOAT16,
};

const COMPUTE_OF_STORED: Readonly<Record<WeightDtype, ComputeDtype>> = {
  F16: "f16",
  BF16: "bf16",
  F32: "f32",
  F64: "f32",
};

const ELEMENT_BYTES: Readonly<Record<ComputeDtype, number>> = { f32: 4, f16: 2, bf16: 2 };

class NativeValue implements Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;

  constructor(id: number, shape: readonly number[], dtype: ComputeDtype) {
    this.id = id;
    this.shape = shape;
    this.dtype = dtype;
  }

  get byteLength(): number {
    return (elementCount(this.shape) ?? 0) * ELEMENT_BYTES[this.dtype];
  }
}

class NativeWeight implements Weight {
  readonly id: number;
  readonly shape: readonly number[];
  /** What it lies on the device as; a matrix keeps a half dtype when the computation is in float32. */
  readonly dtype: ComputeDtype;
  readonly transposed: boolean;

  constructor(id: number, shape: readonly number[], dtype: ComputeDtype, transposed: boolean) {
    this.id = id;
    this.shape = shape;
    this.dtype = dtype;
    this.transposed = transposed;
  }

  get byteLength(): number {
    return (elementCount(this.shape) ?? 0) * ELEMENT_BYTES[this.dtype];
  }
}

export interface NativeOpsFacts {
  readonly device: "cpu" | "cuda";
  readonly compute: ComputeDtype;
  readonly description: string;
  /** Bytes of the GPU's memory that may be used. */
  readonly memoryLimit: number | undefined;
}

/**
 * Native TensorFlow through the addon of @tensorflow/tfjs-node. TensorFlow.js has no half dtypes, but the addon runs any
 * operation of TensorFlow on its own handles: `Bitcast` turns bytes into float16 and bfloat16 arrays, and every operation
 * here takes them.
 */
export class NativeOps implements Ops {
  readonly device: "cpu" | "cuda";
  readonly compute: ComputeDtype;
  readonly description: string;
  readonly maxWeightBytes = Number.MAX_SAFE_INTEGER;
  readonly memoryLimit: number | undefined;
  readonly #binding: Binding;
  readonly #scopes: Set<NativeValue>[] = [];
  readonly #values = new Set<NativeValue>();
  readonly #weights = new Set<NativeWeight>();

  constructor(binding: Binding, facts: NativeOpsFacts) {
    this.#binding = binding;
    this.device = facts.device;
    this.compute = facts.compute;
    this.description = facts.description;
    this.memoryLimit = facts.memoryLimit;
  }

  weightElementBytes(dtype: Dtype): number {
    const stored = COMPUTE_OF_STORED[checkWeightDtype(dtype, "a weight")];
    return ELEMENT_BYTES[this.#keptAs(stored, 2)];
  }

  /**
   * A matrix in a half dtype stays in it when the computation is in float32: it is cast when it is used, which takes twice the
   * time of a float32 matrix but half its memory.
   */
  #keptAs(stored: ComputeDtype, rank: number): ComputeDtype {
    return this.compute === "f32" && rank === 2 ? stored : this.compute;
  }

  uploadWeight({ name, bytes, dtype, shape, transposed }: WeightBytes): Weight {
    const stored = checkWeightDtype(dtype, name);
    const lying = transposed ? shape.toReversed() : shape;
    const kept = this.#keptAs(COMPUTE_OF_STORED[stored], shape.length);
    const id = this.#scoped(() => this.#cast(this.#fromBytes(bytes, stored, lying), kept));
    const weight = new NativeWeight(id, shape, kept, transposed);
    this.#weights.add(weight);
    return weight;
  }

  /** Stored bytes as an array of their own dtype. */
  #fromBytes(bytes: Uint8Array, stored: WeightDtype, shape: readonly number[]): NativeValue {
    if (stored === "F64") return this.#create(toFloat32(bytes, stored), shape, "f32");
    const dtype = COMPUTE_OF_STORED[stored];
    const elementBytes = DTYPES[stored].bits / 8;
    const raw = this.#track(this.#createHandle([...shape, elementBytes], TF_UINT8, bytes), "f32");
    return this.#run(
      "Bitcast",
      [raw.id],
      [this.#type("T", TF_UINT8), this.#type("type", TF_DTYPE[dtype])],
      dtype,
    );
  }

  releaseWeight(weight: Weight): void {
    const own = weightOf(weight);
    if (this.#weights.delete(own)) this.#binding.deleteTensor(own.id);
  }

  upload(data: Float32Array, shape: readonly number[]): Value {
    return this.#composite(() => this.#cast(this.#create(data, shape, "f32"), this.compute));
  }

  read(value: Value): Float32Array {
    const own = valueOf(value);
    let data: unknown;
    const wide = own.dtype === "f32" ? undefined : this.#castHandle(own, "f32");
    try {
      data = this.#binding.tensorDataSync(wide?.id ?? own.id);
    } catch (error) {
      throw failure("read", error);
    } finally {
      if (wide !== undefined) this.#binding.deleteTensor(wide.id);
    }
    if (data instanceof Float32Array) return data;
    throw new WbError("WB7001", "TensorFlow gave an array that is not float32");
  }

  linear(x: Value, weight: Weight, bias?: Weight): Value {
    return this.#composite(() => {
      const own = weightOf(weight);
      const [outputs = 0, inputs = 0] = own.shape;
      const rows = (elementCount(x.shape) ?? 0) / Math.max(1, inputs);
      const flat = this.#reshape(valueOf(x), [rows, inputs]); // [M, I]
      const matrix = this.#weightAs(own, flat.dtype);
      // [O, I] is used as its transpose; [I, O], as Paddle lays it, as it lies.
      const product = this.#run(
        "MatMul",
        [flat.id, matrix.id],
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
      return this.#reshape(sum, [...x.shape.slice(0, -1), outputs]); // [..., O]
    });
  }

  matmul(left: Value, right: Value, transposeRight = false): Value {
    const { dtype } = left;
    return this.#run(
      "BatchMatMulV2",
      [valueOf(left).id, valueOf(right).id],
      [
        this.#type("T", TF_DTYPE[dtype]),
        this.#bool("adj_x", false),
        this.#bool("adj_y", transposeRight),
      ],
      dtype,
    );
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): Value {
    return this.#composite(() => {
      const wide = this.#cast(valueOf(x), "f32");
      const axis = this.#ints([-1]);
      const mean = this.#run(
        "Mean",
        [this.#unary("Square", wide).id, axis.id],
        [this.#type("T", TF_FLOAT), this.#type("Tidx", TF_INT32), this.#bool("keep_dims", true)],
        "f32",
      ); // [..., 1]
      const root = this.#unary("Rsqrt", this.#binary("AddV2", mean, this.#number(epsilon)));
      const normed = this.#cast(this.#binary("Mul", wide, root), x.dtype);
      return this.#binary("Mul", this.#weightAs(weightOf(weight), x.dtype), normed);
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
      return this.#cast(this.#binary("Mul", wide, this.#unary("Sigmoid", wide)), x.dtype);
    });
  }

  add(left: Value, right: Value): Value {
    return this.#binary("AddV2", valueOf(left), valueOf(right));
  }

  mul(left: Value, right: Value): Value {
    return this.#binary("Mul", valueOf(left), valueOf(right));
  }

  scale(x: Value, factor: number): Value {
    if (factor === -1) return this.#unary("Neg", valueOf(x));
    return this.#composite(() => {
      const wide = this.#cast(valueOf(x), "f32");
      return this.#cast(this.#binary("Mul", wide, this.#number(factor)), x.dtype);
    });
  }

  maximum(x: Value, floor: number): Value {
    return this.#composite(() => {
      const bound = this.#cast(this.#number(floor), x.dtype);
      return this.#binary("Maximum", valueOf(x), bound);
    });
  }

  reshape(x: Value, shape: readonly number[]): Value {
    return this.#composite(() => this.#reshape(valueOf(x), shape));
  }

  transpose(x: Value, order: readonly number[]): Value {
    return this.#composite(() =>
      this.#run(
        "Transpose",
        [valueOf(x).id, this.#ints(order).id],
        [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Tperm", TF_INT32)],
        x.dtype,
      ),
    );
  }

  concat(values: readonly Value[], axis: number): Value {
    const dtype = values[0]?.dtype ?? this.compute;
    return this.#composite(() =>
      this.#run(
        "ConcatV2",
        [...values.map((value) => valueOf(value).id), this.#ints(axis).id],
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
    return this.#composite(() => {
      const begins = this.#ints(x.shape.map((_, index) => (index === axis ? begin : 0)));
      const sizes = this.#ints(x.shape.map((length, index) => (index === axis ? size : length)));
      return this.#run(
        "Slice",
        [valueOf(x).id, begins.id, sizes.id],
        [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Index", TF_INT32)],
        x.dtype,
      );
    });
  }

  scope<T extends ScopeResult>(work: () => T): T {
    const made = new Set<NativeValue>();
    this.#scopes.push(made);
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.#scopes.pop();
      for (const value of made) this.#dispose(value);
      throw error;
    }
    this.#scopes.pop();
    const kept = new Set<unknown>(Array.isArray(result) ? result : [result]);
    const outer = this.#scopes.at(-1);
    for (const value of made) {
      if (!kept.has(value)) this.#dispose(value);
      else outer?.add(value);
    }
    return result;
  }

  keep(value: Value): Value {
    for (const made of this.#scopes) made.delete(valueOf(value));
    return value;
  }

  free(value: Value): void {
    const own = valueOf(value);
    for (const made of this.#scopes) made.delete(own);
    this.#dispose(own);
  }

  memory(): OpsMemory {
    let bytes = 0;
    for (const value of this.#values) bytes += value.byteLength;
    for (const weight of this.#weights) bytes += weight.byteLength;
    // The addon's own count, so that a handle that is lost here still shows.
    return { values: this.#binding.getNumOfTensors(), bytes };
  }

  dispose(): void {
    for (const value of this.#values) this.#binding.deleteTensor(value.id);
    for (const weight of this.#weights) this.#binding.deleteTensor(weight.id);
    this.#values.clear();
    this.#weights.clear();
  }

  /** An operation made of several: everything but its result is freed. */
  #composite(work: () => NativeValue): NativeValue {
    return this.scope(work);
  }

  /** As `#composite`, for a result that outlives every scope. */
  #scoped(work: () => NativeValue): number {
    const value = this.scope(work);
    for (const made of this.#scopes) made.delete(value);
    this.#values.delete(value);
    return value.id;
  }

  #dispose(value: NativeValue): void {
    if (this.#values.delete(value)) this.#binding.deleteTensor(value.id);
  }

  #run(
    name: string,
    inputs: readonly number[],
    attributes: readonly OpAttribute[],
    dtype: ComputeDtype,
  ): NativeValue {
    return this.#track(execute(this.#binding, name, inputs, attributes), dtype);
  }

  #track({ id, shape }: Pick<Handle, "id" | "shape">, dtype: ComputeDtype): NativeValue {
    const value = new NativeValue(id, shape, dtype);
    this.#values.add(value);
    this.#scopes.at(-1)?.add(value);
    return value;
  }

  #createHandle(
    shape: readonly number[],
    dtype: number,
    data: Float32Array | Int32Array | Uint8Array,
  ): Pick<Handle, "id" | "shape"> {
    try {
      return { id: this.#binding.createTensor(shape, dtype, data), shape };
    } catch (error) {
      throw failure("upload", error);
    }
  }

  #create(data: Float32Array, shape: readonly number[], dtype: ComputeDtype): NativeValue {
    return this.#track(this.#createHandle(shape, TF_DTYPE[dtype], data), dtype);
  }

  #number(value: number): NativeValue {
    return this.#create(Float32Array.of(value), [], "f32");
  }

  /** Whole numbers that an operation takes as an argument; one number gives a scalar. */
  #ints(values: number | readonly number[]): NativeValue {
    const list = typeof values === "number" ? [values] : values;
    const shape = typeof values === "number" ? [] : [list.length];
    return this.#track(this.#createHandle(shape, TF_INT32, Int32Array.from(list)), "f32");
  }

  #reshape(x: NativeValue, shape: readonly number[]): NativeValue {
    return this.#run(
      "Reshape",
      [x.id, this.#ints(shape).id],
      [this.#type("T", TF_DTYPE[x.dtype]), this.#type("Tshape", TF_INT32)],
      x.dtype,
    );
  }

  #unary(name: string, x: NativeValue): NativeValue {
    return this.#run(name, [x.id], [this.#type("T", TF_DTYPE[x.dtype])], x.dtype);
  }

  #binary(name: string, left: NativeValue, right: NativeValue): NativeValue {
    return this.#run(
      name,
      [left.id, right.id],
      [this.#type("T", TF_DTYPE[left.dtype])],
      left.dtype,
    );
  }

  /** The value in another dtype; itself where it has that already. */
  #cast(x: NativeValue, dtype: ComputeDtype): NativeValue {
    return x.dtype === dtype ? x : this.#track(this.#castHandle(x, dtype), dtype);
  }

  #castHandle(
    x: { readonly id: number; readonly dtype: ComputeDtype },
    dtype: ComputeDtype,
  ): Handle {
    return execute(
      this.#binding,
      "Cast",
      [x.id],
      [
        this.#type("SrcT", TF_DTYPE[x.dtype]),
        this.#type("DstT", TF_DTYPE[dtype]),
        this.#bool("Truncate", false),
      ],
    );
  }

  #weightAs(weight: NativeWeight, dtype: ComputeDtype): { readonly id: number } & NativeValue {
    if (weight.dtype !== dtype) return this.#track(this.#castHandle(weight, dtype), dtype);
    return new NativeValue(weight.id, weight.shape, dtype);
  }

  #type(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value };
  }

  #bool(name: string, value: boolean): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }
}

function valueOf(value: Value): NativeValue {
  if (value instanceof NativeValue) return value;
  throw new WbError("WB7001", "a value of another backend was given to native TensorFlow");
}

function weightOf(weight: Weight): NativeWeight {
  if (weight instanceof NativeWeight) return weight;
  throw new WbError("WB7001", "a weight of another backend was given to native TensorFlow");
}
