import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TransposeBuffer } from "../../src/mapping/transpose-buffer.ts";

const WIDTHS = [1, 2, 4, 8] as const;

/** Element `index` of `bytes`, as its bytes. */
function element(bytes: Uint8Array, width: number, index: number): string {
  return Buffer.from(bytes.subarray(index * width, (index + 1) * width)).toString("hex");
}

describe("TransposeBuffer", () => {
  it("puts every element at its place and touches no other, whatever the width, the size and the stride", () => {
    const buffer = new TransposeBuffer();
    const size = fc.integer({ min: 1, max: 150 });
    const property = fc.property(
      fc.constantFrom(...WIDTHS),
      size,
      size,
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 3 }),
      (width, wanted, columns, slack, begin) => {
        const rows = Math.min(wanted, buffer.group(columns, width).rows);
        const stride = rows + slack;
        const to = buffer.take((begin + columns * stride) * width).fill(0xaa);
        const group = buffer.group(columns, width);
        for (let at = 0; at < group.bytes.length; at++)
          group.bytes[at] = (at * 131 + (at >> 8)) % 251;
        const target = { begin: begin * width, stride: stride * width };
        buffer.transpose(group, rows, columns, width, target);
        for (let column = 0; column < columns; column++) {
          for (let row = 0; row < stride; row++) {
            const found = element(to, width, begin + column * stride + row);
            const from = group.bytes.subarray(row * group.rowStride);
            if (found !== (row < rows ? element(from, width, column) : "aa".repeat(width)))
              return false;
          }
        }
        return true;
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  it.each(WIDTHS)(
    "has room for whole blocks of rows of any length that may be asked for: %i bytes",
    (width) => {
      const buffer = new TransposeBuffer();
      const most = TransposeBuffer.mostColumns(width);
      for (const columns of [1, 7, 100, 5000, most - 1, most]) {
        const { rows, rowStride, bytes } = buffer.group(columns, width);
        expect(rows % 8).toBe(0);
        expect(rows).toBeGreaterThan(0);
        expect(rowStride).toBeGreaterThanOrEqual(columns * width);
        expect(bytes.byteLength).toBe(rows * rowStride);
      }
    },
  );

  it("keeps what was taken while it grows only when it is taken again", () => {
    const buffer = new TransposeBuffer();
    const small = buffer.take(10).fill(7);
    buffer.group(100, 2);
    expect([...small]).toEqual(Array.from({ length: 10 }, () => 7));
    expect(buffer.take(2 ** 24).byteLength).toBe(2 ** 24);
  });
});
