import type { ModelConfig } from "../../../model/config/model-config.ts";
import { inverseFrequencies } from "../../../runtime/model/rope.ts";
import { networkLoss, type Network } from "./network.ts";
import { addProduct, addTo, by, byTransposed, newMatrix, type Matrix } from "./products.ts";

/** The projections of a layer's attention. */
export const ROLES = ["query", "key", "value", "output"] as const;
export type Role = (typeof ROLES)[number];

/** A layer as it is. */
export interface Layer {
  readonly config: ModelConfig;
  /** o_proj's weight, [hidden, heads · headDim]. */
  readonly output: Matrix;
  readonly network: Network;
}

/** One prompt at one layer. */
export interface Seen {
  /** What queries, keys and values are projections of, [T, hidden]. */
  readonly input: Matrix;
  /** What each projection makes of it as it is, bias included, [T, out]. */
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  /** Hidden states before the layer, and what o_proj's bias adds to them, [T, hidden]. */
  readonly before: Matrix;
  /** What comes out of the layer, [T, hidden]. */
  readonly wanted: Float32Array;
}

/** A matrix of low rank, up · down, that is added to a projection: down [r, in], up [out, r]. */
export interface Adapter {
  readonly down: Matrix;
  readonly up: Matrix;
}

export type Adapters = ReadonlyMap<Role, Adapter>;

/**
 * One layer in float64 with matrices of low rank added to its projections: half the squares of what comes out less what should, and
 * the derivative by every number of every adapter, which is added to `gradients`.
 */
export function layerLoss(
  { config, output, network }: Layer,
  seen: Seen,
  adapters: Adapters,
  gradients: Adapters,
): number {
  const { heads, kvHeads, headDim: size } = config;
  const tokens = seen.input.rows;
  const rotated = (role: "query" | "key"): Matrix => {
    const all = adapted(seen[role], seen.input, adapters.get(role));
    rotate(all, config, tokens, 1);
    return all;
  };
  const [query, key] = [rotated("query"), rotated("key")];
  const value = adapted(seen.value, seen.input, adapters.get("value"));
  const scale = 1 / Math.sqrt(size);
  const context = newMatrix(tokens, heads * size);
  const weights: Float64Array[] = [];
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * kvHeads) / heads);
    const shares = new Float64Array(tokens * tokens);
    for (let at = 0; at < tokens; at++) {
      let [most, sum] = [Number.NEGATIVE_INFINITY, 0];
      for (let past = 0; past <= at; past++) {
        const score = scale * rowDot(query, at, head, key, past, group, size);
        shares[at * tokens + past] = score;
        most = Math.max(most, score);
      }
      for (let past = 0; past <= at; past++) {
        const share = Math.exp((shares[at * tokens + past] ?? 0) - most);
        shares[at * tokens + past] = share;
        sum += share;
      }
      for (let past = 0; past <= at; past++) {
        const share = (shares[at * tokens + past] ?? 0) / sum;
        shares[at * tokens + past] = share;
        addRow(context, at, head, value, past, group, size, share);
      }
    }
    weights.push(shares);
  }
  const middle = adapted(byTransposed(context, output), context, adapters.get("output"));
  addTo(middle, seen.before);
  const { loss, slope: error } = networkLoss(network, middle, seen.wanted);
  const back = by(error, output);
  addTo(
    back,
    adaptedBack(error, context, adapters.get("output"), gradients.get("output")) ??
      newMatrix(tokens, heads * size),
  );
  const [dQuery, dKey] = [newMatrix(tokens, heads * size), newMatrix(tokens, kvHeads * size)];
  const dValue = newMatrix(tokens, kvHeads * size);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * kvHeads) / heads);
    const shares = weights[head] ?? new Float64Array(0);
    for (let at = 0; at < tokens; at++) {
      const slopes = new Float64Array(at + 1);
      let mean = 0;
      for (let past = 0; past <= at; past++) {
        const share = shares[at * tokens + past] ?? 0;
        const slope = rowDot(back, at, head, value, past, group, size);
        slopes[past] = slope;
        mean += share * slope;
        addRow(dValue, past, group, back, at, head, size, share);
      }
      for (let past = 0; past <= at; past++) {
        const share = shares[at * tokens + past] ?? 0;
        const slope = scale * share * ((slopes[past] ?? 0) - mean);
        addRow(dQuery, at, head, key, past, group, size, slope);
        addRow(dKey, past, group, query, at, head, size, slope);
      }
    }
  }
  rotate(dQuery, config, tokens, -1);
  rotate(dKey, config, tokens, -1);
  for (const [role, slope] of [
    ["query", dQuery],
    ["key", dKey],
    ["value", dValue],
  ] as const)
    adaptedBack(slope, seen.input, adapters.get(role), gradients.get(role));
  return loss;
}

