import type { LinearWeights, Value } from "../../src/runtime/backends/ops.ts";
import type { AttentionLimits, KeyMask, Steps } from "../../src/runtime/backends/steps/steps.ts";
import { BLOCK_NAMES, dequantised, drawnBlocks, typeOf } from "./drawn-blocks.ts";
import { sixteenths } from "./exact-numbers.ts";
import { attentionReference, linearReference, rotateReference } from "./float64-model.ts";

/** An array that a case gives to a device. */
export interface Given {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** Of a matrix: the quantised blocks whose numbers `data` are, for devices that take such. */
  readonly blocks?: { readonly type: string; readonly bytes: Uint8Array };
}

/** Steps as every device can take them: what differs between devices (rotary tables, masks) is given as plain numbers. */
export interface PlainSteps extends Omit<
  Steps,
  "rotate" | "attention" | "append" | "layers" | "layerBytes" | "scope"
> {
  rotate(x: Value, cos: Given, sin: Given): Value;
  /** A row of the batch for each mask. */
  attention(
    queries: Value,
    keys: Value,
    values: Value,
    mask: KeyMask,
    limits?: AttentionLimits,
  ): Value;
}

type Work = (
  steps: PlainSteps,
  values: readonly Value[],
  layers: readonly LinearWeights[],
) => Value;

/** Where steps run: each backend gives its own. */
export interface StepDevice {
  /** What the backend says of itself (`Backend.keepsRows`). */
  readonly keepsBits: boolean;
  /** Steps that it refuses; models that need them do not run there. */
  readonly refuses: readonly (keyof PlainSteps | "limits")[];
  /** What `work` makes of values and of linear layers without bias. */
  run(values: readonly Given[], weights: readonly Given[], work: Work): Promise<Float32Array>;
  close(): void;
}

/** One call of a step, and what it gives in float64. */
interface StepCase {
  readonly title: string;
  readonly values: readonly Given[];
  readonly weights: readonly Given[];
  readonly work: Work;
  readonly expected: Float32Array;
  /** Roundings one after another. */
  readonly roundings: number;
}

/** A call on some tokens at once, and the same on fewer of them: where the results must have the same bits. */
interface BitsCase {
  readonly title: string;
  /** The step that it asks for, where that is not its title. */
  readonly step?: string;
  readonly whole: Omit<StepCase, "expected" | "roundings" | "title">;
  readonly parts: readonly (Omit<StepCase, "expected" | "roundings" | "title"> & {
    /** Which elements of the whole it gives. */
    readonly of: (index: number) => number;
  })[];
}

const numbers = sixteenths(1);

function given(...shape: readonly number[]): Given {
  return { data: numbers(shape.reduce((count, size) => count * size, 1)), shape };
}

/** Numbers of which no sum is exact. */
function uneven(...shape: readonly number[]): Given {
  const { data } = given(...shape);
  return { data: data.map((value, index) => value / (1 + (index % 7))), shape };
}

function sizeOf({ shape }: Given, axis: number): number {
  return shape.at(axis) ?? 0;
}

/** A matrix of drawn blocks. */
function inBlocks(type: string, outputs: number, inputs: number): Given {
  const count = (outputs * inputs) / typeOf(type).elements;
  const bytes = drawnBlocks(type, count, outputs + inputs);
  return { data: dequantised(type, bytes), shape: [outputs, inputs], blocks: { type, bytes } };
}

/** x · wᵀ in float64. */
function product(x: Given, w: Given): Float32Array {
  const [outputs, inputs] = [sizeOf(w, 0), sizeOf(w, 1)];
  const sizes = { rows: x.data.length / inputs, outputs, inputs };
  return linearReference(x.data, w.data, new Float32Array(outputs), sizes);
}

function silu(value: number): number {
  return value / (1 + Math.exp(-value));
}

export function first<T>(all: readonly T[]): T {
  const [one] = all;
  if (one === undefined) throw new Error("the case gives nothing");
  return one;
}

export function pick<T>(all: readonly T[], index: number): T {
  return first(all.slice(index));
}

