import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addChunk,
  coarserDtype,
  noDifference,
  roundingTolerance,
} from "../../../src/verify/compare/compare-values.ts";
import type { ValueDifference } from "../../../src/verify/compare/value-difference.ts";
import type { Dtype } from "../../../src/tensor/dtype.ts";

/** A little-endian copy of numbers as a plain dtype. */
function bytesOf(values: readonly number[], dtype: "F32" | "F64" | "I32"): Uint8Array {
  const made = { F32: Float32Array, F64: Float64Array, I32: Int32Array }[dtype];
  return new Uint8Array(made.from(values).buffer);
}

/** Patterns of 16 bits. */
function patterns(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(values).buffer);
}

function compared(
  left: Uint8Array,
  right: Uint8Array,
  leftDtype: Dtype,
  rightDtype: Dtype = leftDtype,
): ValueDifference {
  const total = noDifference();
  addChunk(total, left, leftDtype, right, rightDtype);
  return total;
}

const f32 = (a: readonly number[], b: readonly number[]): ValueDifference =>
  compared(bytesOf(a, "F32"), bytesOf(b, "F32"), "F32");

const single = fc.oneof(
  { weight: 3, arbitrary: fc.float({ min: -100, max: 100, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, 2 ** -126, 2 ** -149, 2 ** 127) },
);

/** The place of a float32 among all of them, counted from 0. */
function place(value: number): number {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  return value < 0 || Object.is(value, -0) ? -(bits - 2 ** 31) : bits;
}

describe("two tensors of float32", () => {
  test("differ as plain code says, in however many chunks they come", () => {
    const pair = fc.tuple(single, fc.oneof(fc.constant(undefined), single));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), fc.nat(12), (pairs, cut) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([x, y]) => y ?? x)];
        const total = noDifference();
        for (const [begin, end] of [
          [0, Math.min(cut, a.length)],
          [Math.min(cut, a.length), a.length],
        ] as const) {
          const [left, right] = [a.slice(begin, end), b.slice(begin, end)];
          addChunk(total, bytesOf(left, "F32"), "F32", bytesOf(right, "F32"), "F32");
        }
        const unequal = a.flatMap((x, index) => (x === b[index] ? [] : [index]));
        const distances = unequal.map((index) => Math.abs((a[index] ?? 0) - (b[index] ?? 0)));
        const relative = unequal.flatMap((index, at) =>
          b[index] === 0 ? [] : [(distances[at] ?? 0) / Math.abs(b[index] ?? 0)],
        );
        const places = unequal.map((index) =>
          Math.abs(place(a[index] ?? 0) - place(b[index] ?? 0)),
        );
        expect(total).toEqual({
          elements: a.length,
          identicalBits: a.every((x, index) => Object.is(x, b[index])),
          equalValues: unequal.length === 0,
          maxAbs: Math.max(0, ...distances),
          maxRel: Math.max(0, ...relative),
          ulp: Math.max(0, ...places),
          firstIndex: unequal[0] ?? -1,
          differing: unequal.length,
          beyondRounding: Math.max(0, ...distances),
        });
      }),
      { numRuns: 120 },
    );
  });

  test("of equal bits are only counted", () => {
    expect(f32([1, Number.NaN], [1, Number.NaN])).toEqual({ ...noDifference(), elements: 2 });
  });

  test("−0 equals 0, and NaN equals any NaN, but their bits do not", () => {
    expect(f32([0], [-0])).toEqual({ ...noDifference(), elements: 1, identicalBits: false });
    const other = bytesOf([Number.NaN], "F32").with(0, 1);
    expect(compared(bytesOf([Number.NaN], "F32"), other, "F32")).toEqual({
      ...noDifference(),
      elements: 1,
      identicalBits: false,
    });
  });

  test.each([
    { a: Number.NaN, b: 1, maxAbs: Number.NaN },
    { a: 1, b: Number.NaN, maxAbs: Number.NaN },
    { a: Infinity, b: 1, maxAbs: Infinity },
    { a: Infinity, b: -Infinity, maxAbs: Infinity },
  ])("that hold $a and $b differ by $maxAbs, whatever comes behind", ({ a, b, maxAbs }) => {
    const found = f32([a, 5], [b, 4]);
    expect([found.equalValues, found.maxAbs, found.differing]).toEqual([false, maxAbs, 2]);
    expect(found.ulp === undefined).toBe(Number.isNaN(a) || Number.isNaN(b));
  });
});

