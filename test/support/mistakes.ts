import { f32Bits, f32BitsToBf16 } from "../../src/tensor/float-bits.ts";
import type { Cause } from "../../src/verify/diagnose/diagnosis.ts";
import type { EditableModel, Values } from "./editable-model.ts";

/** A mistake that a converter could make, and what it must be called. */
export interface Mistake {
  readonly name: string;
  readonly cause: Cause;
  /** Tensors to blame; any of them first is right. Empty where none is. */
  readonly tensors: readonly string[];
  make(model: EditableModel): void;
}

const HEADS = 4;
const HEAD_DIM = 16;

const layer = (index: number, name: string): string => `model.layers.${index}.${name}`;
const attention = (index: number, name: string, suffix = "weight"): string =>
  layer(index, `self_attn.${name}.${suffix}`);
const mlp = (index: number, name: string): string => layer(index, `mlp.${name}.weight`);
const EMBED = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
const LAYERS = [0, 1, 2] as const;

function edit(
  model: EditableModel,
  names: readonly string[],
  work: (values: Values) => Values,
): void {
  for (const name of names) model.set(name, work(model.get(name)));
}

function transpose({ shape, data }: Values): Values {
  const [height = 1, width = 1] = shape;
  return {
    shape: [width, height],
    data: data.map((_value, at) => data[(at % height) * width + Math.floor(at / height)] ?? 0),
  };
}

/** Row i of the result is row order(i). */
function rows(values: Values, order: (row: number, count: number) => number): Values {
  const [count = 1] = values.shape;
  const width = values.data.length / count;
  return {
    shape: values.shape,
    data: values.data.map(
      (_value, at) =>
        values.data[order(Math.floor(at / width), count) * width + (at % width)] ?? Number.NaN,
    ),
  };
}

function exchange(model: EditableModel, left: string, right: string): void {
  const [a, b] = [model.get(left), model.get(right)];
  model.set(left, b);
  model.set(right, a);
}

const zero = ({ shape, data }: Values): Values => ({ shape, data: data.map(() => 0) });

/** Row i of interleaved rotary pairs, where halves were. */
const interleaved = (row: number): number => {
  const head = Math.floor(row / HEAD_DIM);
  const index = row % HEAD_DIM;
  return head * HEAD_DIM + (index % 2 === 0 ? index / 2 : HEAD_DIM / 2 + (index - 1) / 2);
};
const halves = (row: number): number => {
  const head = Math.floor(row / HEAD_DIM);
  const index = row % HEAD_DIM;
  return head * HEAD_DIM + (index < HEAD_DIM / 2 ? 2 * index : 2 * (index - HEAD_DIM / 2) + 1);
};
const heads =
  (order: readonly number[]) =>
  (row: number): number =>
    (order[Math.floor(row / HEAD_DIM)] ?? 0) * HEAD_DIM + (row % HEAD_DIM);

function throughBf16(values: Values): Values {
  const floats = new Float32Array(1);
  const words = new Uint32Array(floats.buffer);
  return {
    shape: values.shape,
    data: values.data.map((value) => {
      words[0] = (f32BitsToBf16(f32Bits(value)) << 16) >>> 0;
      return floats[0] ?? 0;
    }),
  };
}

/** Symmetric quantization with one scale for each row, or for each block of so many elements. */
function throughInteger(values: Values, levels: number, block?: number): Values {
  const [count = 1] = values.shape;
  const width = block ?? values.data.length / count;
  const data = values.data.slice();
  for (let begin = 0; begin < data.length; begin += width) {
    const own = data.subarray(begin, begin + width);
    const step = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels;
    for (const [index, value] of own.entries()) own[index] = Math.round(value / step) * step;
  }
  return { shape: values.shape, data };
}

/** Three bits of mantissa, as an 8-bit float has. */
function throughFloat8(values: Values): Values {
  return {
    shape: values.shape,
    data: values.data.map((value) => {
      if (value === 0) return 0;
      const step = 2 ** (Math.max(-6, Math.floor(Math.log2(Math.abs(value)))) - 3);
      return Math.round(value / step) * step;
    }),
  };
}

