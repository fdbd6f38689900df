import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { LOWEST, type Ops, type Value, type Weight } from "../../src/runtime/backends/ops.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { openTensorFlowOps } from "../../src/runtime/backends/wasm/tensorflow.ts";
import { caught } from "../support/caught.ts";
import { stressTest } from "../support/effort.ts";
import { maxAbs } from "../support/max-abs.ts";

let ops: Ops;

/** Numbers that are the same in every run, spread over [−1, 1]. */
function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin(seed + 12.9898 * (index + 1)));
}

function matrix(rows: number, columns: number, seed: number, transposed: boolean): Weight {
  const data = numbers(rows * columns, seed);
  return ops.uploadWeight({
    name: "matrix",
    bytes: new Uint8Array((transposed ? transposeOf(data, rows, columns) : data).buffer),
    dtype: "F32",
    shape: [rows, columns],
    transposed,
  });
}

/** left [m, k] · right [k, n] in float64. */
function product(left: Float32Array, right: Float32Array, k: number): readonly number[] {
  const [m, n] = [left.length / k, right.length / k];
  return Array.from({ length: m * n }, (_, index) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let inner = 0; inner < k; inner++) {
      sum += (left[row * k + inner] ?? 0) * (right[inner * n + column] ?? 0);
    }
    return sum;
  });
}

function transposeOf(data: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(data, (_, index) => {
    const [column, row] = [Math.floor(index / rows), index % rows];
    return data[row * columns + column] ?? 0;
  });
}

function one(): Value {
  return ops.upload(Float32Array.of(1, 2, 3), [3]);
}

describe.each(["with kernels", "TensorFlow.js alone"])("wasm, %s", (which) => {
  beforeAll(async () => {
    const alone = which !== "with kernels";
    if (alone) vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
    ({ ops } = await openWasm());
    vi.unstubAllEnvs();
    expect(ops.description.includes("kernels")).toBe(!alone);
  });
  afterEach(() => {
    ops.dispose();
    expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
  });

  describe("products", () => {
    test.each([1, 7, 8, 33])("linear is x · weightᵀ + bias for %i tokens", (tokens) => {
      const x = numbers(tokens * 50, 1);
      const weight = numbers(30 * 50, 2);
      const bias = numbers(30, 3);
      const result = ops.linear(
        ops.upload(x, [1, tokens, 50]),
        matrix(30, 50, 2, false),
        ops.uploadWeight({
          name: "bias",
          bytes: new Uint8Array(bias.buffer),
          dtype: "F32",
          shape: [30],
          transposed: false,
        }),
      );
      const expected = product(x, transposeOf(weight, 30, 50), 50).map(
        (value, index) => value + (bias[index % 30] ?? 0),
      );
      expect(result.shape).toEqual([1, tokens, 30]);
      expect(maxAbs(ops.read(result), expected)).toBeLessThan(1e-5);
    });

    test("a matrix that is stored transposed gives the same bits", () => {
      const x = ops.upload(numbers(5 * 70, 4), [5, 70]);
      const plain = ops.read(ops.linear(x, matrix(90, 70, 5, false)));
      const transposed = ops.read(ops.linear(x, matrix(90, 70, 5, true)));
      expect(transposed).toEqual(plain);
    });

    test.each([
      [1, false],
      [1, true],
      [20, false],
      [20, true],
    ])("matmul of a stack with %i rows, right side transposed: %s", (rows, transposeRight) => {
      const left = numbers(2 * 3 * rows * 16, 6);
      const right = numbers(2 * 3 * 16 * 11, 7);
      const rightShape = transposeRight ? [2, 3, 11, 16] : [2, 3, 16, 11];
      const result = ops.matmul(
        ops.upload(left, [2, 3, rows, 16]),
        ops.upload(right, rightShape),
        transposeRight,
      );
      expect(result.shape).toEqual([2, 3, rows, 11]);
      const data = ops.read(result);
      for (let index = 0; index < 6; index++) {
        const b = right.subarray(index * 176, (index + 1) * 176);
        const expected = product(
          left.subarray(index * rows * 16, (index + 1) * rows * 16),
          transposeRight ? transposeOf(b, 11, 16) : b,
          16,
        );
        const part = data.subarray(index * rows * 11, (index + 1) * rows * 11);
        expect(maxAbs(part, expected)).toBeLessThan(1e-5);
      }
    });
  });

  describe("functions", () => {
    test("softmax of a row in which everything is masked is uniform", () => {
      const x = ops.upload(Float32Array.of(LOWEST.f32, LOWEST.f32, LOWEST.f32, LOWEST.f32), [1, 4]);
      expect([...ops.read(ops.softmax(x))]).toEqual([0.25, 0.25, 0.25, 0.25]);
    });

    test("a sum that overflows to −∞ is raised to the lowest number", () => {
      const lowest = ops.upload(Float32Array.of(LOWEST.f32, 1), [2]);
      const sum = ops.add(lowest, ops.upload(Float32Array.of(Number.NEGATIVE_INFINITY, 2), [2]));
      expect([...ops.read(ops.maximum(sum, LOWEST.f32))]).toEqual([LOWEST.f32, 3]);
    });

    test("rmsNorm is weight · x / sqrt(mean(x²) + ε)", () => {
      const x = numbers(3 * 40, 8);
      const weight = numbers(40, 9);
      const result = ops.rmsNorm(
        ops.upload(x, [3, 40]),
        ops.uploadWeight({
          name: "weight",
          bytes: new Uint8Array(weight.buffer),
          dtype: "F32",
          shape: [40],
          transposed: false,
        }),
        1e-6,
      );
      const expected = Array.from(x, (value, index) => {
        const row = x.subarray(40 * Math.floor(index / 40), 40 * Math.floor(index / 40) + 40);
        const mean = row.reduce((sum, entry) => sum + entry * entry, 0) / 40;
        return ((weight[index % 40] ?? 0) * value) / Math.sqrt(mean + 1e-6);
      });
      expect(maxAbs(ops.read(result), expected)).toBeLessThan(1e-6);
    });

    test("silu is x · sigmoid(x), also far from zero", () => {
      const x = Float32Array.of(-1000, -20, -1, 0, 1, 20, 1000);
      const expected = Array.from(x, (value) => value / (1 + Math.exp(-value)));
      expect(maxAbs(ops.read(ops.silu(ops.upload(x, [7]))), expected)).toBeLessThan(1e-6);
    });
  });

  describe("ownership", () => {
    test("a scope frees what it made, but for its result and what was kept", () => {
      let kept: Value | undefined;
      const result = ops.scope(() => {
        const x = one();
        kept = ops.keep(ops.scale(x, 2));
        return ops.scope(() => [ops.add(x, x), ops.mul(x, x)]);
      });
      expect(ops.memory().values).toBe(3);
      expect(result.map((value) => [...ops.read(value)])).toEqual([
        [2, 4, 6],
        [1, 4, 9],
      ]);
      for (const value of result) ops.free(value);
      if (kept !== undefined) ops.free(kept);
      expect(ops.memory().values).toBe(0);
    });

    test("a scope that throws frees everything", () => {
      expect(() =>
        ops.scope(() => {
          one();
          ops.scope(() => [one()]);
          throw new Error("on purpose");
        }),
      ).toThrow("on purpose");
      expect(ops.memory().values).toBe(0);
    });

    test("a reshaped value outlives the value that it came from", () => {
      const x = one();
      const reshaped = ops.reshape(x, [3, 1]);
      ops.free(x);
      expect([...ops.read(reshaped)]).toEqual([1, 2, 3]);
    });
  });

  describe("faults", () => {
    test("a shape that does not fit is an error of the backend, not a number", async () => {
      const error = await caught(() =>
        ops.add(ops.upload(numbers(4, 1), [4]), ops.upload(numbers(3, 1), [3])),
      );
      expect(error.code).toBe("WB6202");
    });
  });
});

