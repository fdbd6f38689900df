import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { LinearWeights, Ops, Weight } from "../../src/runtime/backends/ops.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { tries } from "../support/effort.ts";
import { expectGrowingCache } from "../support/cache-growth.ts";
import { bytesOf, sixteenths, transposeOf, type StoredDtype } from "../support/exact-numbers.ts";
import { attentionReference, linearReference, rotateReference } from "../support/float64-model.ts";
import { maxAbs } from "../support/max-abs.ts";
import { expectSameNumbers } from "../support/same-numbers.ts";

/** Largest relative distance of sums of a thousand products in float32. */
const ROUNDING = 2e-6;

const STORED = ["F32", "F16", "BF16"] as const;

const numbers = sixteenths(1);
let ops: Ops;
let alone: Ops;
let backend: Backend;
beforeAll(async () => {
  backend = await open(2);
  ({ ops } = backend);
  ({ ops: alone } = await open(1));
});
afterEach(() => {
  for (const one of [ops, alone]) expect(one.memory()).toEqual({ values: 0, bytes: 0 });
});
afterAll(() => {
  for (const one of [ops, alone]) one.dispose();
});

async function open(threads: number): Promise<Backend> {
  const opened = await openWasm(threads);
  // Fails, rather than skips, where the engine has no kernels.
  expect(opened.ops.description).toContain("with kernels");
  return opened;
}

function upload(
  on: Ops,
  data: Float32Array,
  shape: readonly number[],
  dtype: StoredDtype,
  transposed = false,
): Weight {
  return on.uploadWeight({ name: "w", bytes: bytesOf(data, dtype), dtype, shape, transposed });
}

/** Distance relative to the largest number there is. */
function distance(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  return maxAbs(found, expected) / Math.max(...expected.map((value) => Math.abs(value)));
}

/** Numbers of which no sum is exact. */
function uneven(count: number): Float32Array {
  return numbers(count).map((value, index) => value / (1 + (index % 7)));
}

const ROWS = [1, 2, 3, 5, 64, 65, 131];
const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [3, 7],
  [4, 16],
  [65, 33],
  [130, 132],
  [64, 1064],
  [70, 2311],
];

