import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDevice } from "../../src/runtime/backends/device.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { Ops, Weight } from "../../src/runtime/backends/ops.ts";
import { caught } from "../support/caught.ts";
import { KEPT_BLOCKS } from "../support/block-products.ts";
import { dequantised, drawnBlocks, typeOf } from "../support/drawn-blocks.ts";
import { sixteenths } from "../support/exact-numbers.ts";
import { withEachInstructionSet } from "../support/instruction-sets.ts";
import { productInQ8, roundedProduct, roundedUnits } from "../support/rounded-products.ts";
import { useThreads } from "../support/kernel-threads.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openNative({
    device: "cpu",
    compute: "f32",
    activations: "int8",
    verbose: false,
  });
});
afterAll(() => {
  backend.ops.dispose();
  expect(backend.ops.memory()).toEqual({ values: 0, bytes: 0 });
});

const draw = sixteenths(11);

/** Rows of numbers whose sizes differ from block to block, one of which is all zeros. */
function drawnRows(rows: number, inputs: number): Float32Array {
  return draw(rows * inputs).map((value, index) => {
    const block = Math.floor(index / 32);
    return block % 13 === 5 ? 0 : (value / (1 + (index % 7))) * 2 ** (block % 9);
  });
}

function matrixOf(
  ops: Ops,
  name: string,
  outputs: number,
  inputs: number,
): { readonly weight: Weight; readonly bytes: Uint8Array } {
  const bytes = drawnBlocks(name, outputs * (inputs / typeOf(name).elements), outputs + inputs);
  const weight = ops.quantised?.upload({ name, bytes, type: name, shape: [outputs, inputs] });
  if (weight === undefined) throw new Error("no quantised weights");
  return { weight, bytes };
}

function linear(ops: Ops, x: Float32Array, rows: number, weight: Weight): Float32Array {
  let found = new Float32Array();
  ops.scope(() => {
    const value = ops.upload(x, [rows, x.length / rows]);
    found = ops.read(ops.linear(value, weight)).slice();
    return undefined;
  });
  return found;
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);

