import { WbError } from "../errors/wb-error.ts";
import { execute, executeAll, type Binding, type OpAttribute } from "./native-binding.ts";
import {
  TF_DTYPE,
  valueOf,
  weightOf,
  type NativeValue,
  type NativeValues,
} from "./native-values.ts";
import { CACHE_STEP } from "./ops.ts";
import type { ComputeDtype, FusedOps, KeyMask, LinearWeights, Value, Weight } from "./ops.ts";

/**
 * The operations that native/kernels registers with TensorFlow, for its CPU device. They take arrays by their elements,
 * whatever their shape, and get the sizes as numbers.
 */
export class NativeFused implements FusedOps {
  readonly #binding: Binding;
  readonly #values: NativeValues;
  /** Lists of attributes by what they say; each is the same at every token. */
  readonly #attributes = new Map<string, readonly OpAttribute[]>();

  constructor(binding: Binding, values: NativeValues) {
    this.#binding = binding;
    this.#values = values;
  }

  linear(x: Value, layer: LinearWeights): NativeValue {
    return this.#linear(x, [layer], 1)[0] ?? missing();
  }

  linears(x: Value, layers: readonly LinearWeights[]): readonly Value[] {
    if (areAlike(layers)) return this.#linear(x, layers, layers.length);
    return layers.map((layer) => this.linear(x, layer));
  }

  gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): Value | undefined {
    if (!areAlike([gate, up])) return undefined;
    return this.#linear(x, [gate, up], 1)[0] ?? missing();
  }

  #linear(x: Value, layers: readonly LinearWeights[], results: number): readonly NativeValue[] {
    const own = valueOf(x);
    const matrices = layers.map(({ weight }) => weightOf(weight));
    const biases = layers.flatMap(({ bias }) => (bias === undefined ? [] : [weightOf(bias).id]));
    const stored = matrices[0]?.dtype ?? own.dtype;
    const arrays = executeAll(
      this.#binding,
      "WeighbridgeLinear",
      [own.array.id, ...matrices.map(({ id }) => id), ...biases],
      this.#listed([
        ["T", own.dtype],
        ["W", stored],
        ["N", layers.length],
        ["B", biases.length],
        ["K", results],
      ]),
      results,
    );
    const outer = own.shape.slice(0, -1);
    return arrays.map(({ id, shape }, index) =>
      this.#values.add(id, shape, [...outer, matrices[index]?.shape[0] ?? 0], own.dtype),
    );
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): NativeValue {
    const own = valueOf(x);
    const inputs = [own.array.id, weightOf(weight).id, this.#values.number(epsilon)];
    return this.#run("WeighbridgeNorm", inputs, own.shape, own.dtype);
  }

  rotate(x: Value, cos: Value, sin: Value): Value {
    return this.#values.scope(() => {
      const own = this.compact(valueOf(x));
      const sizes = this.#values.ints([cos.shape[0] ?? 0, ...own.shape]);
      const inputs = [own.array.id, valueOf(cos).array.id, valueOf(sin).array.id, sizes];
      return this.#run("WeighbridgeRotate", inputs, own.shape, own.dtype);
    });
  }

  append(rows: Value | undefined, more: Value): Value {
    return this.#values.scope(() => this.#append(rows, more));
  }

  #append(rows: Value | undefined, more: Value): NativeValue {
    const added = valueOf(more);
    const [b = 0, g = 0, t = 0, d = 0] = added.shape;
    const old = rows === undefined ? undefined : valueOf(rows);
    const at = old?.shape[2] ?? 0;
    const shape = [b, g, at + t, d];
    const room = old?.capacity ?? 0;
    const roomy = CACHE_STEP * (Math.floor((at + t) / CACHE_STEP) + 1);
    if (old === undefined) return this.#copy(added, shape, roomy);
    const buffer = at + t <= room ? old : this.#copy(old, shape, roomy);
    const capacity = buffer.capacity ?? 0;
    executeAll(
      this.#binding,
      "WeighbridgeAppend",
      [buffer.array.id, added.array.id, this.#values.ints([b * g, capacity, at, t, d])],
      this.#listed([["T", added.dtype]]),
      0,
    );
    const joined = this.#values.share(buffer, shape, capacity);
    this.#values.keep(old);
    this.#values.dispose(old);
    return joined;
  }

  /** The rows that `from` has, in an array with room for `capacity` rows; the value's shape tells which are meant. */
  #copy(from: NativeValue, shape: readonly number[], capacity: number): NativeValue {
    const [b = 0, g = 0, rows = 0, d = 0] = from.shape;
    const sizes = [b * g, from.capacity ?? rows, rows, capacity, d];
    const inputs = [from.array.id, this.#values.ints(sizes)];
    return this.#run("WeighbridgeGrow", inputs, shape, from.dtype, capacity);
  }

  /** A value without room for more rows: itself, or a copy. */
  compact(x: NativeValue): NativeValue {
    if (x.capacity === undefined) return x;
    const copy = this.#copy(x, x.shape, x.shape[2] ?? 0);
    return this.#values.share(copy, x.shape);
  }

  attention(queries: Value, keys: Value, values: Value, keyMask: KeyMask): Value {
    const q = valueOf(queries);
    const [k, v] = [valueOf(keys), valueOf(values)];
    const [b = 0, h = 0, t = 0, d = 0] = q.shape;
    const [, g = 0, l = 0] = k.shape;
    const sizes = this.#values.ints([b, h, g, t, d, l, k.capacity ?? l, v.capacity ?? l]);
    const inputs = [q.array.id, k.array.id, v.array.id, sizes];
    if (keyMask === undefined) return this.#attend(inputs, q, 0);
    const seen = Float32Array.from(keyMask.flatMap((row) => [...row]));
    const mask = this.#values.create([b, l], TF_DTYPE.f32, seen);
    try {
      return this.#attend([...inputs, mask], q, 1);
    } finally {
      this.#binding.deleteTensor(mask);
    }
  }

  #attend(inputs: readonly number[], q: NativeValue, masks: 0 | 1): NativeValue {
    const attributes = this.#listed([
      ["T", q.dtype],
      ["V", masks],
    ]);
    const { id, shape } = execute(this.#binding, "WeighbridgeAttention", inputs, attributes);
    return this.#values.add(id, shape, q.shape, q.dtype);
  }

  /** A matrix in another dtype, and turned where it is asked for; or a vector in another dtype. */
  cast(x: NativeValue, dtype: ComputeDtype, turn: boolean): NativeValue {
    const attributes = this.#listed([
      ["SrcT", x.dtype],
      ["DstT", dtype],
    ]);
    const inputs = [x.array.id, this.#values.ints([turn ? 1 : 0])];
    const { id, shape } = execute(this.#binding, "WeighbridgeCast", inputs, attributes);
    return this.#values.add(id, shape, shape, dtype);
  }

  #run(
    name: string,
    inputs: readonly number[],
    shape: readonly number[],
    dtype: ComputeDtype,
    capacity?: number,
  ): NativeValue {
    const made = execute(this.#binding, name, inputs, this.#listed([["T", dtype]]));
    return this.#values.add(made.id, made.shape, shape, dtype, capacity);
  }

  #listed(entries: readonly (readonly [string, ComputeDtype | number])[]): readonly OpAttribute[] {
    const key = entries.join(";");
    const known = this.#attributes.get(key);
    if (known !== undefined) return known;
    const { TF_ATTR_INT, TF_ATTR_TYPE } = this.#binding;
    const made = entries.map(([name, value]) =>
      typeof value === "number"
        ? { name, type: TF_ATTR_INT, value }
        : { name, type: TF_ATTR_TYPE, value: TF_DTYPE[value] },
    );
    this.#attributes.set(key, made);
    return made;
  }
}

function missing(): never {
  throw new WbError("WB7001", "a kernel gave no result of the size that was asked for");
}

/** Whether one operation takes them all: stored in one dtype, and all with a bias or none. */
function areAlike(layers: readonly LinearWeights[]): boolean {
  const [first] = layers;
  return layers.every(
    ({ weight, bias }) =>
      weightOf(weight).dtype === weightOf(first?.weight ?? weight).dtype &&
      (bias === undefined) === (first?.bias === undefined),
  );
}