/** A fused [q | k | v] cut up in another order. */
function resplit(model: EditableModel, index: number, order: (row: number) => number): void {
  for (const suffix of ["weight", "bias"]) {
    const names = ["q_proj", "k_proj", "v_proj"].map((name) => attention(index, name, suffix));
    const parts = names.map((name) => model.get(name));
    const size = parts[0]?.shape[0] ?? 0;
    const width = (parts[0]?.data.length ?? 0) / size;
    const fused = parts.flatMap(({ data }) => [...data]);
    for (const [part, name] of names.entries()) {
      const data = Float32Array.from(
        { length: size * width },
        (_unused, at) =>
          fused[order(part * size + Math.floor(at / width)) * width + (at % width)] ?? 0,
      );
      model.set(name, { shape: parts[part]?.shape ?? [], data });
    }
  }
}

const HIDDEN = HEADS * HEAD_DIM;
/** Row of [q | k | v] that stands at a row of the order by head: q0 k0 v0 q1 … */
const byHead = (row: number): number => {
  const block = Math.floor(row / HEAD_DIM);
  return (block % 3) * HIDDEN + Math.floor(block / 3) * HEAD_DIM + (row % HEAD_DIM);
};
/** And back: where a row of thirds stands in the order by head. */
const byThird = (row: number): number => {
  const part = Math.floor(row / HIDDEN);
  const head = Math.floor((row % HIDDEN) / HEAD_DIM);
  return (head * 3 + part) * HEAD_DIM + (row % HEAD_DIM);
};

const simple = (
  name: string,
  cause: Cause,
  tensors: readonly string[],
  work: (values: Values) => Values,
): Mistake => ({ name, cause, tensors, make: (model) => edit(model, tensors, work) });

const swap = (name: string, ...pairs: readonly (readonly [string, string])[]): Mistake => ({
  name,
  cause: "swapped",
  tensors: pairs.flat(),
  make: (model) => {
    for (const [left, right] of pairs) exchange(model, left, right);
  },
});

const config = (name: string, changes: Readonly<Record<string, unknown>>): Mistake => ({
  name,
  cause: "config-mismatch",
  tensors: [],
  make: (model) => Object.assign(model.config, changes),
});

const swapBytes = (name: string, tensor: string): Mistake => ({
  name,
  cause: "byte-swapped",
  tensors: [tensor],
  make: (model) => {
    model.swapBytes(tensor);
  },
});

const attentionOf = (index: number): readonly string[] =>
  ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => attention(index, name));
const biasesOf = (index: number): readonly string[] =>
  ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => attention(index, name, "bias"));
const wholeLayer = (index: number): readonly string[] => [
  ...attentionOf(index),
  ...biasesOf(index),
  ...["gate_proj", "up_proj", "down_proj"].map((name) => mlp(index, name)),
  layer(index, "input_layernorm.weight"),
  layer(index, "post_attention_layernorm.weight"),
];
const queryAndKey = (index: number, suffixes = ["weight", "bias"]): readonly string[] =>
  ["q_proj", "k_proj"].flatMap((name) => suffixes.map((suffix) => attention(index, name, suffix)));

const setElement =
  (at: number, change: (value: number) => number) =>
  ({ shape, data }: Values): Values => ({
    shape,
    data: data.map((value, index) => (index === at ? change(value) : value)),
  });

