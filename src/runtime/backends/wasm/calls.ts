import { WbError } from "../../../errors/wb-error.ts";
import { CACHE_STEP, type LinearWeights, type Value } from "../ops.ts";
import type { KeyMask } from "../steps/steps.ts";
import { LAYERS_AT } from "./kernels.ts";
import {
  KEPT,
  sizeOf,
  valueOf,
  weightOf,
  type WasmValue,
  type WasmValues,
  type WasmWeight,
} from "./values.ts";

/** Layers whose descriptions have room in the first page; a decoder asks for three at once. */
const MOST_LAYERS = 64;

/** Steps of a decoder by the kernels of wasm/decoder, on arrays in their memory. */
export class WasmCalls {
  readonly #values: WasmValues;

  constructor(values: WasmValues) {
    this.#values = values;
  }

  linear(x: Value, layer: LinearWeights): WasmValue {
    return this.#linears(x, [layer], false)[0] ?? missing();
  }

  linears(x: Value, layers: readonly LinearWeights[]): readonly Value[] {
    return this.#linears(x, layers, false);
  }

  gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): Value {
    return this.#linears(x, [gate, up], true)[0] ?? missing();
  }

  #linears(given: Value, layers: readonly LinearWeights[], gated: boolean): readonly WasmValue[] {
    return this.#values.scope(() => this.#multiply(this.compact(valueOf(given)), layers, gated));
  }

  #multiply(x: WasmValue, layers: readonly LinearWeights[], gated: boolean): readonly WasmValue[] {
    const inputs = x.shape.at(-1) ?? 0;
    const outer = x.shape.slice(0, -1);
    const matrices = layers.map(({ weight }) => matrixOf(weightOf(weight), inputs));
    const outputs = matrices.map(({ shape }) => shape[0] ?? 0);
    if (layers.length > MOST_LAYERS || (gated && outputs[0] !== outputs[1])) mismatch("layers");
    const results = matrices
      .slice(0, gated ? 1 : matrices.length)
      .map((_, index) => this.#values.create([...outer, outputs[index] ?? 0]));
    const described = layers.flatMap(({ bias }, index) => {
      const matrix = matrices[index];
      const size = outputs[index] ?? 0;
      return [
        matrix?.address ?? 0,
        KEPT[matrix?.dtype ?? "F32"],
        bias === undefined ? 0 : vectorOf(weightOf(bias), size).address,
        results[gated ? 0 : index]?.address ?? 0,
        size,
      ];
    });
    const { kernels } = this.#values;
    kernels.memory.wordsAt(LAYERS_AT, described.length).set(described);
    const rows = sizeOf(outer);
    const products = rows * inputs * outputs.reduce((sum, size) => sum + size, 0);
    kernels.share(products, kernels.calls.linearScratchBytes({}), (scratch) =>
      kernels.calls.linear({
        x: x.address,
        rows,
        inputs,
        layers: LAYERS_AT,
        count: layers.length,
        gated: Number(gated),
        scratch,
      }),
    );
    return results;
  }

  rotateHalves(x: Value, cos: Value, sin: Value): Value {
    return this.#values.scope(() => this.#rotate(this.compact(valueOf(x)), cos, sin));
  }

  #rotate(own: WasmValue, cos: Value, sin: Value): Value {
    const [batch = 0, heads = 0, tokens = 0, size = 0] = own.shape;
    const [tables = 0] = cos.shape;
    const given = [valueOf(cos), valueOf(sin)] as const;
    const fits = given.every(({ shape }) => shape[2] === tokens && shape[3] === size);
    if (!fits || (tables !== 1 && tables !== batch)) mismatch("rotary tables");
    const result = this.#values.create(own.shape);
    this.#values.kernels.calls.rotate({
      x: own.address,
      cos: given[0].address,
      sin: given[1].address,
      tables,
      batch,
      heads,
      tokens,
      size,
      result: result.address,
    });
    return result;
  }

  join(rows: Value | undefined, more: Value): Value {
    return this.#values.scope(() => this.#join(rows, this.compact(valueOf(more))));
  }

  #join(rows: Value | undefined, added: WasmValue): Value {
    const [b = 0, g = 0, t = 0, d = 0] = added.shape;
    const old = rows === undefined ? undefined : valueOf(rows);
    const at = old?.shape[2] ?? 0;
    const shape = [b, g, at + t, d];
    const room = old?.capacity ?? 0;
    const roomy = CACHE_STEP * (Math.floor((at + t) / CACHE_STEP) + 1);
    const joined =
      old !== undefined && at + t <= room
        ? this.#values.share(old, shape, room)
        : this.#values.create(shape, roomy);
    if (old !== undefined && joined.array !== old.array) this.#copyRows(old, joined, 0);
    this.#copyRows(added, joined, at);
    if (old !== undefined) this.#values.free(old);
    return joined;
  }

  /** The first `count` rows along axis 2, in the same memory. */
  firstRows(rows: Value, count: number): Value {
    const own = valueOf(rows);
    const [b = 0, g = 0, l = 0, d = 0] = own.shape;
    return this.#values.share(own, [b, g, count, d], own.capacity ?? l);
  }

  /** A value without room for more rows: itself, or a copy. */
  compact(x: WasmValue): WasmValue {
    if (x.capacity === undefined) return x;
    const copy = this.#values.create(x.shape);
    this.#copyRows(x, copy, 0);
    return copy;
  }

  /** Copies the rows along axis 2 to those of `to` from row `at` on. */
  #copyRows(from: WasmValue, to: WasmValue, at: number): void {
    const [b = 0, g = 0, rows = 0, d = 0] = from.shape;
    const rowBytes = 4 * d;
    this.#values.kernels.calls.copyPieces({
      from: from.address,
      fromStep: (from.capacity ?? rows) * rowBytes,
      to: to.address + at * rowBytes,
      toStep: (to.capacity ?? to.shape[2] ?? 0) * rowBytes,
      size: rows * rowBytes,
      count: b * g,
    });
  }

  attention(queries: Value, keys: Value, values: Value, keyMask: KeyMask): Value {
    return this.#values.scope(() =>
      this.#attention(this.compact(valueOf(queries)), keys, values, keyMask),
    );
  }

  #attention(q: WasmValue, keys: Value, values: Value, keyMask: KeyMask): Value {
    const [k, v] = [valueOf(keys), valueOf(values)];
    const [batch = 0, heads = 0, tokens = 0, size = 0] = q.shape;
    const [, groups = 0, length = 0] = k.shape;
    const result = this.#values.create(q.shape);
    const { kernels } = this.#values;
    const { calls, memory } = kernels;
    const visible = keyMask === undefined ? 0 : memory.allocate(batch * length, "a mask");
    try {
      for (const [row, seen] of (keyMask ?? []).entries()) {
        memory.bytesAt(visible + row * length, length).set(seen);
      }
      const products = 2 * batch * heads * tokens * length * size;
      kernels.share(products, calls.attentionScratchBytes({ length }), (scratch) =>
        calls.attention({
          queries: q.address,
          keys: k.address,
          values: v.address,
          visible,
          result: result.address,
          batch,
          heads,
          groups,
          tokens,
          size,
          length,
          keyCapacity: k.capacity ?? length,
          valueCapacity: v.capacity ?? length,
          scratch,
        }),
      );
    } finally {
      if (visible !== 0) memory.free(visible);
    }
    return result;
  }
}

function matrixOf(weight: WasmWeight, inputs: number): WasmWeight {
  return weight.shape.length === 2 && weight.shape[1] === inputs
    ? weight
    : mismatch(`a matrix of ${inputs} inputs`);
}

function vectorOf(weight: WasmWeight, size: number): WasmWeight {
  return sizeOf(weight.shape) === size ? weight : mismatch(`a vector of ${size}`);
}

function mismatch(what: string): never {
  throw new WbError("WB6202", `the WebAssembly kernels: shapes do not fit: ${what}`);
}

function missing(): never {
  throw new WbError("WB7001", "a kernel gave no result");
}