const LINEARS = [
  [1, 1, 1],
  [2, 3, 7],
  [5, 65, 33],
  [65, 70, 40],
  [9, 64, 1064],
]
  .map(([rows = 0, outputs = 0, inputs = 0]) => ({
    title: `${rows} × ${inputs} to ${outputs}`,
    x: given(1, rows, inputs),
    w: given(outputs, inputs),
    up: given(outputs, inputs),
  }))
  .concat(
    BLOCK_NAMES.map((type) => ({
      title: `9 × 512 to 70 in ${type}`,
      x: given(1, 9, 512),
      w: inBlocks(type, 70, 512),
      up: inBlocks(type, 70, 512),
    })),
  );

const HEADS = given(2, 5, 24);

function swapHeads({ data, shape }: Given, heads: number): Float32Array {
  const [b = 0, t = 0, size = 0] = shape;
  const d = size / heads;
  return Float32Array.from({ length: b * t * size }, (_, index) => {
    const [j, token] = [index % d, Math.floor(index / d) % t];
    const head = Math.floor(index / (d * t)) % heads;
    const row = Math.floor(index / (d * t * heads));
    return data[((row * t + token) * heads + head) * d + j] ?? 0;
  });
}

const ROTATED = [2, 24, 130].flatMap((d) =>
  [1, 2].map((tables) => ({
    title: `heads of ${d}, ${tables} tables`,
    x: given(2, 2, 3, d),
    cos: given(tables, 1, 3, d),
    sin: given(tables, 1, 3, d),
    sizes: { tables, b: 2, h: 2, t: 3, d },
  })),
);

const ATTENTIONS = [
  { b: 1, h: 1, g: 1, t: 1, l: 1, d: 2 },
  { b: 1, h: 4, g: 2, t: 1, l: 37, d: 8 },
  { b: 2, h: 4, g: 1, t: 7, l: 7, d: 20 },
  { b: 2, h: 2, g: 2, t: 13, l: 60, d: 64 },
  { b: 3, h: 2, g: 1, t: 6, l: 19, d: 130 },
].flatMap((sizes) => {
  const { b, h, g, t, l, d } = sizes;
  const padded = Array.from({ length: b }, (_, row) =>
    Uint8Array.from({ length: l }, (__, key) => (key < row * 3 ? 0 : 1)),
  );
  return [undefined, padded].map((mask) => ({
    title: `${h} heads on ${g}, ${t} of ${l} tokens of ${d}${mask === undefined ? "" : ", padded"}`,
    q: given(b, h, t, d),
    k: given(b, g, l, d),
    v: given(b, g, l, d),
    mask,
    sizes,
  }));
});

/** (x − mean) / deviation of each row, times w, plus b. */
function layerNorm(x: Given, w: Given, b: Given): Float32Array {
  const size = sizeOf(w, 0);
  return x.data.map((value, index) => {
    const row = x.data.subarray(index - (index % size), index - (index % size) + size);
    const mean = row.reduce((sum, part) => sum + part, 0) / size;
    const variance = row.reduce((sum, part) => sum + (part - mean) ** 2, 0) / size;
    const normed = (value - mean) / Math.sqrt(variance + 1e-5);
    return (w.data[index % size] ?? 0) * normed + (b.data[index % size] ?? 0);
  });
}

/** The normal distribution's density. */
function density(at: number): number {
  return Math.exp((-at * at) / 2) / Math.sqrt(2 * Math.PI);
}

/** The normal distribution's Φ, summed by Simpson's rule from −12 on: another way than the product's. */
function normalShare(x: number): number {
  const [steps, begin] = [4000, -12];
  const width = (x - begin) / steps;
  let sum = density(begin) + density(x);
  for (let step = 1; step < steps; step++)
    sum += (step % 2 === 1 ? 4 : 2) * density(begin + step * width);
  return (sum * width) / 3;
}

const ONE_HEAD = given(1, 1, 5, 4);

/** `size` elements of the last axis from `begin` on. */
function lastAxis({ data, shape }: Given, begin: number, size: number): Float32Array {
  const length = shape.at(-1) ?? 1;
  return data.filter((_value, index) => {
    const at = index % length;
    return at >= begin && at < begin + size;
  });
}

/** Parts one after another along the last axis. */
function joinedLast(parts: readonly Float32Array[], sizes: readonly number[]): Float32Array {
  const rows = (parts[0]?.length ?? 0) / (sizes[0] ?? 1);
  return Float32Array.from(
    Array.from({ length: rows }, (_unused, row) =>
      parts.flatMap((part, index) => {
        const size = sizes[index] ?? 0;
        return [...part.subarray(row * size, (row + 1) * size)];
      }),
    ).flat(),
  );
}

