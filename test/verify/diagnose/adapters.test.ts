import { describe, expect, test } from "vitest";
import {
  layerLoss,
  type Adapters,
  type Layer,
  type Seen,
} from "../../../src/verify/diagnose/adapters/attention.ts";
import { descend } from "../../../src/verify/diagnose/adapters/descend.ts";
import { fitAdapters } from "../../../src/verify/diagnose/adapters/fit.ts";
import type { Matrix } from "../../../src/verify/diagnose/adapters/products.ts";
import { internlmConfig } from "../../support/model-config.ts";

const HIDDEN = 8;
const INNER = 12;
const TOKENS = 9;
const config = {
  ...internlmConfig(),
  hiddenSize: HIDDEN,
  intermediateSize: INNER,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  rotaryDims: 4,
};

/** Numbers from −1 to 1 (Park and Miller, 1988). */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (2 * state) / 2_147_483_647 - 1;
  };
}

const draw = draws(5);
const random = (rows: number, columns: number, scale = 1): Matrix => ({
  rows,
  columns,
  data: Float64Array.from({ length: rows * columns }, () => scale * draw()),
});
const norm = (): { weights: Float32Array; epsilon: number } => ({
  weights: Float32Array.from({ length: HIDDEN }, () => 1 + 0.3 * draw()),
  epsilon: 1e-5,
});

const adapters: Adapters = new Map([
  ["query", { down: random(2, HIDDEN), up: random(16, 2, 0.5) }],
  ["key", { down: random(2, HIDDEN), up: random(8, 2, 0.5) }],
  ["value", { down: random(2, HIDDEN), up: random(8, 2, 0.5) }],
  ["output", { down: random(2, 16), up: random(HIDDEN, 2, 0.5) }],
]);

const seen = (wanted: Float32Array): Seen => ({
  input: random(TOKENS, HIDDEN),
  query: random(TOKENS, 16),
  key: random(TOKENS, 8),
  value: random(TOKENS, 8),
  before: random(TOKENS, HIDDEN),
  wanted,
});

const empty = (): Adapters =>
  new Map(
    [...adapters].map(([role, { down, up }]) => [
      role,
      {
        down: { ...down, data: new Float64Array(down.data.length) },
        up: { ...up, data: new Float64Array(up.data.length) },
      },
    ]),
  );

function layerOf(rotaryPairs: "halves" | "neighbours", isLast: boolean): Layer {
  return {
    config: { ...config, rotaryPairs },
    output: random(HIDDEN, 16, 0.5),
    network: {
      norm: norm(),
      gate: random(INNER, HIDDEN),
      up: random(INNER, HIDDEN),
      down: random(HIDDEN, INNER, 0.3),
      last: isLast ? norm() : undefined,
    },
  };
}

describe("a layer with matrices of low rank", () => {
  test.each([
    ["halves", false],
    ["neighbours", true],
  ] as const)("has the derivatives that differences show: %s, last %s", (pairs, isLast) => {
    const layer = layerOf(pairs, isLast);
    const prompt = seen(Float32Array.from(random(TOKENS, HIDDEN).data));
    const gradients = empty();
    layerLoss(layer, prompt, adapters, gradients);
    const step = 1e-5;
    for (const [role, { down, up }] of adapters) {
      for (const [name, part] of [
        ["down", down],
        ["up", up],
      ] as const) {
        for (const index of [0, part.data.length >> 1, part.data.length - 1]) {
          const value = part.data[index] ?? 0;
          const at = (moved: number): number => {
            part.data[index] = moved;
            return layerLoss(layer, prompt, adapters, empty());
          };
          const slope = (at(value + step) - at(value - step)) / (2 * step);
          part.data[index] = value;
          expect(gradients.get(role)?.[name].data[index]).toBeCloseTo(slope, 5);
        }
      }
    }
  });
});

/** Rosenbrock's valley (The Computer Journal, 1960), and its derivatives. */
const valley = ([x = 0, y = 0]: Float64Array): { value: number; gradient: Float64Array } => ({
  value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
});

describe("descend", () => {
  test("finds the bottom of Rosenbrock's valley, and stops where nothing is left to spend", async () => {
    const start = Float64Array.of(-1.2, 1);
    const { at, value } = await descend(valley, start, 1e-12, () => Promise.resolve(true));
    expect(value).toBeLessThanOrEqual(1e-12);
    expect(at[0]).toBeCloseTo(1, 4);
    const spent = await descend(valley, start, 1e-12, () => Promise.resolve(false));
    expect([...spent.at]).toEqual([-1.2, 1]);
  });
});

describe("fitAdapters", () => {
  test("fits no more numbers than are known twice over", async () => {
    const problem = { layer: layerOf("halves", false), prompts: [seen(new Float32Array(72))] };
    expect(await fitAdapters(problem, ["query"], 16, () => Promise.resolve(true))).toBe("unknown");
  });
});
