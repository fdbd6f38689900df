import { WbError } from "../../../errors/wb-error.ts";
import {
  execute,
  executeAll,
  TF_INT32,
  type Binding,
  type Handle,
  type OpAttribute,
} from "./binding.ts";
import type { Kernels, KernelSizes } from "./kernels.ts";
import {
  TF_DTYPE,
  valueOf,
  weightOf,
  type NativeValue,
  type NativeValues,
  type NativeWeight,
} from "./values.ts";
import {
  CACHE_STEP,
  type ComputeDtype,
  type LinearWeights,
  type Value,
  type Weight,
} from "../ops.ts";
import { keptRows } from "../steps/kept-rows.ts";
import type { KeyMask, LayerCache, LayerCall } from "../steps/steps.ts";

/** A matrix in host memory: what it is stored as, and what it is kept in. */
export interface Packing {
  readonly bytes: Uint8Array;
  readonly from: ComputeDtype;
  readonly kept: ComputeDtype;
  readonly shape: readonly number[];
  readonly transposed: boolean;
}

/**
 * The operations that native/kernels registers with TensorFlow, for its CPU device. They take arrays by their elements,
 * whatever their shape, and get the sizes as numbers.
 */
export class NativeCalls {
  readonly #binding: Binding;
  readonly #values: NativeValues;
  readonly #kernels: Kernels;
  readonly #compute: ComputeDtype;
  /** Lists of attributes by what they say; each is the same at every token. */
  readonly #attributes = new Map<string, readonly OpAttribute[]>();

  constructor(binding: Binding, values: NativeValues, kernels: Kernels, compute: ComputeDtype) {
    this.#binding = binding;
    this.#values = values;
    this.#kernels = kernels;
    this.#compute = compute;
  }

  linear(x: Value, layer: LinearWeights): NativeValue {
    return this.#linear(x, [layer], 1)[0] ?? missing();
  }

  linears(x: Value, layers: readonly LinearWeights[]): readonly Value[] {
    return this.#linear(x, layers, layers.length);
  }

  gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): Value {
    return this.#linear(x, [gate, up], 1)[0] ?? missing();
  }

  #linear(x: Value, layers: readonly LinearWeights[], results: number): readonly NativeValue[] {
    const own = valueOf(x);
    const { inputs, biases } = this.#parameters(layers);
    const arrays = executeAll(
      this.#binding,
      "WeighbridgeLinear",
      [own.array.id, ...inputs],
      this.#listed([
        ["T", own.dtype],
        ["N", layers.length],
        ["B", biases],
        ["K", results],
      ]),
      results,
    );
    const outer = own.shape.slice(0, -1);
    return arrays.map(({ id, shape }, index) =>
      this.#values.add(id, shape, [...outer, layers[index]?.weight.shape[0] ?? 0], own.dtype),
    );
  }

  /** `Ops.logSums`, [N, 2 + K] in float32. */
  logSums(x: Value, weight: Weight, wanted: Int32Array): NativeValue {
    const own = valueOf(x);
    const [rows = 0] = own.shape;
    const asked = this.#values.create([wanted.length], TF_INT32, wanted);
    try {
      const inputs = [own.array.id, weightOf(weight).id, asked];
      const attributes = this.#listed([["T", own.dtype]]);
      const made = execute(this.#binding, "WeighbridgeLogSums", inputs, attributes);
      return this.#values.add(made.id, made.shape, [rows, 2 + wanted.length / rows], "f32");
    } finally {
      this.#binding.deleteTensor(asked);
    }
  }

  /** Inputs of an operation: which layers have a bias, their matrices, their biases. */
  #parameters(layers: readonly LinearWeights[]): {
    readonly inputs: readonly number[];
    readonly biases: number;
  } {
    const flags = layers.map(({ bias }) => (bias === undefined ? 0 : 1));
    const matrices = layers.map(({ weight }) => weightOf(weight).id);
    const biases = layers.flatMap(({ bias }) => (bias === undefined ? [] : [weightOf(bias).id]));
    return { inputs: [this.#values.ints(flags), ...matrices, ...biases], biases: biases.length };
  }

  /** A matrix as the kernels take it, in panels, whatever its layout was. */
  pack({ bytes, from, kept, shape, transposed }: Packing): NativeWeight {
    return this.#packed(bytes, shape, kept, {
      from: this.#typeNumber(from),
      kept: this.#typeNumber(kept),
      transposed: transposed ? 1 : 0,
      rounds: 0,
    });
  }

  /** Whether a matrix can be packed in blocks of that type. */
  packsBlocks(type: string): boolean {
    return this.#kernels.typeNumber(type) !== undefined;
  }

  /** A matrix in quantised blocks, row after row. @param rounds Whether x is rounded to 8 bits for it. */
  packBlocks(
    bytes: Uint8Array,
    type: string,
    shape: readonly number[],
    rounds: boolean,
  ): NativeWeight {
    const number = this.#typeNumber(type);
    const how = { from: number, kept: number, transposed: 0, rounds: rounds ? 1 : 0 };
    return this.#packed(bytes, shape, "f32", how);
  }

  #typeNumber(name: string): number {
    const number = this.#kernels.typeNumber(name);
    if (number === undefined) throw new WbError("WB7001", `no kernel packs a matrix in ${name}`);
    return number;
  }

  #packed(
    bytes: Uint8Array,
    shape: readonly number[],
    dtype: ComputeDtype,
    how: Omit<KernelSizes["WeighbridgePack"], "outputs" | "inputs">,
  ): NativeWeight {
    const [outputs = 0, inputs = 0] = shape;
    const sizes = this.#sizes("WeighbridgePack", { ...how, outputs, inputs });
    const { id, shape: made } = this.#kernels.lending(bytes, () =>
      execute(this.#binding, "WeighbridgePack", [sizes], []),
    );
    return this.#values.addWeight({
      id,
      shape,
      dtype,
      transposed: false,
      byteLength: made[0] ?? 0,
    });
  }

  /** Whole layers of one model that follow each other. The new tokens' keys and values are set in their caches, whose last T rows they are. */
  layers(x: Value, layers: readonly LayerCall[]): Value {
    const [first] = layers;
    const rotary = first?.context.newRotary;
    if (first === undefined || rotary === undefined)
      throw new WbError("WB7001", "the kernel of whole layers rotates heads");
    const { heads, kvHeads, epsilon } = first.weights;
    const { keyMask } = first.context;
    const own = valueOf(x);
    const [b = 0, t = 0] = own.shape;
    const d = (first.weights.query.weight.shape[0] ?? 0) / heads;
    const cached = layers.flatMap(({ context }) => this.#room(context.cache, [b, kvHeads, t, d]));
    const [keys, values] = cached;
    const l = keys?.shape[2] ?? t;
    const sizes = this.#sizes("WeighbridgeLayers", {
      layers: layers.length,
      tables: rotary.cos.shape[0] ?? 0,
      batch: b,
      tokens: t,
      heads,
      groups: kvHeads,
      size: d,
      rotated: rotary.cos.shape[3] ?? 0,
      length: l,
      keyCapacity: keys?.capacity ?? l,
      valueCapacity: values?.capacity ?? l,
      cached: keys === undefined ? 0 : 1,
      masked: keyMask === undefined ? 0 : 1,
    });
    const bundle = this.#bundle(layers, own.dtype);
    const attributes = this.#listed([
      ["T", own.dtype],
      ["C", cached.length],
      ["V", keyMask === undefined ? 0 : 1],
    ]);
    const made = this.#withMask(keyMask, (mask) =>
      execute(
        this.#binding,
        "WeighbridgeLayers",
        [
          own.array.id,
          valueOf(rotary.cos).array.id,
          valueOf(rotary.sin).array.id,
          this.#values.number(epsilon),
          sizes,
          bundle,
          ...cached.map(({ array }) => array.id),
          ...mask,
        ],
        attributes,
      ),
    );
    return this.#values.add(made.id, made.shape, own.shape, own.dtype);
  }

  /** The parameters of layers as one array, which is kept as long as they are: TensorFlow takes its time with hundreds of inputs. */
  #bundle(layers: readonly LayerCall[], dtype: ComputeDtype): number {
    const matrices = layers.flatMap(({ weights }) => MATRICES.map((name) => weights[name]));
    const norms = layers.flatMap(({ weights: { attentionNorm, networkNorm } }) => [
      weightOf(attentionNorm),
      weightOf(networkNorm),
    ]);
    const biases = matrices.flatMap(({ bias }) => (bias === undefined ? [] : [weightOf(bias)]));
    const members = [...matrices.map(({ weight }) => weightOf(weight)), ...biases, ...norms];
    return this.#values.bundle(members, () => {
      const { inputs } = this.#parameters(matrices);
      const attributes = this.#listed([
        ["T", dtype],
        ["N", matrices.length],
        ["B", biases.length],
        ["M", norms.length],
      ]);
      const all = [...inputs, ...norms.map(({ id }) => id)];
      return execute(this.#binding, "WeighbridgeBundle", all, attributes).id;
    });
  }

  /** A layer's keys and values with room for new tokens [B, G, T, D], or nothing where none are kept. */
  #room(
    cache: LayerCache | undefined,
    room: readonly [number, number, number, number],
  ): readonly NativeValue[] {
    if (cache === undefined) return [];
    const extended = (old: Value | undefined): NativeValue =>
      this.#extend(
        keptRows((rows, count) => this.firstRows(rows, count), old, cache.keep),
        room,
      ); // [B, G, L, D]
    const { keys, values } = cache.replace((old) => ({
      keys: extended(old?.keys),
      values: extended(old?.values),
    }));
    return [valueOf(keys), valueOf(values)];
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): NativeValue {
    const own = valueOf(x);
    const inputs = [own.array.id, weightOf(weight).id, this.#values.number(epsilon)];
    return this.#run("WeighbridgeNorm", inputs, own.shape, own.dtype);
  }

  rotateHalves(x: Value, cos: Value, sin: Value): Value {
    return this.#values.scope(() => {
      const own = this.compact(valueOf(x));
      const [batch = 0, heads = 0, tokens = 0, size = 0] = own.shape;
      const tables = cos.shape[0] ?? 0;
      const sizes = this.#sizes("WeighbridgeRotate", { tables, batch, heads, tokens, size });
      const inputs = [own.array.id, valueOf(cos).array.id, valueOf(sin).array.id, sizes];
      return this.#run("WeighbridgeRotate", inputs, own.shape, own.dtype);
    });
  }

  join(rows: Value | undefined, more: Value): Value {
    const added = valueOf(more);
    const [b = 0, g = 0, t = 0, d = 0] = added.shape;
    const joined = this.#extend(rows, [b, g, t, d]);
    const length = joined.shape[2] ?? 0;
    executeAll(
      this.#binding,
      "WeighbridgeAppend",
      [
        joined.array.id,
        added.array.id,
        this.#sizes("WeighbridgeAppend", {
          stacks: b * g,
          capacity: joined.capacity ?? length,
          at: length - t,
          tokens: t,
          size: d,
        }),
      ],
      this.#listed([["T", added.dtype]]),
      0,
    );
    return joined;
  }

  /** As `join` of rows [B, G, T, D] that are set later; until then they hold anything. */
  #extend(
    rows: Value | undefined,
    [b, g, t, d]: readonly [number, number, number, number],
  ): NativeValue {
    return this.#values.scope(() => {
      const old = rows === undefined ? undefined : valueOf(rows);
      const shape = [b, g, (old?.shape[2] ?? 0) + t, d];
      const fits = old !== undefined && (shape[2] ?? 0) <= (old.capacity ?? 0);
      const buffer = fits ? old : this.#roomy(old, shape);
      const joined = this.#values.share(buffer, shape, buffer.capacity);
      if (old !== undefined) this.#values.free(old);
      return joined;
    });
  }

  #roomy(old: NativeValue | undefined, shape: readonly number[]): NativeValue {
    const capacity = CACHE_STEP * (Math.floor((shape[2] ?? 0) / CACHE_STEP) + 1);
    return this.#copy(old, shape, capacity);
  }

  /** The rows that there are, in an array with room for `capacity` rows; the value's shape tells which are meant. */
  #copy(from: NativeValue | undefined, shape: readonly number[], capacity: number): NativeValue {
    const [b = 0, g = 0, , d = 0] = shape;
    const rows = from?.shape[2] ?? 0;
    const sizes = this.#sizes("WeighbridgeGrow", {
      stacks: b * g,
      before: from?.capacity ?? rows,
      length: rows,
      capacity,
      size: d,
    });
    const dtype = from?.dtype ?? this.#compute;
    const attributes = this.#listed([
      ["T", dtype],
      ["C", from === undefined ? 0 : 1],
    ]);
    const inputs = from === undefined ? [sizes] : [sizes, from.array.id];
    const made = execute(this.#binding, "WeighbridgeGrow", inputs, attributes);
    return this.#values.add(made.id, made.shape, shape, dtype, capacity);
  }

  /** The first `count` rows along axis 2, in the same memory. */
  firstRows(rows: Value, count: number): Value {
    const own = valueOf(rows);
    const [b = 0, g = 0, l = 0, d = 0] = own.shape;
    return this.#values.share(own, [b, g, count, d], own.capacity ?? l);
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
    const sizes = this.#sizes("WeighbridgeAttention", {
      batch: b,
      heads: h,
      groups: g,
      tokens: t,
      size: d,
      length: l,
      keyCapacity: k.capacity ?? l,
      valueCapacity: v.capacity ?? l,
    });
    const attributes = this.#listed([
      ["T", q.dtype],
      ["V", keyMask === undefined ? 0 : 1],
    ]);
    const { id, shape } = this.#withMask(keyMask, (mask) =>
      execute(
        this.#binding,
        "WeighbridgeAttention",
        [q.array.id, k.array.id, v.array.id, sizes, ...mask],
        attributes,
      ),
    );
    return this.#values.add(id, shape, q.shape, q.dtype);
  }

  /** Calls `work` with the mask [B, L] as an input of an operation, or with none. */
  #withMask(keyMask: KeyMask, work: (mask: readonly number[]) => Handle): Handle {
    if (keyMask === undefined) return work([]);
    const length = keyMask[0]?.length ?? 0;
    const seen = new Float32Array(keyMask.length * length);
    for (const [row, visible] of keyMask.entries()) seen.set(visible, row * length);
    const mask = this.#values.create([keyMask.length, length], TF_DTYPE.f32, seen);
    try {
      return work([mask]);
    } finally {
      this.#binding.deleteTensor(mask);
    }
  }

  /** An operation's input of its sizes. */
  #sizes<Name extends keyof KernelSizes>(operation: Name, sizes: KernelSizes[Name]): number {
    return this.#values.ints(this.#kernels.sizesOf(operation, sizes));
  }

  #run(
    name: string,
    inputs: readonly number[],
    shape: readonly number[],
    dtype: ComputeDtype,
  ): NativeValue {
    const made = execute(this.#binding, name, inputs, this.#listed([["T", dtype]]));
    return this.#values.add(made.id, made.shape, shape, dtype);
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

/** A layer's matrices in the order of the kernel. */
const MATRICES = ["query", "key", "value", "output", "gate", "up", "down"] as const;

function missing(): never {
  throw new WbError("WB7001", "a kernel gave no result of the size that was asked for");
}
