import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { Ops } from "../../src/runtime/backends/ops.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import { BLOCK_NAMES, dequantised, drawnBlocks, typeOf } from "../support/drawn-blocks.ts";
import { sixteenths } from "../support/exact-numbers.ts";
import { withEachInstructionSet } from "../support/instruction-sets.ts";

/** Kept as they are; MXFP4 has no kernel. */
const KEPT = BLOCK_NAMES.filter((name) => name !== "MXFP4");

let backend: Backend;
beforeAll(async () => {
  backend = await openNative({ device: "cpu", compute: "f32", verbose: false });
  expect(backend.ops.description).toContain("with kernels for");
});
afterAll(() => {
  backend.ops.dispose();
  expect(backend.ops.memory()).toEqual({ values: 0, bytes: 0 });
});

const numbers = sixteenths(3);

/** Numbers of which no sum is exact. */
function uneven(count: number): Float32Array {
  return numbers(count).map((value, index) => value / (1 + (index % 7)));
}

/** A matrix of drawn blocks as it is, and as the float32 numbers that it stands for. */
function bothOf(ops: Ops, name: string, outputs: number, inputs: number) {
  const { elements } = typeOf(name);
  const bytes = drawnBlocks(name, outputs * (inputs / elements), outputs + inputs);
  const shape = [outputs, inputs];
  const wide = dequantised(name, bytes);
  const plain = ops.uploadWeight({
    name,
    bytes: new Uint8Array(wide.buffer),
    dtype: "F32",
    shape,
    transposed: false,
  });
  const kept = ops.quantised?.upload({ name, bytes, type: name, shape });
  if (kept === undefined) throw new Error("no quantised weights");
  return { plain, kept };
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);

withEachInstructionSet(() => {
  test.each(KEPT)("a matrix in %s gives the bits of the dequantised one", (name) => {
    const { ops } = backend;
    const { elements } = typeOf(name);
    for (const [outputs, blocks] of [
      [1, 1],
      [33, 3],
      [70, elements === 32 ? 37 : 5],
    ] as const) {
      const inputs = blocks * elements;
      const { plain, kept } = bothOf(ops, name, outputs, inputs);
      for (const rows of [1, 2, 3, 11, 12, 13, 200]) {
        ops.scope(() => {
          const x = ops.upload(uneven(rows * inputs), [rows, inputs]);
          const [expected, found] = [plain, kept].map((weight) =>
            ops.read(ops.linear(x, weight)).slice(),
          );
          if (expected === undefined || found === undefined) throw new Error("two");
          expect(bitsOf(found), `${rows} × ${inputs} to ${outputs}`).toEqual(bitsOf(expected));
          expect(found.some((value) => value !== 0 && Number.isFinite(value))).toBe(true);
          return undefined;
        });
      }
      for (const weight of [plain, kept]) ops.releaseWeight(weight);
    }
  });

  test.each(KEPT)("several layers and a gated pair in %s, too", (name) => {
    const { ops, steps } = backend;
    const inputs = 2 * typeOf(name).elements;
    const [a, b] = [bothOf(ops, name, 70, inputs), bothOf(ops, name, 70, inputs + 0)];
    const layer = (weight: typeof a.plain) => ({ weight, bias: undefined });
    for (const rows of [1, 9]) {
      ops.scope(() => {
        const x = ops.upload(uneven(rows * inputs), [1, rows, inputs]);
        const read = (kind: "plain" | "kept") => [
          ...steps
            .linears(x, [layer(a[kind]), layer(b[kind])])
            .map((value) => bitsOf(ops.read(value))),
          bitsOf(ops.read(steps.gatedLinear(x, layer(a[kind]), layer(b[kind])))),
        ];
        expect(read("kept")).toEqual(read("plain"));
        return undefined;
      });
    }
    for (const one of [a, b]) for (const weight of [one.plain, one.kept]) ops.releaseWeight(weight);
  });
});

test.each(KEPT)("%s takes the memory that is planned for it", (name) => {
  const { ops } = backend;
  const inputs = 4 * typeOf(name).elements;
  const { plain, kept } = bothOf(ops, name, 64, inputs);
  const planned = 64 * inputs * (ops.quantised?.elementBytes(name) ?? Number.NaN);
  // The header before the panels.
  expect(kept.byteLength - planned).toBe(64);
  expect(kept.byteLength).toBeLessThan(plain.byteLength / 2.9);
  for (const weight of [plain, kept]) ops.releaseWeight(weight);
});

test("half dtypes take no blocks, and neither does a type without a kernel", async () => {
  expect(backend.ops.quantised?.elementBytes("MXFP4")).toBeUndefined();
  const half = await openNative({ device: "cpu", compute: "bf16", verbose: false });
  expect(half.ops.quantised).toBeUndefined();
  half.ops.dispose();
});