describe("linear layers", () => {
  test.each(STORED)("of %s are the product, of any shape, in either layout", (dtype) => {
    for (const rows of ROWS) {
      for (const [outputs, inputs] of SIZES) {
        const [x, w, b] = [numbers(rows * inputs), numbers(outputs * inputs), numbers(outputs)];
        const expected = linearReference(x, w, b, { rows, outputs, inputs });
        const bias = upload(ops, b, [outputs], dtype);
        const straight = upload(ops, w, [outputs, inputs], dtype);
        const columnMajor = upload(
          ops,
          transposeOf(w, outputs, inputs),
          [outputs, inputs],
          dtype,
          true,
        );
        ops.scope(() => {
          const given = ops.upload(x, [rows, inputs]);
          const found = ops.read(ops.linear(given, straight, bias));
          expect(distance(found, expected)).toBeLessThanOrEqual(ROUNDING);
          expectSameNumbers(ops.read(ops.linear(given, columnMajor, bias)), found);
          return undefined;
        });
        for (const weight of [bias, straight, columnMajor]) ops.releaseWeight(weight);
      }
    }
  });

  test.each(STORED)("of %s: a row does not depend on the rows beside it", (dtype) => {
    const [rows, outputs, inputs] = [131, 70, 2311];
    const random = uneven(rows * inputs);
    const weight = upload(ops, numbers(outputs * inputs), [outputs, inputs], dtype);
    ops.scope(() => {
      const x = ops.upload(random, [rows, inputs]);
      const whole = ops.read(ops.linear(x, weight));
      for (const [begin, size] of [
        [0, 1],
        [17, 2],
        [30, 3],
        [60, 11],
        [3, 128],
      ] as const) {
        const part = ops.read(ops.linear(ops.slice(x, 0, begin, size), weight));
        expectSameNumbers(part, whole.subarray(begin * outputs, (begin + size) * outputs));
      }
      return undefined;
    });
    ops.releaseWeight(weight);
  });

  test.each(STORED)("of %s give the same bits on one thread and on two", (dtype) => {
    const [rows, outputs, inputs] = [9, 1000, 700];
    const x = uneven(rows * inputs);
    const bytes = bytesOf(numbers(outputs * inputs), dtype);
    const shape = [outputs, inputs];
    const [one, ...two] = [alone, ...Array<Ops>(tries(40, 6)).fill(ops)].map((on) => {
      const weight = on.uploadWeight({ name: "w", bytes, dtype, shape, transposed: false });
      const given = on.upload(x, [rows, inputs]);
      const value = on.linear(given, weight);
      const result = on.read(value);
      for (const made of [given, value]) on.free(made);
      on.releaseWeight(weight);
      return result;
    });
    // The second thread comes when it has started.
    if (one === undefined) throw new Error("no result");
    for (const result of two) expectSameNumbers(result, one);
  });

  test("several at once, and a gated pair, are what one after another gives; of different dtypes, too", () => {
    for (const rows of [1, 9, 130]) {
      const [outputs, inputs] = [70, 40];
      const layers: readonly LinearWeights[] = STORED.map((dtype, index) => ({
        weight: upload(
          ops,
          numbers((index === 1 ? 5 : outputs) * inputs),
          [index === 1 ? 5 : outputs, inputs],
          dtype,
        ),
        bias:
          index === 2
            ? undefined
            : upload(ops, numbers(index === 1 ? 5 : outputs), [index === 1 ? 5 : outputs], dtype),
      }));
      ops.scope(() => {
        const x = ops.upload(numbers(rows * inputs), [1, rows, inputs]);
        const apart = layers.map(({ weight, bias }) => ops.linear(x, weight, bias));
        const together = backend.steps.linears(x, layers);
        expect(together.map(({ shape }) => shape)).toEqual(apart.map(({ shape }) => shape));
        for (const [index, value] of together.entries())
          expect(ops.read(value)).toEqual(ops.read(apart[index] ?? x));
        const [gate, , up] = layers;
        const [gateApart, , upApart] = apart;
        if (!gate || !up || !gateApart || !upApart) throw new Error("three");
        const gated = backend.steps.gatedLinear(x, gate, up);
        expect(ops.read(gated)).toEqual(ops.read(ops.mul(ops.silu(gateApart), upApart)));
        return undefined;
      });
      for (const { weight, bias } of layers) {
        ops.releaseWeight(weight);
        if (bias !== undefined) ops.releaseWeight(bias);
      }
    }
  });

  test("every binary16 and every bfloat16 is what it says, also where it is not finite", () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
    for (const dtype of ["F16", "BF16"] as const) {
      const exponent = dtype === "F16" ? 0x7c00 : 0x7f80;
      const finite = patterns.map((pattern) => ((pattern & exponent) === exponent ? 0 : pattern));
      for (const [bits, rows] of [
        [finite, 1],
        [finite, 4],
        [patterns, 1],
        [patterns, 4],
      ] as const) {
        const weight = ops.uploadWeight({
          name: "w",
          bytes: new Uint8Array(bits.buffer),
          dtype,
          shape: [65536, 1],
          transposed: false,
        });
        const x = ops.upload(new Float32Array(rows).fill(1), [rows, 1]);
        const value = ops.linear(x, weight);
        expectSameNumbers(
          ops.read(value),
          Float32Array.from({ length: 65536 * rows }, (_, index) =>
            numberOf(bits[index % 65536] ?? 0, dtype),
          ),
        );
        for (const made of [x, value]) ops.free(made);
        ops.releaseWeight(weight);
      }
    }
  });
});

