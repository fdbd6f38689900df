import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { WbError } from "../../../errors/wb-error.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import { elementCount, renderShape } from "../../../tensor/shape.ts";
import { checkWeightDtype, toFloat32, toFloat32Transposed } from "../cast.ts";
import type { Ops, OpsMemory, ScopeResult, Value, Weight, WeightBytes } from "../ops.ts";
import { WASM_HEAP_LIMIT, guardHeap, type HeapGuard } from "./heap.ts";
import { Scopes } from "../scopes.ts";
import { withoutItsListeners } from "./process-listeners.ts";

/** Largest matrix in one piece, in bytes: an MLP weight of a 7B model has 180 MB, its head 1.7 GB. */
export const MAX_WEIGHT_BYTES = 256 * 2 ** 20;

/** Bytes of the heap that are left for the module itself and for what falls between two allocations. */
const HEAP_RESERVE_BYTES = 128 * 2 ** 20;

/** From this many rows on, XNNPACK's product of one matrix after another beats the plain loop over all of them. */
const MIN_ROWS_FOR_XNNPACK = 8;

class WasmValue implements Value {
  readonly tensor: tf.Tensor;
  readonly dtype = "f32";

  constructor(tensor: tf.Tensor) {
    this.tensor = tensor;
  }

  get shape(): readonly number[] {
    return this.tensor.shape;
  }
}

class WasmWeight implements Weight {
  readonly tensor: tf.Tensor;

  constructor(tensor: tf.Tensor) {
    this.tensor = tensor;
  }

  get shape(): readonly number[] {
    return this.tensor.shape;
  }

  get byteLength(): number {
    return this.tensor.size * 4;
  }
}

let guard: HeapGuard | undefined;

/**
 * The WebAssembly backend of TensorFlow.js in Node: float32, one thread, nothing to install.
 * @throws WbError WB6202 when the module cannot be loaded.
 */
export async function openTensorFlowOps(): Promise<Ops> {
  const entry = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  if (guard === undefined) {
    setWasmPaths(`${dirname(entry)}${sep}`);
    const ready = await withoutItsListeners(() => tf.setBackend("wasm"));
    const backend = tf.backend();
    if (!ready || !(backend instanceof BackendWasm)) {
      throw new WbError("WB6202", "the WebAssembly backend of TensorFlow.js did not start");
    }
    guard = guardHeap(backend);
  }
  const simd = tf.env().getBool("WASM_HAS_SIMD_SUPPORT");
  return new TensorFlowOps(`TensorFlow.js ${tf.version_core} wasm${simd ? ", simd" : ""}`, guard);
}

