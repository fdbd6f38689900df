import type { LinearWeights, Ops, Value } from "../ops.ts";
import type { Pointwise } from "./activations.ts";
import type { KeyMask } from "./steps.ts";

type HostOps = Pick<Ops, "read" | "upload">;

/** cap · tanh(x / cap) */
export function capped(x: number, cap: number): number {
  return cap * Math.tanh(x / cap);
}

/** A function of each element, computed by the processor in float64: the same bits wherever an element stands. */
export function pointwise(ops: HostOps, x: Value, of: Pointwise): Value {
  const data = ops.read(x);
  for (let index = 0; index < data.length; index++) data[index] = of(data[index] ?? 0);
  return ops.upload(data, x.shape);
}

/**
 * weight · (x − mean(x)) / sqrt(variance(x) + epsilon) + bias over the last axis (Ba et al. 2016, arXiv 1607.06450, equation 4), computed
 * by the processor in float64.
 */
export function hostLayerNorm(
  ops: Pick<Ops, "read" | "upload" | "vector" | "scope">,
  x: Value,
  { weight, bias }: LinearWeights,
  epsilon: number,
): Value {
  return ops.scope(() => {
    const data = ops.read(x);
    const factors = ops.read(ops.vector(weight));
    const added = bias === undefined ? undefined : ops.read(ops.vector(bias));
    const size = factors.length;
    for (let begin = 0; begin < data.length; begin += size) {
      const row = data.subarray(begin, begin + size);
      let sum = 0;
      for (const value of row) sum += value;
      const mean = sum / size;
      let squares = 0;
      for (const value of row) squares += (value - mean) ** 2;
      const factor = 1 / Math.sqrt(squares / size + epsilon);
      for (let index = 0; index < size; index++)
        row[index] =
          (factors[index] ?? 0) * ((row[index] ?? 0) - mean) * factor + (added?.[index] ?? 0);
    }
    return ops.upload(data, x.shape);
  });
}

/** Which keys a query may see, and what becomes of its scores. */
export interface HostAttention {
  readonly mask: KeyMask;
  readonly cap: number | undefined;
  /** Keys that a query sees at most, its own among them. */
  readonly window: number | undefined;
  /** What the scores of each head fall by with every key further back. */
  readonly slopes: readonly number[] | undefined;
}

/**
 * Attention with scores that are capped or fall with the distance, computed by the processor in float64, key by key in order: a row's
 * bits depend on nothing but the keys that it sees. For models whose scores no kernel computes (Gemma 2, Bloom).
 */
export function hostAttention(
  ops: HostOps,
  queries: Value,
  keys: Value,
  values: Value,
  { mask, cap, window, slopes }: HostAttention,
): Value {
  const [b = 0, h = 0, t = 0, d = 0] = queries.shape;
  const [, g = 0, l = 0] = keys.shape;
  const [q, k, v] = [ops.read(queries), ops.read(keys), ops.read(values)];
  const mixed = new Float32Array(q.length);
  const scores = new Float64Array(l);
  for (let stack = 0; stack < b * h; stack++) {
    const visible = mask?.[Math.floor(stack / h)];
    const group = Math.floor(stack / h) * g + Math.floor(((stack % h) * g) / h);
    const shared = group * l * d;
    const slope = slopes?.[stack % h] ?? 0;
    for (let token = 0; token < t; token++) {
      const at = (stack * t + token) * d;
      const last = l - t + token;
      const first = window === undefined ? 0 : Math.max(0, last - window + 1);
      let most = Number.NEGATIVE_INFINITY;
      for (let key = first; key <= last; key++) {
        const score =
          visible?.[key] === 0
            ? Number.NEGATIVE_INFINITY
            : scoreOf(dot(q, at, k, shared + key * d, d) / Math.sqrt(d), cap);
        scores[key] = score - slope * (last - key);
        most = Math.max(most, scores[key] ?? most);
      }
      // Padding sees nothing; what it gives is looked at by nobody.
      if (most === Number.NEGATIVE_INFINITY) continue;
      let total = 0;
      for (let key = first; key <= last; key++) {
        const weight = Math.exp((scores[key] ?? 0) - most);
        scores[key] = weight;
        total += weight;
      }
      for (let channel = 0; channel < d; channel++) {
        let sum = 0;
        for (let key = first; key <= last; key++)
          sum += (scores[key] ?? 0) * (v[shared + key * d + channel] ?? 0);
        mixed[at + channel] = sum / total;
      }
    }
  }
  return ops.upload(mixed, queries.shape);
}

function scoreOf(product: number, cap: number | undefined): number {
  return cap === undefined ? product : capped(product, cap);
}

function dot(
  left: Float32Array,
  leftAt: number,
  right: Float32Array,
  rightAt: number,
  size: number,
): number {
  let sum = 0;
  for (let index = 0; index < size; index++)
    sum += (left[leftAt + index] ?? 0) * (right[rightAt + index] ?? 0);
  return sum;
}