export const MISTAKES: readonly Mistake[] = [
  simple("q transposed in layer 0", "transposed", [attention(0, "q_proj")], transpose),
  simple("v transposed in layer 1", "transposed", [attention(1, "v_proj")], transpose),
  simple("o transposed in layer 2", "transposed", [attention(2, "o_proj")], transpose),
  simple("attention transposed in layer 1", "transposed", attentionOf(1), transpose),
  simple("attention transposed everywhere", "transposed", LAYERS.flatMap(attentionOf), transpose),
  simple(
    "gate transposed, so that its shape shows it",
    "transposed",
    [mlp(0, "gate_proj")],
    transpose,
  ),
  simple("lm_head transposed, so that its shape shows it", "transposed", [HEAD], transpose),
  swap("gate and up in layer 0", [mlp(0, "gate_proj"), mlp(0, "up_proj")]),
  swap(
    "q and k in layer 1",
    [attention(1, "q_proj"), attention(1, "k_proj")],
    [attention(1, "q_proj", "bias"), attention(1, "k_proj", "bias")],
  ),
  swap("k and v in layer 0, weights alone", [attention(0, "k_proj"), attention(0, "v_proj")]),
  swap("the norms of layer 2", [
    layer(2, "input_layernorm.weight"),
    layer(2, "post_attention_layernorm.weight"),
  ]),
  swap(
    "layers 0 and 2",
    ...wholeLayer(0).map((name): readonly [string, string] => [name, name.replace(".0.", ".2.")]),
  ),
  swap("embeddings and lm_head", [EMBED, HEAD]),
  swap(
    "gate and up everywhere",
    ...LAYERS.map((index): readonly [string, string] => [
      mlp(index, "gate_proj"),
      mlp(index, "up_proj"),
    ]),
  ),
  simple(
    "q and k interleaved everywhere",
    "rotary-permuted",
    LAYERS.flatMap((index) => queryAndKey(index)),
    (values) => rows(values, interleaved),
  ),
  simple("q and k interleaved in layer 1", "rotary-permuted", queryAndKey(1), (values) =>
    rows(values, interleaved),
  ),
  simple(
    "q and k permuted once too often in layer 2",
    "rotary-permuted",
    queryAndKey(2),
    (values) => rows(values, halves),
  ),
  simple(
    "q and k weights interleaved, biases not",
    "rotary-permuted",
    LAYERS.flatMap((index) => queryAndKey(index, ["weight"])),
    (values) => rows(values, interleaved),
  ),
  {
    name: "a qkv by thirds cut by head in layer 1",
    cause: "qkv-split-order",
    tensors: ["q_proj", "k_proj", "v_proj"].flatMap((name) => [
      attention(1, name),
      attention(1, name, "bias"),
    ]),
    make: (model) => resplit(model, 1, byHead),
  },
  {
    name: "a qkv by head cut into thirds everywhere",
    cause: "qkv-split-order",
    tensors: LAYERS.flatMap((index) =>
      ["q_proj", "k_proj", "v_proj"].flatMap((name) => [
        attention(index, name),
        attention(index, name, "bias"),
      ]),
    ),
    make: (model) => {
      for (const index of LAYERS) resplit(model, index, byThird);
    },
  },
  {
    name: "a qkv taken in the order k, v, q in layer 0",
    cause: "qkv-split-order",
    tensors: ["q_proj", "k_proj", "v_proj"].flatMap((name) => [
      attention(0, name),
      attention(0, name, "bias"),
    ]),
    make: (model) => resplit(model, 0, (row) => (row + HIDDEN) % (3 * HIDDEN)),
  },
  simple(
    "heads of q, k and v reversed in layer 1",
    "head-order",
    ["q_proj", "k_proj", "v_proj"].flatMap((name) => [
      attention(1, name),
      attention(1, name, "bias"),
    ]),
    (values) => rows(values, heads([3, 2, 1, 0])),
  ),
  simple(
    "two heads of q exchanged in layer 2",
    "head-order",
    [attention(2, "q_proj"), attention(2, "q_proj", "bias")],
    (values) => rows(values, heads([1, 0, 2, 3])),
  ),
  simple(
    "heads of k and v in reverse order in layer 0",
    "head-order",
    ["k_proj", "v_proj"].flatMap((name) => [attention(0, name), attention(0, name, "bias")]),
    (values) => rows(values, heads([1, 2, 3, 0])),
  ),
  simple("embeddings shifted by a row", "row-shifted", [EMBED], (values) =>
    rows(values, (row, count) => (row + 1) % count),
  ),
  simple("lm_head shifted by a row", "row-shifted", [HEAD], (values) =>
    rows(values, (row, count) => (row + count - 1) % count),
  ),
  simple("lm_head shifted by three rows", "row-shifted", [HEAD], (values) =>
    rows(values, (row, count) => (row + 3) % count),
  ),
  simple("embeddings shifted from row 40 on", "row-shifted", [EMBED], (values) =>
    rows(values, (row, count) => (row < 40 ? row : Math.min(count - 1, row + 1))),
  ),
  simple("q bias zero in layer 0", "bias-missing", [attention(0, "q_proj", "bias")], zero),
  simple("o bias zero in layer 2", "bias-missing", [attention(2, "o_proj", "bias")], zero),
  simple("all biases zero", "bias-missing", LAYERS.flatMap(biasesOf), zero),
  {
    name: "k bias of layer 1 not in the file",
    cause: "bias-missing",
    tensors: [attention(1, "k_proj", "bias")],
    make: (model) => model.delete(attention(1, "k_proj", "bias")),
  },
  {
    name: "lm_head is the embeddings",
    cause: "tied",
    tensors: [HEAD, EMBED],
    make: (model) => model.set(HEAD, model.get(EMBED)),
  },
  {
    name: "the embeddings are lm_head",
    cause: "tied",
    tensors: [EMBED, HEAD],
    make: (model) => model.set(EMBED, model.get(HEAD)),
  },
  {
    name: "f16 bits labelled bf16 in down of layer 1",
    cause: "dtype-misread",
    tensors: [mlp(1, "down_proj")],
    make: (model) => model.relabel(mlp(1, "down_proj"), "BF16"),
  },
  {
    name: "f16 bits labelled bf16 everywhere",
    cause: "dtype-misread",
    tensors: [EMBED, HEAD, ...LAYERS.flatMap(wholeLayer), "model.norm.weight"],
    make: (model) => {
      for (const name of model.names()) model.relabel(name, "BF16");
    },
  },
  swapBytes("bytes swapped in gate of layer 2", mlp(2, "gate_proj")),
  swapBytes("bytes swapped in lm_head", HEAD),
  simple(
    "matrices rounded through bfloat16",
    "cast",
    LAYERS.flatMap((index) => [
      ...attentionOf(index),
      mlp(index, "gate_proj"),
      mlp(index, "up_proj"),
      mlp(index, "down_proj"),
    ]),
    throughBf16,
  ),
  simple("up of layer 1 rounded through int8", "cast", [mlp(1, "up_proj")], (values) =>
    throughInteger(values, 127),
  ),
  simple(
    "down of layer 0 rounded through an 8-bit float",
    "cast",
    [mlp(0, "down_proj")],
    throughFloat8,
  ),
  simple(
    "k of layer 0 rounded through int8 by blocks of 32",
    "cast",
    [attention(0, "k_proj")],
    (values) => throughInteger(values, 127, 32),
  ),
  simple(
    "gate of layer 2 rounded through int4 by blocks of 32",
    "cast",
    [mlp(2, "gate_proj")],
    (values) => throughInteger(values, 7, 32),
  ),
  simple("v of layer 2 rounded through int4", "cast", [attention(2, "v_proj")], (values) =>
    throughInteger(values, 7),
  ),
  simple(
    "a NaN in v of layer 1",
    "non-finite",
    [attention(1, "v_proj")],
    setElement(100, () => Number.NaN),
  ),
  simple(
    "an infinity in lm_head",
    "non-finite",
    [HEAD],
    setElement(2000, () => Number.POSITIVE_INFINITY),
  ),
  simple(
    "an exponent bit flipped in q of layer 1",
    "corrupt",
    [attention(1, "q_proj")],
    setElement(777, (value) => value * 32_768),
  ),
  simple("a row of down zero in layer 0", "corrupt", [mlp(0, "down_proj")], ({ shape, data }) => ({
    shape,
    data: data.map((value, at) => (Math.floor(at / 176) === 20 ? 0 : value)),
  })),
  simple(
    "the second half of up zero in layer 2",
    "corrupt",
    [mlp(2, "up_proj")],
    ({ shape, data }) => ({
      shape,
      data: data.map((value, at) => (at > data.length / 2 ? 0 : value)),
    }),
  ),
  simple("a row of lm_head another", "corrupt", [HEAD], ({ shape, data }) => ({
    shape,
    data: data.map((value, at) => (Math.floor(at / 64) === 300 ? value * Math.sin(at) : value)),
  })),
  simple(
    "an element of a norm eight times as large in layer 1",
    "corrupt",
    [layer(1, "input_layernorm.weight")],
    setElement(5, (value) => 8 * value),
  ),
  simple(
    "a row of down another in layer 1",
    "corrupt",
    [mlp(1, "down_proj")],
    ({ shape, data }) => ({
      shape,
      data: data.map((value, at) => (Math.floor(at / 176) === 3 ? value * Math.sin(at) : value)),
    }),
  ),
  config("rms_norm_eps 1e-3", { rms_norm_eps: 1e-3 }),
  config("rope theta 1e6", { rope_theta: 1e6 }),
  config("eight heads", { num_attention_heads: 8 }),
  config("two layers", { num_hidden_layers: 2 }),
  config("linear rope scaling by 2", { rope_scaling: { type: "linear", factor: 2 } }),
];