/** From the formats' definitions: sign, exponent, fraction. */
function numberOf(pattern: number, dtype: "F16" | "BF16"): number {
  const [exponentBits, fractionBits] = dtype === "F16" ? [5, 10] : [8, 7];
  const sign = pattern >> 15 === 1 ? -1 : 1;
  const exponent = (pattern >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  // Sums begin at 0, so that −0 is given as 0.
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias) + 0;
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

describe("attention", () => {
  test.each([
    { b: 1, h: 1, g: 1, t: 1, l: 1, d: 2 },
    { b: 1, h: 4, g: 2, t: 1, l: 37, d: 8 },
    { b: 2, h: 4, g: 1, t: 7, l: 7, d: 20 },
    { b: 2, h: 2, g: 2, t: 13, l: 300, d: 64 },
    { b: 3, h: 2, g: 1, t: 6, l: 19, d: 130 },
    { b: 1, h: 2, g: 1, t: 3, l: 5, d: 1030 },
  ])(
    "of $h heads on $g, $t of $l tokens of $d, with and without padding",
    ({ b, h, g, t, l, d }) => {
      const [q, k, v] = [numbers(b * h * t * d), numbers(b * g * l * d), numbers(b * g * l * d)];
      const padding = Array.from({ length: b }, (_, row) =>
        Uint8Array.from({ length: l }, (__, key) => (key < row * 3 ? 0 : 1)),
      );
      const nothing = Array.from({ length: b }, () => new Uint8Array(l));
      for (const keyMask of [undefined, padding, nothing]) {
        const expected = attentionReference(q, k, v, { b, h, g, t, l, d }, keyMask);
        ops.scope(() => {
          const [keys, values] = [ops.upload(k, [b, g, l, d]), ops.upload(v, [b, g, l, d])];
          const found = backend.steps.attention(ops.upload(q, [b, h, t, d]), keys, values, keyMask);
          expect(found.shape).toEqual([b, h, t, d]);
          expect(distance(ops.read(found), expected)).toBeLessThanOrEqual(2 * ROUNDING);
          return undefined;
        });
      }
    },
  );

  test("a query does not depend on the queries beside it", () => {
    const [h, l, d] = [2, 70, 48];
    const [q, k, v] = [uneven(h * l * d), uneven(h * l * d), uneven(h * l * d)];
    ops.scope(() => {
      const [queries, keys, values] = [q, k, v].map((data) => ops.upload(data, [1, h, l, d]));
      if (!queries || !keys || !values) throw new Error("three");
      const whole = backend.steps.attention(queries, keys, values, undefined);
      for (const [begin, size] of [
        [69, 1],
        [40, 30],
        [33, 2],
      ] as const) {
        const end = begin + size;
        const part = backend.steps.attention(
          ops.slice(queries, 2, begin, size),
          ops.slice(keys, 2, 0, end),
          ops.slice(values, 2, 0, end),
          undefined,
        );
        expect(ops.read(part)).toEqual(ops.read(ops.slice(whole, 2, begin, size)));
      }
      return undefined;
    });
  });

  test("norm and rotation, of sizes that are no multiple of four, too", () => {
    for (const size of [2, 6, 24, 130]) {
      const [x, w] = [numbers(12 * size), numbers(size)];
      const weight = upload(ops, w, [size], "F16");
      ops.scope(() => {
        const normed = x.map((value, index) => {
          const row = x.subarray(index - (index % size), index - (index % size) + size);
          const mean = row.reduce((sum, one) => sum + one * one, 0) / size;
          return ((w[index % size] ?? 0) * value) / Math.sqrt(mean + 1e-6);
        });
        const given = ops.upload(x, [2, 2, 3, size]);
        const found = ops.read(ops.rmsNorm(given, weight, 1e-6));
        expect(distance(found, normed)).toBeLessThanOrEqual(ROUNDING);
        for (const tables of [1, 2]) {
          const [cos, sin] = [numbers(tables * 3 * size), numbers(tables * 3 * size)];
          const expected = rotateReference(x, cos, sin, { tables, b: 2, h: 2, t: 3, d: size });
          const shape = [tables, 1, 3, size];
          const rotated = backend.steps.rotate(given, {
            cos: ops.upload(cos, shape),
            sin: ops.upload(sin, shape),
            pairs: "halves",
          });
          expect(distance(ops.read(rotated), expected)).toBeLessThanOrEqual(ROUNDING);
        }
        return undefined;
      });
      ops.releaseWeight(weight);
    }
  });
});

test("a cache grows by one and by many, past its room, and is read and used like any value", () => {
  expectGrowingCache(backend, numbers, (whole, same) => {
    expect(ops.read(ops.add(whole, same))).toEqual(ops.read(ops.scale(same, 2)));
  });
});
