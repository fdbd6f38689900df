import type { Ops, Value } from "../ops.ts";
import { composedAttention } from "./attention.ts";
import { hostLayerNorm, pointwise } from "./host.ts";
import { POINTWISE } from "./activations.ts";
import { keptRows } from "./kept-rows.ts";
import { limitedAttention, type PlainAttention } from "./limited-attention.ts";
import { rotateHeads, rotateHalves } from "./rotary.ts";
import { oneByOne, type Steps } from "./steps.ts";

/** Tokens that pass at a time: 1024 rows of a 7B model's intermediate states take 45 MB each in float32. */
export const TOKENS_AT_A_TIME = 1024;

/** The operations that the steps outside attention are composed of. */
export type NetworkOps = Pick<
  Ops,
  | "linear"
  | "rmsNorm"
  | "silu"
  | "add"
  | "mul"
  | "reshape"
  | "transpose"
  | "concat"
  | "slice"
  | "scope"
>;

type NetworkSteps = Omit<
  Steps,
  | "rotate"
  | "append"
  | "attention"
  | "activate"
  | "scale"
  | "layers"
  | "layerBytes"
  | "layerNorm"
  | "widen"
>;

/** The steps that need nothing but operations on single tokens. */
export function composedNetwork(ops: NetworkOps): NetworkSteps {
  return {
    norm: (x, weight, epsilon) => ops.rmsNorm(x, weight, epsilon),
    linear: (x, { weight, bias }) => ops.linear(x, weight, bias),
    linears: (x, layers) => layers.map(({ weight, bias }) => ops.linear(x, weight, bias)),
    gatedLinear: (x, gate, up) =>
      ops.mul(ops.silu(ops.linear(x, gate.weight, gate.bias)), ops.linear(x, up.weight, up.bias)),
    gatedHalves: (both) => {
      const size = (both.shape[2] ?? 0) / 2;
      const gate = ops.silu(ops.slice(both, 2, 0, size)); // [B, T, I]
      return ops.mul(gate, ops.slice(both, 2, size, size)); // [B, T, I]
    },
    add: (left, right) => ops.add(left, right),
    multiply: (left, right) => ops.mul(left, right),
    inParts: (x, work) => inParts(ops, x, work),
    split: (x, sizes) =>
      sizes.map((size, part) => ops.slice(x, x.shape.length - 1, sum(sizes.slice(0, part)), size)),
    join: (parts) => ops.concat(parts, (parts[0]?.shape.length ?? 1) - 1),
    repeatHeads: (x, heads) => ops.concat(Array<Value>(heads).fill(x), 1),
    splitHeads: (x, heads) => {
      const [b = 0, t = 0, size = 0] = x.shape;
      return ops.transpose(ops.reshape(x, [b, t, heads, size / heads]), [0, 2, 1, 3]);
    },
    mergeHeads: (x) => {
      const [b = 0, h = 0, t = 0, d = 0] = x.shape;
      return ops.reshape(ops.transpose(x, [0, 2, 1, 3]), [b, t, h * d]);
    },
    eachPart: (values, sizes, work) => {
      const results = sizes.map((size, part) => {
        const begin = sum(sizes.slice(0, part));
        return ops.scope(() =>
          work(
            values.map((value) => ops.slice(value, 2, begin, size)),
            part,
          ),
        );
      });
      return ops.concat(results, 2);
    },
    scope: (work) => ops.scope(work),
  };
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

/** @param size Not less than the last axis has. */
function widened(ops: Ops, x: Value, size: number): Value {
  const missing = size - (x.shape.at(-1) ?? 0);
  if (missing === 0) return x;
  const shape = [...x.shape.slice(0, -1), missing];
  const zeros = new Float32Array(shape.reduce((count, length) => count * length, 1));
  return ops.concat([x, ops.upload(zeros, shape)], shape.length - 1);
}

function inParts(ops: NetworkOps, x: Value, work: (part: Value) => Value): Value {
  const tokens = x.shape[1] ?? 0;
  if (tokens <= TOKENS_AT_A_TIME) return work(x);
  const parts: Value[] = [];
  for (let begin = 0; begin < tokens; begin += TOKENS_AT_A_TIME) {
    const size = Math.min(TOKENS_AT_A_TIME, tokens - begin);
    parts.push(ops.scope(() => work(ops.slice(x, 1, begin, size))));
  }
  return ops.concat(parts, 1); // [B, T, C]
}

/** What a backend may have kernels for. */
export interface StepKernels {
  readonly linears: Steps["linears"];
  readonly gatedLinear: Steps["gatedLinear"];
  /** x · cos + [−x2, x1] · sin of the halves x1 and x2 of the last axis; x [B, H, T, D], cos and sin [B or 1, 1, T, D]. */
  readonly rotateHalves: (x: Value, cos: Value, sin: Value) => Value;
  /**
   * `more` behind `rows` along axis 2, [B, G, L + T, D]. `rows` may be freed, since its memory may go on in the result, which may hold
   * room for more rows.
   */
  readonly join: (rows: Value | undefined, more: Value) => Value;
  readonly attention: PlainAttention["attention"];
  readonly firstRows: PlainAttention["firstRows"];
  readonly layers: Steps["layers"];
  readonly layerBytes: Steps["layerBytes"];
}

/** Calls of a backend's kernels, as its own class has them. */
export type KernelCalls = Omit<StepKernels, "layers" | "layerBytes">;

/** The kernels of such a class as functions that need no `this`. */
export function kernelsOf(calls: KernelCalls): KernelCalls {
  return {
    linears: (x, layers) => calls.linears(x, layers),
    gatedLinear: (x, gate, up) => calls.gatedLinear(x, gate, up),
    rotateHalves: (x, cos, sin) => calls.rotateHalves(x, cos, sin),
    join: (rows, more) => calls.join(rows, more),
    attention: (queries, keys, values, mask) => calls.attention(queries, keys, values, mask),
    firstRows: (rows, count) => calls.firstRows(rows, count),
  };
}

/** The steps of a backend: composed of its operations, but for those that it has kernels for. */
export function composedSteps(ops: Ops, own: Partial<StepKernels> = {}): Steps {
  const {
    attention: attend = (queries, keys, values, mask) =>
      composedAttention(ops, queries, keys, values, mask),
    firstRows = (rows, count) => ops.slice(rows, 2, 0, count),
    rotateHalves: rotate = (x, cos, sin) => rotateHalves(ops, x, cos, sin),
    join = (rows, more) => (rows === undefined ? more : ops.concat([rows, more], 2)),
    ...steps
  } = own;
  return {
    ...composedNetwork(ops),
    rotate: (x, rotary) =>
      rotateHeads(ops, x, rotary, (part) => rotate(part, rotary.cos, rotary.sin)),
    append: (cache, keys, values) => {
      const behind = (old: Value | undefined, more: Value): Value =>
        join(keptRows(firstRows, old, cache.keep), more); // [B, G, L, D]
      return cache.replace((old) => ({
        keys: behind(old?.keys, keys),
        values: behind(old?.values, values),
      }));
    },
    attention: (queries, keys, values, mask, limits) =>
      limits === undefined
        ? attend(queries, keys, values, mask)
        : limitedAttention(
            ops,
            { attention: attend, firstRows },
            [queries, keys, values],
            mask,
            limits,
          ),
    scale: (x, factor) => ops.scale(x, factor),
    widen: (x, size) => widened(ops, x, size),
    layerNorm: (x, layer, epsilon) => hostLayerNorm(ops, x, layer, epsilon),
    activate: (x, activation) => pointwise(ops, x, POINTWISE[activation]),
    layers: oneByOne,
    layerBytes: 0,
    ...steps,
  };
}
