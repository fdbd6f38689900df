import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import {
  bothOf,
  expectSameLayers,
  expectSameProducts,
  KEPT_BLOCKS,
  releaseBoth,
} from "../support/block-products.ts";
import { typeOf } from "../support/drawn-blocks.ts";
import { withEachInstructionSet } from "../support/instruction-sets.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openNative({ device: "cpu", compute: "f32", verbose: false });
  expect(backend.ops.description).toContain("with kernels for");
});
afterAll(() => {
  backend.ops.dispose();
  expect(backend.ops.memory()).toEqual({ values: 0, bytes: 0 });
});

withEachInstructionSet(() => {
  test.each(KEPT_BLOCKS)("a matrix in %s gives the bits of the dequantised one", (name) => {
    const { ops } = backend;
    const { elements } = typeOf(name);
    for (const [outputs, blocks] of [
      [1, 1],
      [33, 3],
      [70, elements === 32 ? 37 : 5],
    ] as const) {
      const both = bothOf(ops, name, outputs, blocks * elements);
      expectSameProducts(ops, both, [1, 2, 3, 11, 12, 13, 200]);
      releaseBoth(ops, both);
    }
  });

  test.each(KEPT_BLOCKS)("several layers and a gated pair in %s, too", (name) => {
    expectSameLayers(backend, name);
  });
});

test.each(KEPT_BLOCKS)("%s takes the memory that is planned for it", (name) => {
  const { ops } = backend;
  const inputs = 4 * typeOf(name).elements;
  const { plain, kept } = bothOf(ops, name, 64, inputs);
  const planned = 64 * inputs * (ops.quantised?.elementBytes(name) ?? Number.NaN);
  // The header before the panels.
  expect(kept.byteLength - planned).toBe(64);
  expect(kept.byteLength).toBeLessThan(plain.byteLength / 2.9);
  releaseBoth(ops, { plain, kept });
});

test("half dtypes take no blocks, and neither does a type without a kernel", async () => {
  expect(backend.ops.quantised?.elementBytes("MXFP4")).toBeUndefined();
  const half = await openNative({ device: "cpu", compute: "bf16", verbose: false });
  expect(half.ops.quantised).toBeUndefined();
  half.ops.dispose();
});