stressTest(
  "the end of TensorFlow.js's heap is an error, and what fits is still computed right",
  async () => {
    ops = await openTensorFlowOps();
    const big = 2 ** 26; // elements: 256 MiB
    const data = new Float32Array(big);
    const error = await caught(() => {
      for (let count = 0; count < 9; count++) ops.upload(data, [big]);
    });
    expect(error.message).toMatchInlineSnapshot(
      `"the WebAssembly heap of 2 GiB has no room for an array of 268435456 bytes"`,
    );
    expect(error.code).toBe("WB6003");
    const x = numbers(4 * 64, 1);
    const result = ops.linear(ops.upload(x, [4, 64]), matrix(32, 64, 2, false));
    const expected = product(x, transposeOf(numbers(32 * 64, 2), 32, 64), 64);
    expect(maxAbs(ops.read(result), expected)).toBeLessThan(1e-5);
    // A product whose packed copy does not fit: XNNPACK would only print, and leave what lay there.
    const rest = await caught(() =>
      ops.linear(
        ops.upload(new Float32Array(2 ** 24), [2 ** 14, 1024]),
        matrix(4096, 1024, 3, false),
      ),
    );
    expect(rest.code).toBe("WB6003");
    ops.dispose();
  },
);

test("copies in another order and in pieces are what TensorFlow.js makes, along every axis", async () => {
  const [{ ops: kernels }, plain] = [await openWasm(), await openTensorFlowOps()];
  const shape = [2, 3, 4, 5];
  const data = numbers(120, 3);
  const same = (work: (on: Ops, x: Value) => Value): void => {
    const [found, expected] = [kernels, plain].map((on) =>
      on.scope(() => work(on, on.upload(data, shape))),
    );
    if (!found || !expected) throw new Error("two");
    expect(found.shape).toEqual(expected.shape);
    expect(kernels.read(found)).toEqual(plain.read(expected));
    kernels.free(found);
    plain.free(expected);
  };
  for (const order of permutations([0, 1, 2, 3])) same((on, x) => on.transpose(x, order));
  same((on, x) => on.transpose(on.reshape(x, [6, 1, 20]), [1, 0, 2]));
  same((on, x) => on.transpose(on.reshape(x, [6, 20]), [1, 0]));
  for (const [axis, size] of shape.entries()) {
    for (let begin = 0; begin < size; begin++)
      same((on, x) => on.slice(x, axis, begin, size - begin));
    same((on, x) => on.concat([x, on.slice(x, axis, 1, 1), x], axis));
  }
  expect(kernels.memory()).toEqual(plain.memory());
  kernels.dispose();
});

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}