function adapted(plain: Matrix, input: Matrix, adapter: Adapter | undefined): Matrix {
  const result = { ...plain, data: plain.data.slice() };
  if (adapter !== undefined)
    addTo(result, byTransposed(byTransposed(input, adapter.down), adapter.up));
  return result;
}

/** Derivatives by an adapter's numbers; what is passed on to its input. */
function adaptedBack(
  slope: Matrix,
  input: Matrix,
  adapter: Adapter | undefined,
  gradient: Adapter | undefined,
): Matrix | undefined {
  if (adapter === undefined || gradient === undefined) return undefined;
  addProduct(gradient.up.data, slope, byTransposed(input, adapter.down));
  const inner = by(slope, adapter.up);
  addProduct(gradient.down.data, inner, input);
  return by(inner, adapter.down);
}

/** Rotates queries or keys [T, heads · headDim] by their position, or back. */
function rotate(all: Matrix, config: ModelConfig, tokens: number, sign: 1 | -1): void {
  const { headDim: size, rotaryDims, rotaryPairs, rope, maxPositions } = config;
  if (rotaryDims === 0) return;
  const half = rotaryDims / 2;
  const frequencies = inverseFrequencies(rope, rotaryDims, maxPositions, tokens);
  const amplitude = rope.scaling.kind === "yarn" ? rope.scaling.attentionFactor : 1;
  for (let at = 0; at < tokens; at++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = at * (frequencies[pair] ?? 0);
      const [cosine, sine] = [amplitude * Math.cos(angle), sign * amplitude * Math.sin(angle)];
      const [first, second] =
        rotaryPairs === "halves" ? [pair, pair + half] : [2 * pair, 2 * pair + 1];
      for (let head = at * all.columns; head < (at + 1) * all.columns; head += size) {
        const [a, b] = [all.data[head + first] ?? 0, all.data[head + second] ?? 0];
        all.data[head + first] = a * cosine - b * sine;
        all.data[head + second] = b * cosine + a * sine;
      }
    }
  }
}

/** The product of one head's part of a row with that of another row. */
function rowDot(
  left: Matrix,
  row: number,
  head: number,
  right: Matrix,
  other: number,
  group: number,
  size: number,
): number {
  let sum = 0;
  const [from, to] = [row * left.columns + head * size, other * right.columns + group * size];
  for (let index = 0; index < size; index++)
    sum += (left.data[from + index] ?? 0) * (right.data[to + index] ?? 0);
  return sum;
}

/** Adds so many times one head's part of a row to that of another row. */
function addRow(
  sum: Matrix,
  row: number,
  head: number,
  other: Matrix,
  from: number,
  group: number,
  size: number,
  factor: number,
): void {
  const [to, at] = [row * sum.columns + head * size, from * other.columns + group * size];
  for (let index = 0; index < size; index++)
    sum.data[to + index] = (sum.data[to + index] ?? 0) + factor * (other.data[at + index] ?? 0);
}
