import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { caught } from "../support/caught.ts";
import {
  bothOf,
  expectSameLayers,
  expectSameProducts,
  KEPT_BLOCKS,
  releaseBoth,
} from "../support/block-products.ts";
import { drawnBlocks, typeOf } from "../support/drawn-blocks.ts";

let one: Backend;
let two: Backend;
beforeAll(async () => {
  [one, two] = [await openWasm(1), await openWasm(2)];
});
afterEach(() => {
  for (const { ops } of [one, two]) expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
});
afterAll(() => {
  for (const { ops } of [one, two]) ops.dispose();
});

test.each(KEPT_BLOCKS)("a matrix in %s gives the bits of the dequantised one", (name) => {
  const { elements } = typeOf(name);
  // Rows of one block, of several, and of more than the 1024 elements that are made float32 at a time.
  for (const [outputs, blocks] of [
    [1, 1],
    [7, 3],
    [67, elements === 32 ? 37 : 5],
  ] as const) {
    const both = bothOf(one.ops, name, outputs, blocks * elements);
    expectSameProducts(one.ops, both, [1, 2, 3, 65]);
    releaseBoth(one.ops, both);
  }
});

test.each(KEPT_BLOCKS)("several layers and a gated pair in %s, too", (name) => {
  expectSameLayers(one, name);
});

test("two threads give the bits of one", () => {
  const both = bothOf(two.ops, "Q4_K", 700, 512);
  expectSameProducts(two.ops, both, [1, 70]);
  releaseBoth(two.ops, both);
});

test.each(["Q8_0", "Q4_1", "Q4_K", "Q6_K"])("a scale that is not finite stays so in %s", (name) => {
  const { elements, bytes } = typeOf(name);
  const blocks = drawnBlocks(name, 8, 5);
  const at = { Q8_0: 0, Q4_1: 2, Q4_K: 0, Q6_K: 208 }[name] ?? 0;
  new DataView(blocks.buffer).setUint16(3 * bytes + at, 0x7c00, true);
  const both = bothOf(one.ops, name, 4, 2 * elements, blocks);
  expectSameProducts(one.ops, both, [1, 3]);
  releaseBoth(one.ops, both);
});

test.each(KEPT_BLOCKS)("%s takes the bytes of its file", (name) => {
  const { elements, bytes } = typeOf(name);
  const both = bothOf(one.ops, name, 64, 4 * elements);
  expect(both.kept.byteLength).toBe(64 * 4 * bytes);
  expect(one.ops.quantised?.elementBytes(name)).toBe(bytes / elements);
  releaseBoth(one.ops, both);
});

test("blocks that are too many or too few are refused, and so is a type without a kernel", async () => {
  const { quantised } = one.ops;
  const given = { name: "w", bytes: new Uint8Array(33), type: "Q8_0", shape: [1, 32] };
  expect((await caught(() => quantised?.upload(given))).message).toContain("33 bytes");
  expect(quantised?.elementBytes("MXFP4")).toBeUndefined();
  const foreign = { ...given, bytes: new Uint8Array(17), type: "MXFP4" };
  expect((await caught(() => quantised?.upload(foreign))).code).toBe("WB7001");
});

test("without kernels no blocks are taken", async () => {
  vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
  const plain = await openWasm();
  vi.unstubAllEnvs();
  expect(plain.ops.quantised).toBeUndefined();
  plain.ops.dispose();
});
