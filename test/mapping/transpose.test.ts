import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/sources.ts";
import { gatherPieces } from "../../src/mapping/gather.ts";
import { paddedStride, transposeInto } from "../../src/mapping/transpose.ts";

const WIDTHS = [1, 2, 4, 8] as const;

/** Element (row, column) of a matrix of `bytes`, as its bytes. */
function element(bytes: Uint8Array, width: number, index: number): string {
  return Buffer.from(bytes.subarray(index * width, (index + 1) * width)).toString("hex");
}

describe("transposeInto", () => {
  test("puts every element at its place, whatever the width, the size, the strides and the offsets", () => {
    const size = fc.integer({ min: 1, max: 150 });
    const slack = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.constantFrom(...WIDTHS),
        size,
        size,
        slack,
        slack,
        fc.integer({ min: 0, max: 3 }),
        (width, rows, columns, sourceSlack, targetSlack, begin) => {
          const source = { begin, rowStride: columns + sourceSlack };
          const target = { begin: 2 * begin, rowStride: rows + targetSlack };
          const from = new Uint8Array((begin + rows * source.rowStride) * width);
          for (let at = 0; at < from.length; at++) from[at] = (at * 131 + (at >> 8)) % 256;
          const to = new Uint8Array((2 * begin + columns * target.rowStride) * width).fill(0xaa);
          transposeInto(from, to, width, { rows, columns }, source, target);
          for (let column = 0; column < columns; column++) {
            for (let row = 0; row < rows; row++) {
              const found = element(to, width, target.begin + column * target.rowStride + row);
              const expected = element(from, width, begin + row * source.rowStride + column);
              if (found !== expected) return false;
            }
            for (let gap = rows; gap < target.rowStride; gap++) {
              const untouched = element(to, width, target.begin + column * target.rowStride + gap);
              if (untouched !== "aa".repeat(width)) return false;
            }
          }
          return true;
        },
      ),
      { numRuns: 150 },
    );
  });

  test("pads rows so that pairs of two-byte elements stay aligned", () => {
    for (const width of WIDTHS) {
      for (let columns = 1; columns < 70; columns++) {
        const stride = paddedStride(columns, width);
        expect(stride).toBeGreaterThan(columns);
        expect(stride % 2).toBe(0);
      }
    }
  });
});

describe("gatherPieces", () => {
  const bytes = Uint8Array.from({ length: 4000 }, (_, index) => index % 251);
  const pieces = { begin: 7, distance: 39, byteLength: 13, count: 100 };
  const expected = Array.from({ length: 100 }, (_, index) => [
    ...bytes.subarray(7 + 39 * index, 20 + 39 * index),
  ]);
  const source = memorySource(bytes, "memory");
  const atOnce = {
    ...source,
    readNow: (begin: number, target: Uint8Array): void => {
      target.set(bytes.subarray(begin, begin + target.byteLength));
    },
  };

  test.each([
    ["asynchronously", source],
    ["at once", atOnce],
  ])("lays pieces side by side, read %s", async (_, from) => {
    const target = new Uint8Array(100 * 16);
    await gatherPieces(from, pieces, target, 16);
    const found = expected.map((_piece, index) => [
      ...target.subarray(16 * index, 16 * index + 13),
    ]);
    expect(found).toEqual(expected);
  });
});
