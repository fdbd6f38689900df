import { afterAll, beforeAll, expect, test } from "vitest";
import { layerName } from "../../src/model/canonical-names.ts";
import { layerTensors } from "../../src/model/tensors.ts";
import { LLAMA_BLOCK } from "../../src/runtime/model/block.ts";
import { KvCache } from "../../src/runtime/model/kv-cache.ts";
import { ModuleWeights } from "../../src/runtime/model/parameters.ts";
import { Sequence } from "../../src/runtime/model/sequence.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { ComputeDtype, Ops, Weight } from "../../src/runtime/backends/ops.ts";
import type { Value } from "../../src/runtime/backends/ops.ts";
import { hostLogSums } from "../../src/runtime/backends/steps/log-sums.ts";
import { expectGrowingCache } from "../support/cache-growth.ts";
import { bytesOf, sixteenths as numbersFrom, transposeOf } from "../support/exact-numbers.ts";
import { attentionReference, linearReference, rotateReference } from "../support/float64-model.ts";
import { withEachInstructionSet } from "../support/instruction-sets.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { maxAbs } from "../support/max-abs.ts";

/** Largest relative distance of one rounding to each dtype, and of sums of a thousand products in float32. */
const ROUNDING: Readonly<Record<ComputeDtype, number>> = {
  f32: 2e-6,
  f16: 2 ** -10,
  bf16: 2 ** -7,
};
const STORED = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

/** What kernels compute with, and what a matrix may be kept in: float32 takes matrices of all three. */
const PAIRS: readonly (readonly [ComputeDtype, ComputeDtype])[] = [
  ["f32", "f32"],
  ["f32", "f16"],
  ["f32", "bf16"],
  ["f16", "f16"],
  ["bf16", "bf16"],
];

let opened: Readonly<Record<ComputeDtype, Backend>>;
beforeAll(async () => {
  opened = { f32: await open("f32"), f16: await open("f16"), bf16: await open("bf16") };
});
afterAll(() => {
  // TensorFlow counts the arrays of all three together.
  for (const { ops } of Object.values(opened)) ops.dispose();
  expect(opened.f32.ops.memory()).toEqual({ values: 0, bytes: 0 });
});

async function open(compute: ComputeDtype): Promise<Backend> {
  const backend = await openNative({ device: "cpu", compute, verbose: false });
  // Fails, rather than skips, where `weighbridge native install` has compiled no kernels.
  expect(backend.ops.description).toContain("with kernels for");
  return backend;
}

const sixteenths = numbersFrom(1);
/** Apart, so that the numbers of the other tests stay what they are. */
const others = numbersFrom(2);

function upload(
  ops: Ops,
  data: Float32Array,
  shape: readonly number[],
  dtype: ComputeDtype,
  transposed = false,
): Weight {
  return ops.uploadWeight({
    name: "w",
    bytes: bytesOf(data, STORED[dtype]),
    dtype: STORED[dtype],
    shape,
    transposed,
  });
}

/** Distance relative to the largest number there is. */
function distance(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  return maxAbs(found, expected) / Math.max(...expected.map((value) => Math.abs(value)));
}

const SHAPES = [1, 2, 5, 6, 7, 12, 13, 121].flatMap((rows) =>
  [
    [1, 1],
    [3, 7],
    [4, 16],
    [65, 33],
    [130, 88],
    [64, 1064],
    [70, 2049],
  ].map(([outputs = 0, inputs = 0]) => ({ rows, outputs, inputs })),
);

