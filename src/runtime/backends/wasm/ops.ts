import { WbError } from "../../../errors/wb-error.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import { renderShape, sameShape } from "../../../tensor/shape.ts";
import { checkWeightDtype } from "../cast.ts";
import type {
  Ops,
  OpsMemory,
  QuantisedWeights,
  ScopeResult,
  Value,
  Weight,
  WeightBytes,
} from "../ops.ts";
import { bytesOfElement, isBlockName } from "./blocks.ts";
import { WasmCopies, mismatch } from "./copies.ts";
import type { WasmCalls } from "./calls.ts";
import { MOST_PAGES, PAGE_BYTES } from "./memory.ts";
import { MAX_WEIGHT_BYTES } from "./tensorflow.ts";
import { WasmUploads, keptAs } from "./uploads.ts";
import { sizeOf, valueOf, weightOf, type WasmValue, type WasmValues } from "./values.ts";

/** Bytes of the memory that are left for what threads work in and for what falls between two arrays. */
const RESERVE_BYTES = 128 * 2 ** 20;

/**
 * Operations by the kernels of wasm/decoder, on weights in their stored dtype and in a memory
 * of 4 GiB; what is left by TensorFlow.js, to whose heap the few and small arrays are copied that it takes.
 */
export class WasmOps implements Ops {
  readonly device = "wasm";
  readonly compute = "f32";
  readonly description: string;
  readonly maxWeightBytes = MAX_WEIGHT_BYTES;
  readonly quantised: QuantisedWeights = {
    activations: "f32",
    elementBytes: (type) => (isBlockName(type) ? bytesOfElement(type) : undefined),
    upload: (weight) => this.#uploads.blocks(weight),
  };
  readonly memoryLimit = MOST_PAGES * PAGE_BYTES - RESERVE_BYTES;
  readonly #plain: Ops;
  readonly #values: WasmValues;
  readonly #calls: WasmCalls;
  readonly #copies: WasmCopies;
  readonly #uploads: WasmUploads;

  constructor(plain: Ops, values: WasmValues, calls: WasmCalls, threads: number) {
    const share = threads === 1 ? "1 thread" : `${threads} threads`;
    this.description = `${plain.description}, with kernels on ${share}`;
    this.#plain = plain;
    this.#values = values;
    this.#calls = calls;
    this.#copies = new WasmCopies(this.#values);
    this.#uploads = new WasmUploads(this.#values);
  }

  weightElementBytes(dtype: Dtype): number {
    return keptAs(checkWeightDtype(dtype, "a weight"), 2) === "F32" ? 4 : 2;
  }

  uploadWeight(weight: WeightBytes): Weight {
    return this.#uploads.weight(weight);
  }

  releaseWeight(weight: Weight): void {
    this.#values.releaseWeight(weightOf(weight));
  }

  vector(weight: Weight): Value {
    const { address, shape, dtype } = weightOf(weight);
    if (dtype !== "F32" || shape.length !== 1)
      throw new WbError("WB7001", `a vector of ${dtype} ${renderShape(shape)}`);
    return this.upload(this.#values.kernels.memory.floatsAt(address, sizeOf(shape)).slice(), shape);
  }

  upload(data: Float32Array, shape: readonly number[]): Value {
    if (data.length !== sizeOf(shape)) {
      throw new WbError("WB7001", `${data.length} elements given for shape ${renderShape(shape)}`);
    }
    const value = this.#values.create(shape);
    this.#floats(value).set(data);
    return value;
  }

  read(value: Value): Float32Array {
    let data = new Float32Array(0);
    this.scope(() => {
      data = this.#floats(this.#compact(value)).slice();
      return undefined;
    });
    return data;
  }

  #floats(value: WasmValue): Float32Array {
    return this.#values.kernels.memory.floatsAt(value.address, sizeOf(value.shape));
  }

  linear(x: Value, weight: Weight, bias?: Weight): Value {
    return this.#calls.linear(x, { weight, bias });
  }

