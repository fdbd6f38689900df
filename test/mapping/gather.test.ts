import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/sources/file.ts";
import { gatherPieces } from "../../src/mapping/gather.ts";

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
