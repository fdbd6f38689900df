import { WbError } from "../../../errors/wb-error.ts";
import { elementCount } from "../../../tensor/shape.ts";
import { failure, TF_BFLOAT16, TF_FLOAT, TF_HALF, TF_INT32, type Binding } from "./binding.ts";
import type { WeightDtype } from "../cast.ts";
import { bytesOf, HeldValues, type SharedArray } from "../held-values.ts";
import type { ComputeDtype, OpsMemory, Value, Weight } from "../ops.ts";

export const TF_DTYPE: Readonly<Record<ComputeDtype, number>> = {
  f32: TF_FLOAT,
  f16: TF_HALF,
  bf16: TF_BFLOAT16,
};

/** What the bytes of a stored dtype are on a device. */
export const COMPUTE_OF_STORED: Readonly<Record<WeightDtype, ComputeDtype>> = {
  F16: "f16",
  BF16: "bf16",
  F32: "f32",
  F64: "f32",
};

/**
 * What a parameter stays as on the device. A matrix in a half dtype stays in it when the computation is in float32: our kernels
 * widen it in registers; TensorFlow's product needs a cast each time, which takes twice the time of a float32 matrix but half
 * its memory.
 */
export function keptAs(stored: WeightDtype, rank: number, compute: ComputeDtype): ComputeDtype {
  return compute === "f32" && rank === 2 ? COMPUTE_OF_STORED[stored] : compute;
}

export const ELEMENT_BYTES: Readonly<Record<ComputeDtype, number>> = { f32: 4, f16: 2, bf16: 2 };

/** Constants that stay on the device; the one that was used the longest ago makes room for the next. */
const MAX_CONSTANTS = 256;

/** An array of TensorFlow. */
export interface NativeArray extends SharedArray {
  readonly id: number;
  readonly shape: readonly number[];
}

export class NativeValue implements Value {
  /** Replaced by one of the same elements when an operation of TensorFlow asks for the value's own shape. */
  array: NativeArray;
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;
  /** Rows along axis 2 that the array has room for, where it has more than the value's own. */
  readonly capacity: number | undefined;

  constructor(
    array: NativeArray,
    shape: readonly number[],
    dtype: ComputeDtype,
    capacity?: number,
  ) {
    this.array = array;
    this.shape = shape;
    this.dtype = dtype;
    this.capacity = capacity;
  }
}

export class NativeWeight implements Weight {
  readonly id: number;
  readonly shape: readonly number[];
  /** What its numbers are on the device; a matrix keeps a half dtype when the computation is in float32, and a quantised one its blocks. */
  readonly dtype: ComputeDtype;
  readonly transposed: boolean;
  readonly byteLength: number;

  constructor(facts: NativeWeight) {
    this.id = facts.id;
    this.shape = facts.shape;
    this.dtype = facts.dtype;
    this.transposed = facts.transposed;
    this.byteLength = facts.byteLength;
  }
}

/** An array that holds weights, so that none of them is freed before it. */
interface Bundle {
  readonly id: number;
  readonly members: readonly NativeWeight[];
}

/** Owns every array of one backend, and keeps small constants. */
export class NativeValues extends HeldValues<NativeArray, NativeValue> {
  readonly #binding: Binding;
  readonly #weights = new Set<NativeWeight>();
  readonly #constants = new Map<string, number>();
  readonly #bundles = new Map<NativeWeight, Bundle>();

  constructor(binding: Binding) {
    super();
    this.#binding = binding;
  }

  protected release({ id }: NativeArray): void {
    this.#binding.deleteTensor(id);
  }

  /** Takes an array that TensorFlow made as a value. */
  add(
    id: number,
    arrayShape: readonly number[],
    shape: readonly number[],
    dtype: ComputeDtype,
    capacity?: number,
  ): NativeValue {
    const byteLength = (elementCount(arrayShape) ?? 0) * ELEMENT_BYTES[dtype];
    return this.track(
      new NativeValue({ id, shape: arrayShape, byteLength, users: 0 }, shape, dtype, capacity),
    );
  }

  /** Another look at the array of `value`. */
  share(value: NativeValue, shape: readonly number[], capacity?: number): NativeValue {
    return this.track(new NativeValue(value.array, shape, value.dtype, capacity));
  }

  /** Lets `value` look at `source`'s array, which has the same elements. */
  replace(value: NativeValue, source: NativeValue): void {
    const old = value.array;
    value.array = source.array;
    value.array.users++;
    this.leave(old);
  }