withEachInstructionSet(() => {
  test.each(KEPT_BLOCKS)("%s: products of integers, within what rounding x explains", (name) => {
    const { ops } = backend;
    const { elements } = typeOf(name);
    const [rows, outputs, inputs] = [3, 70, (elements === 32 ? 37 : 5) * elements];
    const { weight, bytes } = matrixOf(ops, name, outputs, inputs);
    const wide = dequantised(name, bytes);
    const x = drawnRows(rows, inputs);
    const found = linear(ops, x, rows, weight);
    let used = 0;
    for (let row = 0; row < rows; row++) {
      const own = x.subarray(row * inputs, (row + 1) * inputs);
      const units = roundedUnits(own);
      for (let output = 0; output < outputs; output++) {
        const weights = wide.subarray(output * inputs, (output + 1) * inputs);
        const { product, plain, bound, noise } = roundedProduct(weights, own, units);
        const value = found[row * outputs + output] ?? Number.NaN;
        expect(Math.abs(value - product), `${row} ${output}`).toBeLessThanOrEqual(noise);
        expect(Math.abs(value - plain)).toBeLessThanOrEqual(bound + noise);
        expect(noise).toBeLessThan(bound / 64);
        used = Math.max(used, Math.abs(value - plain) / bound);
      }
    }
    expect(used).toBeGreaterThan(0.01);
    ops.releaseWeight(weight);
  });

  test.each(KEPT_BLOCKS)("%s: a row has the same bits beside any others", (name) => {
    const { ops } = backend;
    const { elements } = typeOf(name);
    for (const [outputs, blocks] of [
      [1, 1],
      [33, 3],
    ] as const) {
      const inputs = blocks * elements;
      const { weight } = matrixOf(ops, name, outputs, inputs);
      const x = drawnRows(200, inputs);
      const all = linear(ops, x, 200, weight);
      for (const [first, count] of [
        [0, 1],
        [199, 1],
        [7, 2],
        [50, 13],
      ] as const) {
        const some = linear(ops, x.slice(first * inputs, (first + count) * inputs), count, weight);
        const same = all.subarray(first * outputs, (first + count) * outputs);
        expect(bitsOf(some)).toEqual(bitsOf(same));
      }
      ops.releaseWeight(weight);
    }
  });

  test("the bits are those of the sums in their order", () => {
    const { ops } = backend;
    const [outputs, inputs] = [40, 19 * 32];
    const { weight, bytes } = matrixOf(ops, "Q8_0", outputs, inputs);
    const x = drawnRows(1, inputs);
    const units = roundedUnits(x);
    const rowBytes = bytes.length / outputs;
    const expected = Float32Array.from({ length: outputs }, (_, output) =>
      productInQ8(bytes.subarray(output * rowBytes, (output + 1) * rowBytes), units),
    );
    expect(bitsOf(linear(ops, x, 1, weight))).toEqual(bitsOf(expected));
    ops.releaseWeight(weight);
  });

  test.each(["Q4_0", "Q8_0", "Q4_K", "Q6_K"])(
    "%s: levels and x at their ends do not overflow",
    (name) => {
      const { ops } = backend;
      const { bytes: size, elements } = typeOf(name);
      const inputs = 2 * Math.max(elements, 32);
      for (const fill of [0, 0x80, 0x7f, 0xff]) {
        const bytes = new Uint8Array((33 * inputs * size) / elements).fill(fill);
        const view = new DataView(bytes.buffer);
        // Scales of one, where a block has them.
        const at = { Q6_K: [208], Q4_K: [0, 2] }[name] ?? [0];
        for (let block = 0; block < bytes.length; block += size)
          for (const place of at) view.setUint16(block + place, 0x3c00, true);
        const weight = ops.quantised?.upload({ name, bytes, type: name, shape: [33, inputs] });
        if (weight === undefined) throw new Error("no quantised weights");
        const wide = dequantised(name, bytes).subarray(0, inputs);
        for (const sign of [1, -1]) {
          const x = new Float32Array(inputs).fill(sign * 127);
          const { product, noise } = roundedProduct(wide, x, roundedUnits(x));
          for (const value of linear(ops, x, 1, weight))
            expect(Math.abs(value - product)).toBeLessThanOrEqual(noise);
        }
        ops.releaseWeight(weight);
      }
    },
  );

  test("what is not finite stays so, in its row alone", () => {
    const { ops } = backend;
    const { weight } = matrixOf(ops, "Q4_0", 32, 64);
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const x = drawnRows(2, 64);
      x[40] = bad;
      const found = linear(ops, x, 2, weight);
      expect(found.subarray(0, 32).every(Number.isNaN)).toBe(true);
      expect(found.subarray(32).every(Number.isFinite)).toBe(true);
    }
    ops.releaseWeight(weight);
  });
});

test("one thread gives the bits of three", async () => {
  const { ops } = backend;
  const { weight } = matrixOf(ops, "Q4_K", 300, 768);
  const x = drawnRows(5, 768);
  const found: Uint32Array[] = [];
  for (const threads of [1, 3]) {
    await useThreads(threads, ops.description);
    found.push(bitsOf(linear(ops, x, 5, weight)));
  }
  expect(found[0]).toEqual(found[1]);
  ops.releaseWeight(weight);
});

describe("the option", () => {
  test("is told by the device", async () => {
    expect(backend.ops.description).toMatch(/with kernels for \w+, activations in int8$/);
    expect(backend.ops.quantised?.activations).toBe("int8");
    const { ops, why } = await openDevice({
      device: "auto",
      compute: "f32",
      activations: "int8",
    });
    expect(why).toContain("cpu, since only it has activations in int8");
    ops.dispose();
  });

  test("is refused where it means nothing", async () => {
    const half = { device: "cpu", compute: "bf16", activations: "int8" } as const;
    const error = await caught(() => openDevice(half));
    expect(error).toMatchObject({ code: "WB6204", details: { why: "it computes in bf16" } });
  });
});