withEachInstructionSet(() => {
  test.each(PAIRS)(
    "linear in %s with a matrix in %s is the product, of any shape, in either layout",
    (compute, stored) => {
      const { ops } = opened[compute];
      for (const { rows, outputs, inputs } of SHAPES) {
        const [x, w, b] = [
          sixteenths(rows * inputs),
          sixteenths(outputs * inputs),
          sixteenths(outputs),
        ];
        const expected = linearReference(x, w, b, { rows, outputs, inputs });
        const bias = upload(ops, b, [outputs], stored);
        const straight = upload(ops, w, [outputs, inputs], stored);
        const columnMajor = upload(
          ops,
          transposeOf(w, outputs, inputs),
          [outputs, inputs],
          stored,
          true,
        );
        ops.scope(() => {
          const given = ops.upload(x, [rows, inputs]);
          const found = ops.read(ops.linear(given, straight, bias));
          expect(distance(found, expected)).toBeLessThanOrEqual(ROUNDING[compute]);
          expect(ops.read(ops.linear(given, columnMajor, bias))).toEqual(found);
          return undefined;
        });
        for (const weight of [bias, straight, columnMajor]) ops.releaseWeight(weight);
      }
    },
  );

  test.each(PAIRS)(
    "in %s with %s a row's result does not depend on the rows beside it",
    (compute, stored) => {
      const { ops } = opened[compute];
      const [rows, outputs, inputs] = [131, 70, 2056];
      const random = sixteenths(rows * inputs).map((value, index) => value / (1 + (index % 7)));
      const weight = upload(ops, sixteenths(outputs * inputs), [outputs, inputs], stored);
      ops.scope(() => {
        const x = ops.upload(random, [rows, inputs]);
        const whole = ops.read(ops.linear(x, weight));
        for (const [begin, size] of [
          [0, 1],
          [17, 2],
          [30, 6],
          [60, 11],
          [3, 128],
        ] as const) {
          const part = ops.read(ops.linear(ops.slice(x, 0, begin, size), weight));
          expect(part).toEqual(whole.subarray(begin * outputs, (begin + size) * outputs));
        }
        return undefined;
      });
      ops.releaseWeight(weight);
    },
  );

  test.each(PAIRS)(
    "what cross-entropies need of logits in %s with %s is what the logits themselves give, whatever rows are beside",
    (compute, stored) => {
      const { ops } = opened[compute];
      // More rows than a band has, and a last panel that is not full.
      const [rows, vocab, inputs] = [205, 70, 33];
      const random = others(rows * inputs).map((value, index) => value / (1 + (index % 7)));
      const weight = upload(ops, others(vocab * inputs), [vocab, inputs], stored);
      const ids = Array.from({ length: rows }, (_, row) => [row % vocab, 69, -1]);
      ops.scope(() => {
        const x = ops.upload(random, [rows, inputs]);
        const logits = ops.read(ops.linear(x, weight));
        const found = ops.logSums?.(x, weight, Int32Array.from(ids.flat()));
        for (const [row, list] of ids.entries()) {
          const [largest, sum = 0, ...wanted] = found?.subarray(row * 5, row * 5 + 5) ?? [];
          const [most, all = 0, ...own] = hostLogSums(
            logits.subarray(row * vocab, (row + 1) * vocab),
            list.slice(0, 2),
          );
          expect([largest, ...wanted.slice(0, 2)]).toEqual([most, ...own]);
          expect(Math.abs(sum / all - 1)).toBeLessThan(5e-7);
        }
        for (const [begin, size] of [
          [0, 1],
          [17, 2],
          [60, 13],
          [3, 200],
        ] as const) {
          const some = Int32Array.from(ids.slice(begin, begin + size).flat());
          const part = ops.logSums?.(ops.slice(x, 0, begin, size), weight, some);
          expect(part).toEqual(found?.subarray(begin * 5, (begin + size) * 5));
        }
        return undefined;
      });
      ops.releaseWeight(weight);
    },
  );

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "a logit that is %d gives no number, in whichever panel",
    (wrong) => {
      const { ops } = opened.f32;
      for (const at of [0, 31, 32, 69]) {
        const data = new Float32Array(70).fill(1);
        data[at] = wrong;
        const weight = upload(ops, data, [70, 1], "f32");
        const x = ops.upload(Float32Array.of(1, 0.5), [2, 1]);
        const found = ops.logSums?.(x, weight, Int32Array.of(1, 2));
        ops.free(x);
        ops.releaseWeight(weight);
        expect([found?.[1], found?.[4]]).toEqual([Number.NaN, Number.NaN]);
      }
    },
  );

  test.each(PAIRS)(
    "several layers at once, and a gated pair, in %s with %s are what one after another gives",
    (compute, stored) => {
      const { ops, steps } = opened[compute];
      for (const rows of [1, 9]) {
        const [outputs, inputs] = [70, 40];
        const layers = [outputs, 5, outputs].map((size) => ({
          weight: upload(ops, sixteenths(size * inputs), [size, inputs], stored),
          bias: upload(ops, sixteenths(size), [size], stored),
        }));
        ops.scope(() => {
          const x = ops.upload(sixteenths(rows * inputs), [1, rows, inputs]);
          const apart = layers.map(({ weight, bias }) => ops.linear(x, weight, bias));
          for (const [index, value] of steps.linears(x, layers).entries()) {
            const one = apart[index] ?? value;
            expect(value.shape).toEqual(one.shape);
            expect(ops.read(value)).toEqual(ops.read(one));
          }
          const [gate, , up] = layers;
          const [gateApart, , upApart] = apart;
          if (
            gate === undefined ||
            up === undefined ||
            gateApart === undefined ||
            upApart === undefined
          )
            throw new Error("three");
          const expected = ops.read(ops.mul(ops.silu(gateApart), upApart));
          const gated = steps.gatedLinear(x, gate, up);
          expect(distance(ops.read(gated), expected)).toBeLessThanOrEqual(3 * ROUNDING[compute]);
          return undefined;
        });
        for (const { weight, bias } of layers) {
          ops.releaseWeight(weight);
          ops.releaseWeight(bias);
        }
      }
    },
  );

  const ATTENTIONS = [
    { b: 1, h: 1, g: 1, t: 1, l: 1, d: 2 },
    { b: 1, h: 4, g: 2, t: 1, l: 37, d: 8 },
    { b: 2, h: 4, g: 1, t: 7, l: 7, d: 20 },
    { b: 2, h: 2, g: 2, t: 13, l: 300, d: 64 },
    { b: 3, h: 2, g: 1, t: 6, l: 19, d: 130 },
  ];
  test.each(
    (["f32", "f16", "bf16"] as const).flatMap((compute) =>
      ATTENTIONS.map((sizes) => ({ compute, ...sizes })),
    ),
  )(
    "attention in $compute of $h heads on $g, $t of $l tokens of $d, with and without padding",
    ({ compute, b, h, g, t, l, d }) => {
      const { ops, steps } = opened[compute];
      const [q, k, v] = [
        sixteenths(b * h * t * d),
        sixteenths(b * g * l * d),
        sixteenths(b * g * l * d),
      ];
      const padding = Array.from({ length: b }, (_, row) =>
        Uint8Array.from({ length: l }, (__, key) => (key < row * 3 ? 0 : 1)),
      );
      for (const keyMask of [undefined, padding]) {
        const expected = attentionReference(q, k, v, { b, h, g, t, l, d }, keyMask);
        ops.scope(() => {
          const [keys, values] = [ops.upload(k, [b, g, l, d]), ops.upload(v, [b, g, l, d])];
          const found = steps.attention(ops.upload(q, [b, h, t, d]), keys, values, keyMask);
          expect(found.shape).toEqual([b, h, t, d]);
          expect(distance(ops.read(found), expected)).toBeLessThanOrEqual(2 * ROUNDING[compute]);
          return undefined;
        });
      }
    },
  );

  test.each(["f32", "f16", "bf16"] as const)("norm and rotation in %s", (compute) => {
    const { ops, steps } = opened[compute];
    for (const size of [2, 24, 130]) {
      const [x, w] = [sixteenths(12 * size), sixteenths(size)];
      const weight = upload(ops, w, [size], compute);
      ops.scope(() => {
        const normed = x.map((value, index) => {
          const row = x.subarray(index - (index % size), index - (index % size) + size);
          const mean = row.reduce((sum, one) => sum + one * one, 0) / size;
          return ((w[index % size] ?? 0) * value) / Math.sqrt(mean + 1e-6);
        });
        const given = ops.upload(x, [2, 2, 3, size]);
        expect(distance(ops.read(ops.rmsNorm(given, weight, 1e-6)), normed)).toBeLessThanOrEqual(
          2 * ROUNDING[compute],
        );
        for (const tables of [1, 2]) {
          const [cos, sin] = [sixteenths(tables * 3 * size), sixteenths(tables * 3 * size)];
          const expected = rotateReference(x, cos, sin, { tables, b: 2, h: 2, t: 3, d: size });
          const shape = [tables, 1, 3, size];
          const found = steps.rotate(given, {
            cos: ops.upload(cos, shape),
            sin: ops.upload(sin, shape),
            pairs: "halves",
          });
          expect(distance(ops.read(found), expected)).toBeLessThanOrEqual(2 * ROUNDING[compute]);
        }
        return undefined;
      });
      ops.releaseWeight(weight);
    }
  });
});

