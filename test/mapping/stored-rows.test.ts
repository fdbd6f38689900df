import { afterEach, expect, it, vi } from "vitest";
import { concatViews, slicedView, wholeView } from "../../src/mapping/assembly.ts";
import { readBlocks } from "../../src/mapping/stored-rows.ts";
import { memorySource } from "../../src/sources/file.ts";
import { memoryTensor } from "../support/memory-checkpoint.ts";

const HEADS = 24;
const HEAD_ROWS = 4;
const ROW_BYTES = 2 * 18; // two blocks of Q4_0

afterEach(() => {
  vi.restoreAllMocks();
});

/** A matrix in Q4_0 of which each head's even rows come before its odd ones, as GGUF's queries are read. */
function permuted() {
  const rows = HEADS * HEAD_ROWS;
  const bytes = Uint8Array.from(
    { length: rows * ROW_BYTES },
    (_, at) => (at * 7 + (at >> 8)) % 256,
  );
  const shape = [rows, 64];
  const file = memorySource(bytes, "memory:blocks");
  const quantised = { type: "Q4_0", shape, byteLength: bytes.length, file, begin: 0 };
  const view = wholeView(memoryTensor("q", "F32", shape, new Uint8Array(0), { quantised }));
  const halves = Array.from({ length: 2 * HEADS }, (_, half) =>
    slicedView(view, 0, Math.floor(half / 2) * HEAD_ROWS + (half % 2), HEAD_ROWS / 2, 2),
  );
  const order = halves.flatMap((_, half) =>
    Array.from(
      { length: HEAD_ROWS / 2 },
      (_unused, row) => Math.floor(half / 2) * HEAD_ROWS + (half % 2) + 2 * row,
    ),
  );
  const expected = order.map((row) => bytes.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES));
  return { assembly: concatViews(halves, 0), expected: Buffer.concat(expected) };
}

it("gives the blocks of permuted rows in the order of the rows", async () => {
  const { assembly, expected } = permuted();
  const { type, bytes } = await readBlocks(assembly);
  expect(type).toBe("Q4_0");
  expect(Buffer.from(bytes).equals(expected)).toBe(true);
});

it("reads a matrix of many parts by no more memory than one part takes", async () => {
  const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow");
  await readBlocks(permuted().assembly);
  await readBlocks(permuted().assembly);
  expect(grow.mock.calls.length).toBeLessThanOrEqual(2);
});
