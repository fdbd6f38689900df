import type { Values } from "../editable-model.ts";

/** What a decoder computes, as plain numbers: nothing of it is taken from the code that is tested. */
export interface PlainSpec {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Dimensions of each head that are rotated, and which two of them make a pair. */
  readonly rotaryDims: number;
  readonly pairs: "halves" | "neighbours";
  /** Radians a position, one a pair. */
  readonly frequencies: readonly number[];
  readonly eps: number;
  readonly activation: "silu" | "gelu";
  readonly tied: boolean;
}

/** What comes out: the states after the embeddings and each layer (the last one normed), and the logits. */
export interface PlainOutput {
  readonly states: readonly Float64Array[];
  readonly logits: Float64Array;
}

type Get = (name: string) => Values | undefined;

/** A decoder in float64, loop by loop, on one prompt. */
export function plainForward(spec: PlainSpec, get: Get, ids: readonly number[]): PlainOutput {
  const need = (name: string): Values => {
    const values = get(name);
    if (values === undefined) throw new Error(`no tensor ${name}`);
    return values;
  };
  const { hidden, layers, eps } = spec;
  const table = need("model.embed_tokens.weight").data;
  let x: Float64Array = Float64Array.from(
    { length: ids.length * hidden },
    (_unused, at) => table[(ids[Math.floor(at / hidden)] ?? 0) * hidden + (at % hidden)] ?? 0,
  );
  const states: Float64Array[] = [x];
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string): string => `model.layers.${layer}.${name}`;
    const linear = (input: Float64Array, name: string): Float64Array =>
      multiplied(input, need(at(`${name}.weight`)), get(at(`${name}.bias`)));
    const normed = norm(x, need(at("input_layernorm.weight")).data, eps);
    const mixed = attend(
      spec,
      linear(normed, "self_attn.q_proj"),
      linear(normed, "self_attn.k_proj"),
      linear(normed, "self_attn.v_proj"),
      ids.length,
    );
    x = sum(x, linear(mixed, "self_attn.o_proj"));
    const second = norm(x, need(at("post_attention_layernorm.weight")).data, eps);
    x = sum(
      x,
      linear(gated(spec, second, linear, get(at("mlp.gate_up_proj.weight"))), "mlp.down_proj"),
    );
    if (layer < layers - 1) states.push(x);
  }
  const last = norm(x, need("model.norm.weight").data, eps);
  states.push(last);
  const head = spec.tied ? need("model.embed_tokens.weight") : need("lm_head.weight");
  return { states, logits: multiplied(last, head, undefined) };
}

function gated(
  { activation, hidden }: PlainSpec,
  x: Float64Array,
  linear: (input: Float64Array, name: string) => Float64Array,
  fused: Values | undefined,
): Float64Array {
  const act = activation === "silu" ? silu : gelu;
  if (fused === undefined) {
    const up = linear(x, "mlp.up_proj");
    return linear(x, "mlp.gate_proj").map((value, at) => act(value) * (up[at] ?? 0));
  }
  const both = multiplied(x, fused, undefined);
  const size = (fused.shape[0] ?? 0) / 2;
  return Float64Array.from({ length: (x.length / hidden) * size }, (_unused, at) => {
    const begin = Math.floor(at / size) * 2 * size + (at % size);
    return act(both[begin] ?? 0) * (both[begin + size] ?? 0);
  });
}

const silu = (value: number): number => value / (1 + Math.exp(-value));
const gelu = (value: number): number =>
  (value / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3)));

function sum(left: Float64Array, right: Float64Array): Float64Array {
  return left.map((value, at) => value + (right[at] ?? 0));
}

function norm(x: Float64Array, weight: Float32Array, eps: number): Float64Array {
  const width = weight.length;
  const result = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += width) {
    let squares = 0;
    for (let at = 0; at < width; at++) squares += (x[begin + at] ?? 0) ** 2;
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let at = 0; at < width; at++)
      result[begin + at] = (x[begin + at] ?? 0) * scale * (weight[at] ?? 0);
  }
  return result;
}

function multiplied(x: Float64Array, weight: Values, bias: Values | undefined): Float64Array {
  const [out = 1, input = 1] = weight.shape;
  const rows = x.length / input;
  const result = new Float64Array(rows * out);
  for (let row = 0; row < rows; row++)
    for (let to = 0; to < out; to++) {
      let total = bias?.data[to] ?? 0;
      for (let from = 0; from < input; from++)
        total += (x[row * input + from] ?? 0) * (weight.data[to * input + from] ?? 0);
      result[row * out + to] = total;
    }
  return result;
}

function attend(
  spec: PlainSpec,
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  tokens: number,
): Float64Array {
  const { heads, kvHeads, headDim } = spec;
  rotate(spec, q, heads, tokens);
  rotate(spec, k, kvHeads, tokens);
  const result = new Float64Array(tokens * heads * headDim);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor(head / (heads / kvHeads));
    for (let token = 0; token < tokens; token++) {
      const scores = Array.from({ length: token + 1 }, (_unused, key) => {
        let total = 0;
        for (let at = 0; at < headDim; at++)
          total +=
            (q[(token * heads + head) * headDim + at] ?? 0) *
            (k[(key * kvHeads + group) * headDim + at] ?? 0);
        return total / Math.sqrt(headDim);
      });
      const most = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - most));
      const all = powers.reduce((total, power) => total + power, 0);
      for (let at = 0; at < headDim; at++)
        result[(token * heads + head) * headDim + at] = powers.reduce(
          (total, power, key) =>
            total + (power / all) * (v[(key * kvHeads + group) * headDim + at] ?? 0),
          0,
        );
    }
  }
  return result;
}

function rotate(spec: PlainSpec, x: Float64Array, heads: number, tokens: number): void {
  const { headDim, rotaryDims, pairs, frequencies } = spec;
  const half = rotaryDims / 2;
  for (let token = 0; token < tokens; token++)
    for (let head = 0; head < heads; head++)
      for (const [pair, frequency] of frequencies.entries()) {
        const begin = (token * heads + head) * headDim;
        const [one, two] =
          pairs === "halves"
            ? [begin + pair, begin + pair + half]
            : [begin + 2 * pair, begin + 2 * pair + 1];
        const [cos, sin] = [Math.cos(token * frequency), Math.sin(token * frequency)];
        const [a, b] = [x[one] ?? 0, x[two] ?? 0];
        x[one] = a * cos - b * sin;
        x[two] = b * cos + a * sin;
      }
}