  matmul(left: Value, right: Value, transposeRight = false): Value {
    return this.#plainOfTwo(left, right, (a, b) => this.#plain.matmul(a, b, transposeRight));
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): Value {
    return this.scope(() => {
      const own = this.#compact(x);
      const vector = weightOf(weight);
      const size = own.shape.at(-1) ?? 0;
      if (sizeOf(vector.shape) !== size) throw mismatch("norm", own.shape, vector.shape);
      const result = this.#values.create(own.shape);
      const rows = size === 0 ? 0 : sizeOf(own.shape) / size;
      this.#values.kernels.calls.rmsNorm({
        x: own.address,
        weight: vector.address,
        epsilon,
        rows,
        size,
        result: result.address,
      });
      return result;
    });
  }

  softmax(x: Value): Value {
    return this.#plainOfOne(x, (own) => this.#plain.softmax(own));
  }

  silu(x: Value): Value {
    return this.scope(() => {
      const own = this.#compact(x);
      const result = this.#values.create(own.shape);
      const count = sizeOf(own.shape);
      this.#values.kernels.calls.siluAll({ x: own.address, count, result: result.address });
      return result;
    });
  }

  add(left: Value, right: Value): Value {
    if (!sameShape(left.shape, right.shape))
      return this.#plainOfTwo(left, right, (a, b) => this.#plain.add(a, b));
    return this.#elementwise("add", left, right);
  }

  mul(left: Value, right: Value): Value {
    if (!sameShape(left.shape, right.shape))
      return this.#plainOfTwo(left, right, (a, b) => this.#plain.mul(a, b));
    return this.#elementwise("multiply", left, right);
  }

  #elementwise(kernel: "add" | "multiply", left: Value, right: Value): Value {
    return this.scope(() => {
      const [a, b] = [this.#compact(left), this.#compact(right)];
      const result = this.#values.create(a.shape);
      this.#values.kernels.calls[kernel]({
        left: a.address,
        right: b.address,
        count: sizeOf(a.shape),
        result: result.address,
      });
      return result;
    });
  }

  scale(x: Value, factor: number): Value {
    return this.#plainOfOne(x, (own) => this.#plain.scale(own, factor));
  }

  maximum(x: Value, floor: number): Value {
    return this.#plainOfOne(x, (own) => this.#plain.maximum(own, floor));
  }

  reshape(x: Value, shape: readonly number[]): Value {
    return this.scope(() => this.#copies.reshape(this.#compact(x), shape));
  }

  transpose(x: Value, order: readonly number[]): Value {
    return this.scope(() => this.#copies.transpose(this.#compact(x), order));
  }

  concat(values: readonly Value[], axis: number): Value {
    return this.scope(() =>
      this.#copies.concat(
        values.map((value) => this.#compact(value)),
        axis,
      ),
    );
  }

  slice(x: Value, axis: number, begin: number, size: number): Value {
    return this.scope(() => this.#copies.slice(this.#compact(x), axis, begin, size));
  }

  #compact(x: Value): WasmValue {
    return this.#calls.compact(valueOf(x));
  }

  #plainOfOne(x: Value, compute: (x: Value) => Value): Value {
    return this.#byTensorFlow(() => compute(this.#sent(x)));
  }

  #plainOfTwo(left: Value, right: Value, compute: (left: Value, right: Value) => Value): Value {
    return this.#byTensorFlow(() => compute(this.#sent(left), this.#sent(right)));
  }

  #sent(x: Value): Value {
    return this.#plain.upload(this.read(x), x.shape);
  }

  /** The result of TensorFlow.js as a value here; nothing stays on its heap. */
  #byTensorFlow(compute: () => Value): Value {
    const result = this.#plain.scope(compute);
    try {
      return this.upload(this.#plain.read(result), result.shape);
    } finally {
      this.#plain.free(result);
    }
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
    const own = this.#values.memory();
    const plain = this.#plain.memory();
    return { values: own.values + plain.values, bytes: own.bytes + plain.bytes };
  }

  dispose(): void {
    this.#values.freeAll();
    this.#plain.dispose();
  }
}
