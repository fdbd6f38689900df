import { describe, expect, test } from "vitest";
import { clearOtherGenerations } from "../../scripts/gpu/fatbin.mjs";
import { foldersOf } from "../../scripts/gpu/packages.mjs";

const ENTRY_HEADER = 64;

/**
 * A fat binary of entries of 8 bytes each.
 * @param {[kind: number, generation: number][]} entries
 */
function fatBinary(entries) {
  const parts = entries.map(([kind, generation]) => {
    const entry = Buffer.alloc(ENTRY_HEADER + 8, 0xcc);
    entry.writeUInt16LE(kind, 0);
    entry.writeUInt32LE(ENTRY_HEADER, 4);
    entry.writeBigUInt64LE(8n, 8);
    entry.writeUInt32LE(generation, 28);
    return entry;
  });
  const body = Buffer.concat(parts);
  const header = Buffer.from([0x50, 0xed, 0x55, 0xba, 1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64LE(BigInt(body.length), 8);
  return Buffer.concat([header, body]);
}

/** Whether the code of each entry is still there. */
function kept(bytes, begin, count) {
  return Array.from({ length: count }, (_, index) => {
    const end = begin + 16 + (index + 1) * (ENTRY_HEADER + 8);
    return bytes.subarray(end - 8, end).every((byte) => byte === 0xcc);
  });
}

describe("code for other generations of GPU is cleared", () => {
  const entries = [
    [2, 80],
    [2, 90],
    [2, 100],
    [1, 80],
    [1, 90],
    [1, 120],
  ];
  const expected = [false, true, false, true, true, false];

  test("by the entries' kinds and generations, wherever fat binaries are", () => {
    const before = Buffer.alloc(37, 7);
    const bytes = Buffer.concat([before, fatBinary(entries), before, fatBinary(entries)]);
    const size = bytes.length / 2 - before.length;
    expect(clearOtherGenerations(bytes, 90)).toEqual({ found: 2, cleared: 48 });
    expect(kept(bytes, before.length, entries.length)).toEqual(expected);
    expect(kept(bytes, 2 * before.length + size, entries.length)).toEqual(expected);
    expect(bytes.subarray(0, before.length)).toEqual(before);
  });

  test("and nothing where the sizes do not fit, or only the magic is there", () => {
    for (const change of [
      (/** @type {Buffer} */ bytes) => bytes.writeBigUInt64LE(2n ** 40n, 8),
      (/** @type {Buffer} */ bytes) => bytes.writeBigUInt64LE(9n, 16 + 8),
      (/** @type {Buffer} */ bytes) => bytes.writeUInt16LE(2, 4),
    ]) {
      const bytes = fatBinary(entries);
      change(bytes);
      const copy = Buffer.from(bytes);
      expect(clearOtherGenerations(bytes, 90)).toEqual({ found: 0, cleared: 0 });
      expect(bytes).toEqual(copy);
    }
    const short = Buffer.from([1, 0x50, 0xed, 0x55, 0xba, 1]);
    expect(clearOtherGenerations(short, 90)).toEqual({ found: 0, cleared: 0 });
  });
});

test("packages are found beside those that ask for them, and further out", () => {
  const packages = {
    "": {},
    "node_modules/a": { dependencies: { b: "1", c: "1" } },
    "node_modules/a/node_modules/b": { dependencies: { d: "1" } },
    "node_modules/b": { dependencies: { e: "1" } },
    "node_modules/c": { optionalDependencies: { a: "1", missing: "1" } },
    "node_modules/d": {},
    "node_modules/e": {},
  };
  expect(foldersOf(packages, ["a"])).toEqual([
    "node_modules/a",
    "node_modules/a/node_modules/b",
    "node_modules/c",
    "node_modules/d",
  ]);
});