const NORMED = [2, 24, 130].map((size) => ({ x: given(2, 3, size), w: given(size) }));

/**
 * Every step with its cases; a step that is added to `Steps` and not here is a type error. `layer` is held to its own steps where a
 * backend has one (`native-kernels`, `wasm` and `same-bits`), `append` to plain concatenation (`expectGrowingCache`).
 */
export const CASES: Readonly<Record<keyof PlainSteps, readonly StepCase[]>> = {
  norm: NORMED.map(({ x, w }) => ({
    title: `of ${sizeOf(w, 0)}`,
    values: [x],
    weights: [w],
    work: (steps, values, layers) => steps.norm(first(values), first(layers).weight, 1e-6),
    expected: x.data.map((value, index) => {
      const size = sizeOf(w, 0);
      const row = x.data.subarray(index - (index % size), index - (index % size) + size);
      const mean = row.reduce((sum, part) => sum + part * part, 0) / size;
      return ((w.data[index % size] ?? 0) * value) / Math.sqrt(mean + 1e-6);
    }),
    roundings: 2,
  })),
  layerNorm: NORMED.map(({ x, w }) => {
    const b = given(sizeOf(w, 0));
    return {
      title: `of ${sizeOf(w, 0)}`,
      values: [x],
      weights: [w, b],
      work: (steps, values, layers) =>
        steps.layerNorm(
          first(values),
          { weight: first(layers).weight, bias: pick(layers, 1).weight },
          1e-5,
        ),
      expected: layerNorm(x, w, b),
      roundings: 2,
    };
  }),
  linear: LINEARS.map(({ title, x, w }) => ({
    title,
    values: [x],
    weights: [w],
    work: (steps, values, layers) => steps.linear(first(values), first(layers)),
    expected: product(x, w),
    roundings: 1,
  })),
  linears: LINEARS.map(({ title, x, w, up }) => ({
    title,
    values: [x],
    weights: [w, up],
    work: (steps, values, layers) => pick(steps.linears(first(values), layers), 1),
    expected: product(x, up),
    roundings: 1,
  })),
  gatedLinear: LINEARS.map(({ title, x, w, up }) => {
    const [gate, other] = [product(x, w), product(x, up)];
    return {
      title,
      values: [x],
      weights: [w, up],
      work: (steps, values, layers) =>
        steps.gatedLinear(first(values), first(layers), pick(layers, 1)),
      expected: gate.map((value, index) => silu(value) * (other[index] ?? 0)),
      roundings: 4,
    };
  }),
  gatedHalves: [1, 9].map((rows) => {
    const x = given(1, rows, 34);
    return {
      title: `${rows} rows`,
      values: [x],
      weights: [],
      work: (steps, values) => steps.gatedHalves(first(values)),
      expected: Float32Array.from({ length: rows * 17 }, (_, index) => {
        const at = Math.floor(index / 17) * 34 + (index % 17);
        return silu(x.data[at] ?? 0) * (x.data[at + 17] ?? 0);
      }),
      roundings: 3,
    };
  }),
  add: [[HEADS, given(2, 5, 24)] as const].map(([left, right]) => ({
    title: "two values",
    values: [left, right],
    weights: [],
    work: (steps, values) => steps.add(first(values), pick(values, 1)),
    expected: left.data.map((value, index) => value + (right.data[index] ?? 0)),
    roundings: 1,
  })),
  split: [
    {
      title: "the second of three parts",
      values: [HEADS],
      weights: [],
      work: (steps, values) => pick(steps.split(first(values), [3, 5, 4]), 1),
      expected: lastAxis(HEADS, 3, 5),
      roundings: 0,
    },
  ],
  join: [
    {
      title: "two parts, the last first",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.join(steps.split(first(values), [3, 5]).toReversed()),
      expected: joinedLast([lastAxis(HEADS, 3, 5), lastAxis(HEADS, 0, 3)], [5, 3]),
      roundings: 0,
    },
  ],
  widen: [
    {
      title: "with zeros",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.widen(first(values), (HEADS.shape.at(-1) ?? 0) + 2),
      expected: joinedLast(
        [HEADS.data, new Float32Array((2 * HEADS.data.length) / (HEADS.shape.at(-1) ?? 1))],
        [HEADS.shape.at(-1) ?? 0, 2],
      ),
      roundings: 0,
    },
  ],
  repeatHeads: [
    {
      title: "one head three times",
      values: [ONE_HEAD],
      weights: [],
      work: (steps, values) => steps.repeatHeads(first(values), 3),
      expected: Float32Array.from(
        { length: 3 * ONE_HEAD.data.length },
        (_, index) => ONE_HEAD.data[index % ONE_HEAD.data.length] ?? 0,
      ),
      roundings: 0,
    },
  ],
  multiply: [
    {
      title: "two values",
      values: [HEADS, HEADS],
      weights: [],
      work: (steps, values) => steps.multiply(first(values), pick(values, 1)),
      expected: HEADS.data.map((value) => value * value),
      roundings: 1,
    },
  ],
  scale: [
    {
      title: "by a number",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.scale(first(values), -0.75),
      expected: HEADS.data.map((value) => -0.75 * value),
      roundings: 1,
    },
  ],
  activate: [
    {
      title: "GELU by tanh",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.activate(first(values), "geluTanh"),
      expected: HEADS.data.map(
        (value) =>
          (value / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3))),
      ),
      roundings: 2,
    },
    {
      title: "GELU",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.activate(first(values), "gelu"),
      expected: HEADS.data.map((value) => value * normalShare(value)),
      roundings: 2,
    },
    {
      title: "ReLU",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.activate(first(values), "relu"),
      expected: HEADS.data.map((value) => (value > 0 ? value : 0)),
      roundings: 1,
    },
  ],
  inParts: [
    {
      title: "gives what the work gives",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.inParts(first(values), (part) => steps.add(part, part)),
      expected: HEADS.data.map((value) => 2 * value),
      roundings: 1,
    },
  ],
  splitHeads: [
    {
      title: "3 heads of 8",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.splitHeads(first(values), 3),
      expected: swapHeads(HEADS, 3),
      roundings: 0,
    },
  ],
  mergeHeads: [
    {
      title: "undoes what splitting does",
      values: [HEADS],
      weights: [],
      work: (steps, values) => steps.mergeHeads(steps.splitHeads(first(values), 3)),
      expected: HEADS.data,
      roundings: 0,
    },
  ],
  eachPart: [
    {
      title: "parts of the tokens one by one, each with its own",
      values: [HEADS],
      weights: [],
      work: (steps, values) => {
        const heads = steps.splitHeads(first(values), 3); // [2, 3, 5, 8]
        const sums = steps.eachPart([heads], [2, 1, 2], ([own = heads], part) =>
          Array.from({ length: part }).reduce<Value>((sum) => steps.add(sum, own), own),
        );
        return steps.mergeHeads(sums);
      },
      // [2, 5, 24]: tokens 0 and 1, token 2, tokens 3 and 4.
      expected: HEADS.data.map(
        (value, index) => value * ([1, 1, 2, 3, 3][Math.floor(index / 24) % 5] ?? 0),
      ),
      roundings: 2,
    },
  ],
  rotate: ROTATED.map(({ title, x, cos, sin, sizes }) => ({
    title,
    values: [x],
    weights: [],
    work: (steps, values) => steps.rotate(first(values), cos, sin),
    expected: rotateReference(x.data, cos.data, sin.data, sizes),
    roundings: 3,
  })),
  attention: ATTENTIONS.map(({ title, q, k, v, mask, sizes }) => ({
    title,
    values: [q, k, v],
    weights: [],
    work: (steps, values) => steps.attention(first(values), pick(values, 1), pick(values, 2), mask),
    expected: attentionReference(q.data, k.data, v.data, sizes, mask),
    roundings: 3,
  })),
};