describe("every field", () => {
  test("is pinned for float32 against float64, whose rounding is allowed", () => {
    const x = Math.fround(0.1);
    const found = compared(bytesOf([x, 2, 0], "F32"), bytesOf([0.1, 3, 0], "F64"), "F32", "F64");
    expect(found).toEqual({
      elements: 3,
      identicalBits: false,
      equalValues: false,
      maxAbs: 1,
      maxRel: 1 / 3,
      // 2 and 3 are half of the 2^23 numbers of their binade apart.
      ulp: 2 ** 22,
      firstIndex: 0,
      differing: 2,
      beyondRounding: 1 - 3 * 2 ** -24,
    });
  });

  test("counts complex numbers, not their parts", () => {
    const found = compared(
      bytesOf([1, 2, 3, 4, 5, 6], "F32"),
      bytesOf([1, 2, 3, 9, 5, 7], "F32"),
      "C64",
    );
    expect(found).toMatchObject({ elements: 3, firstIndex: 1, differing: 2, maxAbs: 5 });
    expect(found.ulp).toBeUndefined();
    const last = compared(
      bytesOf([1, 2, 3, 4, 5, 6], "F32"),
      bytesOf([1, 2, 3, 4, 5, 7], "F32"),
      "C64",
    );
    expect(last.firstIndex).toBe(2);
  });

  test("has no last place for whole numbers, and says so for the rest of the tensor", () => {
    const total = noDifference();
    addChunk(total, bytesOf([1], "I32"), "I32", bytesOf([3], "I32"), "I32");
    addChunk(total, bytesOf([1], "F32"), "F32", bytesOf([3], "F32"), "F32");
    expect(total).toMatchObject({ maxAbs: 2, ulp: undefined, differing: 2, elements: 2 });
  });

  test("ulps of binary16 and bfloat16 are steps of their patterns, across 0, too", () => {
    expect(compared(patterns(0x3c00), patterns(0x3c03), "F16").ulp).toBe(3);
    expect(compared(patterns(0x3f80), patterns(0x3f85), "BF16").ulp).toBe(5);
    expect(compared(patterns(0x0002), patterns(0x8003), "F16").ulp).toBe(5);
    expect(compared(patterns(0x8002), patterns(0x0003), "BF16").ulp).toBe(5);
    expect(compared(patterns(0x8001), patterns(0x8004), "F16").ulp).toBe(3);
    expect(compared(bytesOf([2 ** -149], "F32"), bytesOf([-(2 ** -149)], "F32"), "F32").ulp).toBe(
      2,
    );
    expect(compared(bytesOf([-(2 ** -149)], "F32"), bytesOf([-0], "F32"), "F32").ulp).toBe(1);
    expect(compared(patterns(0x8001), patterns(0x8000), "BF16").ulp).toBe(1);
  });

  test("keeps the largest ulp, wherever it is", () => {
    expect(compared(patterns(1, 1, 1), patterns(2, 5, 3), "F16").ulp).toBe(4);
  });

  test("what has no numbers, and sides of unequal length, differ at once, from the first element on", () => {
    const total = noDifference();
    addChunk(total, Uint8Array.of(1, 2), "F8_E8M0", Uint8Array.of(1, 2), "F8_E8M0");
    addChunk(total, Uint8Array.of(1, 2), "F8_E8M0", Uint8Array.of(1, 3), "F8_E8M0");
    expect(total).toEqual({
      ...noDifference(),
      elements: 4,
      identicalBits: false,
      equalValues: false,
      maxAbs: Number.NaN,
      ulp: undefined,
      firstIndex: 2,
    });
    addChunk(total, Uint8Array.of(1), "F8_E8M0", Uint8Array.of(2), "F8_E8M0");
    expect(total.firstIndex).toBe(2);
    for (const [left, right] of [
      ["F8_E8M0", "U8"],
      ["U8", "F8_E8M0"],
    ] as const) {
      expect(compared(Uint8Array.of(1), Uint8Array.of(1), left, right).maxAbs).toBeNaN();
    }
    const later = compared(bytesOf([1], "F32"), bytesOf([2], "F32"), "F32");
    addChunk(later, Uint8Array.of(1), "F8_E8M0", Uint8Array.of(2), "F8_E8M0");
    expect(later.firstIndex).toBe(0);
    const cut = compared(bytesOf([1, 2], "F32"), bytesOf([1], "F32"), "F32");
    expect(cut).toMatchObject({ equalValues: false, maxAbs: Number.NaN, firstIndex: 0 });
  });

  test("an infinity of the reference is no relative difference of 0", () => {
    expect(f32([1], [0])).toMatchObject({ maxAbs: 1, maxRel: 0 });
    expect(f32([3], [-2])).toMatchObject({ maxAbs: 5, maxRel: 2.5 });
  });
});