  /** Makes a weight of a value, whose array then outlives every scope. */
  toWeight(value: NativeValue, shape: readonly number[], transposed: boolean): NativeWeight {
    this.forget(value);
    const { id, byteLength } = value.array;
    return this.addWeight({ id, shape, dtype: value.dtype, transposed, byteLength });
  }

  /** Takes an array that TensorFlow made as a weight. */
  addWeight(facts: NativeWeight): NativeWeight {
    const weight = new NativeWeight(facts);
    this.#weights.add(weight);
    return weight;
  }

  releaseWeight(weight: NativeWeight): void {
    if (!this.#weights.delete(weight)) return;
    for (const bundle of this.#bundles.values())
      if (bundle.members.includes(weight)) this.#dropBundle(bundle);
    this.#binding.deleteTensor(weight.id);
  }

  /** The array that holds all of these weights; it is made once, and freed with the first of them that is. */
  bundle(members: readonly NativeWeight[], make: () => number): number {
    const [first] = members;
    if (first === undefined) throw new WbError("WB7001", "a bundle of no weights was asked for");
    const held = this.#bundles.get(first);
    const isSame =
      held?.members.length === members.length &&
      held.members.every((weight, at) => weight === members[at]);
    if (isSame) return held.id;
    if (held !== undefined) this.#dropBundle(held);
    const id = make();
    this.#bundles.set(first, { id, members });
    return id;
  }

  #dropBundle({ id, members: [first] }: Bundle): void {
    if (first !== undefined) this.#bundles.delete(first);
    this.#binding.deleteTensor(id);
  }

  /** Whole numbers that an operation takes as an argument; one number gives a scalar. */
  ints(values: number | readonly number[]): number {
    const list = typeof values === "number" ? [values] : values;
    const shape = typeof values === "number" ? [] : [list.length];
    return this.#constant(`${shape.length}i${list.join()}`, shape, TF_INT32, () =>
      Int32Array.from(list),
    );
  }

  /** A float32 scalar. */
  number(value: number): number {
    return this.#constant(`f${value}`, [], TF_FLOAT, () => Float32Array.of(value));
  }

  #constant(
    key: string,
    shape: readonly number[],
    dtype: number,
    make: () => Int32Array | Float32Array,
  ): number {
    let id = this.#constants.get(key);
    if (id === undefined) id = this.create(shape, dtype, make());
    // The map keeps its keys in order: the last used one goes to its end.
    else this.#constants.delete(key);
    this.#constants.set(key, id);
    const oldest =
      this.#constants.size > MAX_CONSTANTS ? this.#constants.entries().next().value : undefined;
    if (oldest !== undefined) {
      this.#constants.delete(oldest[0]);
      this.#binding.deleteTensor(oldest[1]);
    }
    return id;
  }

  /** Copies numbers to the device. @returns the array's number; the caller frees it. */
  create(
    shape: readonly number[],
    dtype: number,
    data: Float32Array | Int32Array | Uint8Array,
  ): number {
    try {
      return this.#binding.createTensor(shape, dtype, data);
    } catch (error) {
      throw failure("upload", error);
    }
  }

  memory(): OpsMemory {
    const bytes = bytesOf(this.arrays()) + bytesOf(this.#weights);
    // The addon's own counts, so that a handle that is lost here still shows. The variables of a graph count as one.
    const graphs = this.#binding.getNumOfSavedModels();
    const own = this.#constants.size + this.#bundles.size;
    return { values: this.#binding.getNumOfTensors() - own + graphs, bytes };
  }

  freeAll(): void {
    for (const bundle of this.#bundles.values()) this.#dropBundle(bundle);
    for (const array of this.arrays()) this.release(array);
    for (const weight of this.#weights) this.#binding.deleteTensor(weight.id);
    for (const id of this.#constants.values()) this.#binding.deleteTensor(id);
    this.forgetAll();
    this.#weights.clear();
    this.#constants.clear();
  }
}

export function valueOf(value: Value): NativeValue {
  if (value instanceof NativeValue) return value;
  throw new WbError("WB7001", "a value of another backend was given to native TensorFlow");
}

export function weightOf(weight: Weight): NativeWeight {
  if (weight instanceof NativeWeight) return weight;
  throw new WbError("WB7001", "a weight of another backend was given to native TensorFlow");
}