function never(): never {
  throw new Error("a case without a value");
}

/** Some tokens of [1, T, C]. */
function tokens({ data, shape }: Given, begin: number, count: number): Given {
  const size = shape.at(-1) ?? 0;
  return { data: data.slice(begin * size, (begin + count) * size), shape: [1, count, size] };
}

/** Some rows of [1, H, T, D] along T. */
function headTokens({ data, shape }: Given, begin: number, count: number): Given {
  const [, h = 0, t = 0, d = 0] = shape;
  const picked = Float32Array.from({ length: h * count * d }, (_, index) => {
    const [j, token] = [index % d, Math.floor(index / d) % count];
    return data[(Math.floor(index / (d * count)) * t + begin + token) * d + j] ?? 0;
  });
  return { data: picked, shape: [1, h, count, d] };
}

function bitsOfTokens(
  title: string,
  x: Given,
  weights: readonly Given[],
  outputs: number,
  work: Work,
): BitsCase {
  const spans = [
    [0, 1],
    [17, 2],
    [30, 6],
    [60, 11],
    [3, 128],
  ] as const;
  return {
    title,
    whole: { values: [x], weights, work },
    parts: spans.map(([begin, count]) => ({
      values: [tokens(x, begin, count)],
      weights,
      work,
      of: (index) => begin * outputs + index,
    })),
  };
}