describe("what rounding to the coarser dtype may change", () => {
  const TABLE: readonly (readonly [Dtype, Dtype, Dtype, number, number])[] = [
    ["F32", "F64", "F32", 2 ** -24, 0],
    ["F64", "F32", "F32", 2 ** -24, 0],
    ["F32", "F16", "F16", 2 ** -11, 2 ** -25],
    ["BF16", "F32", "BF16", 2 ** -8, 0],
    ["F16", "BF16", "BF16", 2 ** -8, 0],
    ["F8_E5M2", "F16", "F8_E5M2", 2 ** -3, 2 ** -17],
    ["F8_E4M3", "BF16", "F8_E4M3", 2 ** -4, 2 ** -10],
    ["F8_E4M3", "F8_E5M2", "F8_E5M2", 2 ** -3, 2 ** -17],
    ["I32", "F64", "F64", 2 ** -53, 0],
    ["F64", "I32", "F64", 2 ** -53, 0],
    ["I32", "I64", "I32", 0, 0],
  ];
  test.each(TABLE)(
    "%s and %s: %s, %d of the value and %d",
    (left, right, coarse, relative, absolute) => {
      expect(coarserDtype(left, right)).toBe(coarse);
      expect(roundingTolerance(left, right)).toEqual({ relative, absolute });
    },
  );

  test.each(["F16", "F32", "F8_E5M2"] as const)("nothing between two of %s", (dtype) => {
    expect(roundingTolerance(dtype, dtype)).toEqual({ relative: 0, absolute: 0 });
  });

  test("is what a value may lose, and not more", () => {
    // 1 + 2^-11 rounds to 1 in binary16; 1 + 2^-10 does not.
    const half = patterns(0x3c00);
    const near = compared(half, bytesOf([1 + 2 ** -11], "F32"), "F16", "F32");
    expect([near.equalValues, near.beyondRounding]).toEqual([false, 0]);
    const far = compared(half, bytesOf([1 + 2 ** -10], "F32"), "F16", "F32");
    expect(far.beyondRounding).toBe(2 ** -10 - (1 + 2 ** -10) * 2 ** -11 - 2 ** -25);
    const below = compared(patterns(0xbc00), bytesOf([-1 - 2 ** -11], "F32"), "F16", "F32");
    expect([below.equalValues, below.beyondRounding]).toEqual([false, 0]);
    // Below the smallest step of binary16, half a step is lost whatever the value.
    const tiny = compared(patterns(0), bytesOf([2 ** -25], "F32"), "F16", "F32");
    expect(tiny.beyondRounding).toBe(0);
  });
});

/** Patterns of 16 bits, in a buffer from its beginning or two bytes on, where elements are taken as any numbers are. */
function bytesAt(offset: 0 | 2, values: readonly number[]): Uint8Array {
  const whole = new Uint8Array(2 * values.length + offset);
  whole.set(patterns(...values), offset);
  return whole.subarray(offset);
}

describe("two plain floats", () => {
  const PATTERNS = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 40 });

  test.each([
    ["F16", "BF16"],
    ["BF16", "F16"],
    ["BF16", "BF16"],
    ["F16", "F16"],
  ] as const)("%s and %s differ as numbers of any dtype do", (left, right) => {
    fc.assert(
      fc.property(PATTERNS, PATTERNS, (some, others) => {
        const size = Math.min(some.length, others.length);
        const [a, b] = [some.slice(0, size), others.slice(0, size)];
        const [quick, slow] = [noDifference(), noDifference()];
        addChunk(quick, bytesAt(0, a), left, bytesAt(0, b), right);
        addChunk(slow, bytesAt(2, a), left, bytesAt(2, b), right);
        expect(quick).toEqual(slow);
      }),
    );
  });

  test.each(["F16", "BF16"] as const)("float32 and %s, too", (dtype) => {
    const numbers = fc.array(fc.float(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(numbers, PATTERNS, (some, others) => {
        const size = Math.min(some.length, others.length);
        const wide = new Uint8Array(Float32Array.from(some.slice(0, size)).buffer);
        const half = others.slice(0, size);
        for (const isLeft of [true, false]) {
          const [quick, slow] = [noDifference(), noDifference()];
          for (const [total, narrow] of [
            [quick, bytesAt(0, half)],
            [slow, bytesAt(2, half)],
          ] as const) {
            if (isLeft) addChunk(total, wide, "F32", narrow, dtype);
            else addChunk(total, narrow, dtype, wide, "F32");
          }
          expect(quick).toEqual(slow);
        }
      }),
    );
  });
});