/** What the layer's equation is told by observing it: then it is composed of its steps. */
const unobserved = undefined;
const observed = (): void => undefined;

test.each([
  ["f32", "f32", {}],
  ["f32", "f16", { num_key_value_heads: 2 }],
  ["f16", "f16", { bias: false }],
  ["bf16", "bf16", { num_key_value_heads: 2 }],
] as const)(
  "layers in one call in %s with %s give, to the bit, what their steps give: %o",
  (compute, stored, fields) => {
    const { ops, steps } = opened[compute];
    const before = ops.memory();
    const config = internlmConfig({ ...SMALL, hidden_size: 40, intermediate_size: 70, ...fields });
    const held = [0, 1, 2].map(
      (layer) =>
        new Map(
          layerTensors(config, 0).map(({ name, shape }) => {
            const data = sixteenths(shape.reduce((product, size) => product * size, 1));
            const scaled = data.map((value) => value * (1 + layer / 4));
            return [name.slice(layerName(0, "").length), upload(ops, scaled, shape, stored)];
          }),
        ),
    );
    const weights = held.map((one) => new ModuleWeights(one));
    // All layers at once, one by one, and step by step.
    const ways: readonly ((x: Value, sequence: Sequence) => Value)[] = [
      (x, sequence) => {
        const layers = weights.map((one, layer) => ({
          weights: one,
          context: sequence.context(layer),
        }));
        return LLAMA_BLOCK.together?.(steps, layers, config, x) ?? x;
      },
      ...[unobserved, observed].map(
        (observe) => (x: Value, sequence: Sequence) =>
          weights.reduce(
            (states, one, layer) =>
              LLAMA_BLOCK.forward(steps, one, config, states, sequence.context(layer), observe),
            x,
          ),
      ),
    ];
    const runs = ways.map((run) => ({ run, cache: new KvCache(ops, 2) }));
    let length = 0;
    for (const tokens of [9, 1, 260, 1]) {
      const x = ops.upload(sixteenths(2 * tokens * 40), [2, tokens, 40]);
      const positions = [0, 1].map((row) =>
        Int32Array.from({ length: tokens }, (_, index) => length + index + row),
      );
      // The first row begins with two tokens of padding.
      const visible = [0, 1].map((row) =>
        Uint8Array.from({ length: tokens }, (_, index) =>
          row === 0 && length + index < 2 ? 0 : 1,
        ),
      );
      const results = runs.map(({ run, cache }) => {
        cache.rows.append(positions, visible);
        const sequence = new Sequence(ops, config, {
          positions,
          allPositions: cache.rows.positions,
          visible: cache.rows.visible,
          cache,
        });
        const result = ops.scope(() => run(x, sequence));
        sequence.dispose();
        const data = ops.read(result);
        ops.free(result);
        return data;
      });
      ops.free(x);
      length += tokens;
      expect(results[0]).toEqual(results[2]);
      expect(results[1]).toEqual(results[2]);
      expect(results[0]?.some((value) => value !== 0)).toBe(true);
    }
    for (const { cache } of runs) cache.dispose();
    for (const one of held) for (const weight of one.values()) ops.releaseWeight(weight);
    expect(ops.memory()).toEqual(before);
  },
);

test.each(["f32", "f16", "bf16"] as const)(
  "a cache in %s grows by one and by many, past its room, and is read and used like any value",
  (compute) => {
    const { ops } = opened[compute];
    const before = ops.memory();
    expectGrowingCache(opened[compute], sixteenths);
    expect(ops.memory()).toEqual(before);
  },
);