const X = uneven(1, 131, 700);
const [GATE, UP] = [given(70, 700), given(70, 700)];
const X_OF_BLOCKS = uneven(1, 131, 512);
const [H, L, D] = [2, 70, 48];
const [Q, K, V] = [uneven(1, H, L, D), uneven(1, H, L, D), uneven(1, H, L, D)];

export const [LIMITED_Q, LIMITED_K, LIMITED_V] = [
  given(1, 1, 5, 4),
  given(1, 1, 9, 4),
  given(1, 1, 9, 4),
];

/** Attention of the last 5 of 9 tokens of 4 in float64, scores capped and falling with the distance, keys in a window. */
export function limitedReference({
  window = 9,
  cap = Infinity,
  slopes = [0],
  seesAll = false,
}: AttentionLimits): Float32Array {
  const [slope = 0] = slopes;
  return Float32Array.from({ length: 20 }, (_, index) => {
    const [j, query] = [index % 4, Math.floor(index / 4)];
    const last = seesAll ? 8 : 4 + query;
    const powers = Array.from({ length: 9 }, (__, key) => {
      if (key > last || key <= last - window) return 0;
      let score = 0;
      for (let at = 0; at < 4; at++)
        score += ((LIMITED_Q.data[query * 4 + at] ?? 0) * (LIMITED_K.data[key * 4 + at] ?? 0)) / 2;
      if (cap !== Infinity) score = cap * Math.tanh(score / cap);
      return Math.exp(score - slope * (last - key));
    });
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.reduce(
      (sum, power, key) => sum + (power / total) * (LIMITED_V.data[key * 4 + j] ?? 0),
      0,
    );
  });
}

export const LIMITS: readonly AttentionLimits[] = [
  { window: 3 },
  { cap: 0.5 },
  { window: 2, cap: 0.5 },
  { slopes: [0.5] },
  { seesAll: true },
  { slopes: [0.25], window: 3 },
];

export const BITS: readonly BitsCase[] = [
  bitsOfTokens("linear", X, [GATE], 70, CASES.linear[0]?.work ?? never()),
  bitsOfTokens("linears", X, [GATE, UP], 70, CASES.linears[0]?.work ?? never()),
  bitsOfTokens("gatedLinear", X, [GATE, UP], 70, CASES.gatedLinear[0]?.work ?? never()),
  ...BLOCK_NAMES.map((type) => ({
    ...bitsOfTokens(
      `gatedLinear in ${type}`,
      X_OF_BLOCKS,
      [inBlocks(type, 70, 512), inBlocks(type, 70, 512)],
      70,
      CASES.gatedLinear[0]?.work ?? never(),
    ),
    step: "gatedLinear",
  })),
  bitsOfTokens("norm", X, [uneven(700)], 700, CASES.norm[0]?.work ?? never()),
  bitsOfTokens(
    "layerNorm",
    X,
    [uneven(700), uneven(700)],
    700,
    CASES.layerNorm[0]?.work ?? never(),
  ),
  {
    ...bitsOfTokens("GELU", X, [], 700, (steps, values) => steps.activate(first(values), "gelu")),
    step: "activate",
  },
  {
    title: "attention",
    whole: {
      values: [Q, K, V],
      weights: [],
      work: (steps, values) =>
        steps.attention(first(values), pick(values, 1), pick(values, 2), undefined),
    },
    parts: (
      [
        [69, 1],
        [40, 30],
        [33, 2],
      ] as const
    ).map(([begin, count]) => ({
      values: [
        headTokens(Q, begin, count),
        headTokens(K, 0, begin + count),
        headTokens(V, 0, begin + count),
      ],
      weights: [],
      work: (steps, values) =>
        steps.attention(first(values), pick(values, 1), pick(values, 2), undefined),
      of: (index) =>
        (Math.floor(index / (count * D)) * L + begin + (Math.floor(index / D) % count)) * D +
        (index % D),
    })),
  },
];
