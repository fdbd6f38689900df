import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Assembly, TensorView } from "../../src/mapping/assembly.ts";
import { readAssembly, streamAssembly } from "../../src/mapping/read-assembly.ts";
import { DTYPES, swapUnitBytes, type Dtype } from "../../src/tensor/dtype.ts";
import { elementCount, rowMajorStrides } from "../../src/tensor/shape.ts";
import { tries } from "../support/effort.ts";
import { countingBytes, memoryTensor } from "../support/memory-checkpoint.ts";

/** The definition, element by element: what every faster way must equal. */
function reference(assembly: Assembly, dataOf: (view: TensorView) => Uint8Array): Uint8Array {
  const width = DTYPES[assembly.dtype].bits / 8;
  const strides = rowMajorStrides(assembly.shape);
  const result = new Uint8Array((elementCount(assembly.shape) ?? 0) * width);
  let base = 0;
  for (const part of assembly.parts) {
    const count = elementCount(part.shape) ?? 0;
    const partStrides = rowMajorStrides(part.shape);
    for (let flat = 0; flat < count; flat++) {
      let from = part.elementOffset;
      let to = base * (strides[assembly.axis] ?? 1);
      for (const [axis, size] of part.shape.entries()) {
        const index = Math.floor(flat / (partStrides[axis] ?? 1)) % size;
        from += index * (part.strides[axis] ?? 0);
        to += index * (strides[axis] ?? 0);
      }
      result.set(dataOf(part).subarray(from * width, (from + 1) * width), to * width);
    }
    base += part.shape[assembly.axis] ?? 1;
  }
  return result;
}

const dtypes = fc.constantFrom<Dtype>("U8", "F16", "F32", "F64", "C64", "C128");
const sizes = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 0, maxLength: 4 });

/** A window of the given shape on a storage of its own: axes permuted, spread out, some reversed in order of strides. */
function viewOf(
  shape: readonly number[],
  dtype: Dtype,
  order: readonly number[],
  gap: number,
  big: boolean,
) {
  const strides: number[] = shape.map(() => 0);
  let stride = gap;
  for (const axis of order.filter((candidate) => candidate < shape.length)) {
    strides[axis] = stride;
    stride *= Math.max(1, shape[axis] ?? 1) + (gap - 1);
  }
  const bytes = countingBytes(dtype, stride + 3, 7);
  const stored = bytes.slice();
  const unit = swapUnitBytes(dtype);
  if (big) {
    for (let at = 0; at < stored.length; at += unit) stored.subarray(at, at + unit).reverse();
  }
  const tensor = memoryTensor("t", dtype, shape, stored, { byteOrder: big ? "big" : "little" });
  return { view: { tensor, elementOffset: 2, shape, strides }, bytes };
}

describe("readAssembly", () => {
  it("equals the definition for any windows, axis, dtype and byte order", async () => {
    const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
    const property = fc.asyncProperty(
      sizes,
      dtypes,
      orders,
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 200 }),
      async (shape, dtype, order, gap, big, partCount, chunkBytes) => {
        const axis = shape.length === 0 ? 0 : (order[0] ?? 0) % shape.length;
        const parts = Array.from({ length: shape.length === 0 ? 1 : partCount }, () =>
          viewOf(shape, dtype, order, gap, big),
        );
        const assembly: Assembly = {
          dtype,
          axis,
          shape: shape.map((size, at) => (at === axis ? size * parts.length : size)),
          parts: parts.map(({ view }) => view),
        };
        const expected = reference(assembly, () => parts[0]?.bytes ?? new Uint8Array(0));
        expect(await readAssembly(assembly)).toEqual(expected);
        const chunks: Uint8Array[] = [];
        await streamAssembly(assembly, { chunkBytes }, (chunk) => {
          chunks.push(chunk.slice());
        });
        expect(new Uint8Array(Buffer.concat(chunks))).toEqual(expected);
      },
    );
    await fc.assert(property, { numRuns: tries(400, 60) });
  });

  it("transposes a band of columns without reading the whole matrix at once", async () => {
    const rows = 300;
    const columns = 200;
    const bytes = countingBytes("F16", rows * columns);
    const tensor = memoryTensor("w", "F16", [rows, columns], bytes);
    let largest = 0;
    const counted = {
      ...tensor,
      source: {
        ...tensor.source,
        readInto: (begin: number, target: Uint8Array) => {
          largest = Math.max(largest, target.byteLength);
          return tensor.source.readInto(begin, target);
        },
      },
    };
    const view = {
      tensor: counted,
      elementOffset: 0,
      shape: [columns, rows],
      strides: [1, columns],
    };
    const assembly: Assembly = { dtype: "F16", shape: [columns, rows], axis: 0, parts: [view] };
    const chunks: Uint8Array[] = [];
    await streamAssembly(assembly, { chunkBytes: 20 * rows * 2 }, (chunk) => {
      chunks.push(chunk.slice());
    });
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(reference(assembly, () => bytes));
    expect(largest).toBe(20 * 2);
  });

  it("stops between chunks when aborted", async () => {
    const tensor = memoryTensor("w", "U8", [10], countingBytes("U8", 10));
    const view = { tensor, elementOffset: 0, shape: [10], strides: [1] };
    const signal = AbortSignal.abort(new Error("stop"));
    const streaming = streamAssembly(
      { dtype: "U8", shape: [10], axis: 0, parts: [view] },
      { signal },
      () => {
        throw new Error("no chunk was expected");
      },
    );
    await expect(streaming).rejects.toThrowError("stop");
  });
});