class TensorFlowOps implements Ops {
  readonly device = "wasm";
  readonly compute = "f32";
  readonly description: string;
  readonly maxWeightBytes = MAX_WEIGHT_BYTES;
  readonly memoryLimit = WASM_HEAP_LIMIT - HEAP_RESERVE_BYTES;
  readonly #guard: HeapGuard;
  readonly #scopes = new Scopes<WasmValue>((value) => {
    this.#dispose(value);
  });
  readonly #live = new Set<WasmValue | WasmWeight>();

  constructor(description: string, heap: HeapGuard) {
    this.description = description;
    this.#guard = heap;
  }

  weightElementBytes(dtype: Dtype): number {
    checkWeightDtype(dtype, "a weight");
    return 4;
  }

  uploadWeight({ name, bytes, dtype, shape, transposed }: WeightBytes): Weight {
    const stored = checkWeightDtype(dtype, name);
    const [rows = 1, columns = 1] = shape;
    // Transposed while it is cast: the heap needs a float32 copy anyway, and XNNPACK then has one way for both layouts.
    const data = transposed
      ? toFloat32Transposed(bytes, stored, rows, columns)
      : toFloat32(bytes, stored);
    if (data.length !== elementCount(shape)) {
      throw new WbError(
        "WB7001",
        `${name}: ${data.length} elements given for shape ${renderShape(shape)}`,
      );
    }
    const weight = new WasmWeight(tf.tensor(data, [...shape], "float32"));
    this.#live.add(weight);
    return weight;
  }

  releaseWeight(weight: Weight): void {
    const own = weightOf(weight);
    this.#live.delete(own);
    own.tensor.dispose();
  }

  vector(weight: Weight): Value {
    return this.#own(() => tf.clone(weightOf(weight).tensor));
  }

  upload(data: Float32Array, shape: readonly number[]): Value {
    return this.#own(() => tf.tensor(data, [...shape], "float32"));
  }

  read(value: Value): Float32Array {
    const data = tensorOf(value).dataSync();
    if (data instanceof Float32Array) return data;
    throw new WbError("WB7001", "the WebAssembly backend gave an array that is not float32");
  }

  linear(x: Value, weight: Weight, bias?: Weight): Value {
    return this.#own(() => {
      const input = tensorOf(x); // [..., I]
      const matrix = weightOf(weight).tensor; // [O, I]
      const [outputs = 0, inputs = 0] = matrix.shape;
      const rows = inputs === 0 ? 0 : input.size / inputs;
      // W · xᵀ rather than x · Wᵀ: XNNPACK packs a copy of its right side, which must not be the weight.
      const columns = tf.transpose(tf.reshape(input, [rows, inputs]), [1, 0]); // [I, M]
      this.#guard.reserveProduct(outputs, inputs, rows);
      const product = tf.transpose(tf.matMul(matrix, columns), [1, 0]); // [O, M] -> [M, O]
      const sum = bias === undefined ? product : tf.add(product, weightOf(bias).tensor);
      return tf.reshape(sum, [...input.shape.slice(0, -1), outputs]); // [..., O]
    });
  }

  matmul(left: Value, right: Value, transposeRight = false): Value {
    const a = tensorOf(left);
    const b = tensorOf(right);
    const rows = a.shape.at(-2) ?? 1;
    return this.#own(() => {
      if (rows >= MIN_ROWS_FOR_XNNPACK) return this.#matmulEach(a, b, transposeRight);
      this.#guard.reserveProduct(
        rows,
        a.shape.at(-1) ?? 0,
        b.shape.at(transposeRight ? -2 : -1) ?? 0,
      );
      return tf.matMul(a, b, false, transposeRight);
    });
  }

  /** One matrix after another: XNNPACK multiplies only single, untransposed ones. */
  #matmulEach(a: tf.Tensor, b: tf.Tensor, transposeRight: boolean): tf.Tensor {
    const batch = a.shape.slice(0, -2);
    const count = elementCount(batch) ?? 0;
    const [rows = 0, inner = 0] = a.shape.slice(-2);
    const columns = (transposeRight ? b.shape.at(-2) : b.shape.at(-1)) ?? 0;
    const left = tf.reshape<tf.Rank.R3>(a, [count, rows, inner]); // [N, M, K]
    const right = transposeRight
      ? tf.transpose<tf.Tensor3D>(tf.reshape(b, [count, columns, inner]), [0, 2, 1])
      : tf.reshape<tf.Rank.R3>(b, [count, inner, columns]); // [N, K, C]
    const products = Array.from({ length: count }, (_, index) =>
      tf.tidy(() => {
        this.#guard.reserveProduct(rows, inner, columns);
        return tf.matMul(
          tf.reshape<tf.Rank.R2>(tf.slice3d(left, [index, 0, 0], [1, rows, inner]), [rows, inner]),
          tf.reshape<tf.Rank.R2>(tf.slice3d(right, [index, 0, 0], [1, inner, columns]), [
            inner,
            columns,
          ]),
        );
      }),
    );
    return tf.reshape(tf.concat(products, 0), [...batch, rows, columns]); // [..., M, C]
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): Value {
    return this.#own(() => {
      const input = tensorOf(x);
      const variance = tf.mean(tf.square(input), -1, true); // [..., 1]
      const normed = tf.mul(input, tf.rsqrt(tf.add(variance, tf.scalar(epsilon))));
      return tf.mul(weightOf(weight).tensor, normed);
    });
  }

  softmax(x: Value): Value {
    return this.#own(() => tf.softmax(tensorOf(x)));
  }

  silu(x: Value): Value {
    return this.#own(() => tf.mul(tensorOf(x), tf.sigmoid(tensorOf(x))));
  }

  add(left: Value, right: Value): Value {
    return this.#own(() => tf.add(tensorOf(left), tensorOf(right)));
  }

  mul(left: Value, right: Value): Value {
    return this.#own(() => tf.mul(tensorOf(left), tensorOf(right)));
  }

  scale(x: Value, factor: number): Value {
    return this.#own(() => tf.mul(tensorOf(x), tf.scalar(factor)));
  }

  maximum(x: Value, floor: number): Value {
    return this.#own(() => tf.maximum(tensorOf(x), tf.scalar(floor)));
  }

  reshape(x: Value, shape: readonly number[]): Value {
    return this.#own(() => tf.reshape(tensorOf(x), [...shape]));
  }

  transpose(x: Value, order: readonly number[]): Value {
    return this.#own(() => tf.transpose(tensorOf(x), [...order]));
  }

  concat(values: readonly Value[], axis: number): Value {
    return this.#own(() =>
      tf.concat(
        values.map((value) => tensorOf(value)),
        axis,
      ),
    );
  }

  slice(x: Value, axis: number, begin: number, size: number): Value {
    return this.#own(() => {
      const input = tensorOf(x);
      const begins = input.shape.map((_, index) => (index === axis ? begin : 0));
      const sizes = input.shape.map((length, index) => (index === axis ? size : length));
      return tf.slice(input, begins, sizes);
    });
  }

  scope<T extends ScopeResult>(work: () => T): T {
    return this.#scopes.run(work);
  }

  keep(value: Value): Value {
    this.#scopes.keep(valueOf(value));
    return value;
  }

  free(value: Value): void {
    const own = valueOf(value);
    this.#scopes.keep(own);
    this.#dispose(own);
  }

  memory(): OpsMemory {
    const { numTensors, numBytes } = tf.memory();
    return { values: numTensors, bytes: numBytes };
  }

  dispose(): void {
    for (const live of this.#live) live.tensor.dispose();
    this.#live.clear();
  }

  #dispose(value: WasmValue): void {
    this.#live.delete(value);
    value.tensor.dispose();
  }

  #own(compute: () => tf.Tensor): WasmValue {
    const value = new WasmValue(run(compute));
    this.#live.add(value);
    this.#scopes.add(value);
    return value;
  }
}

/** Runs one operation; what it makes on the way is freed, and a fault of the backend becomes WB6202. */
function run(compute: () => tf.Tensor): tf.Tensor {
  try {
    return tf.tidy(compute);
  } catch (error) {
    if (error instanceof WbError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new WbError("WB6202", `the WebAssembly backend failed: ${reason}`, { cause: error });
  }
}

function valueOf(value: Value): WasmValue {
  if (value instanceof WasmValue) return value;
  throw new WbError("WB7001", "a value of another backend was given to the WebAssembly backend");
}

function tensorOf(value: Value): tf.Tensor {
  return valueOf(value).tensor;
}

function weightOf(weight: Weight): WasmWeight {
  if (weight instanceof WasmWeight) return weight;
  throw new WbError("WB7001", "a weight of another backend was given to the WebAssembly backend");
}
