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
import { f16ToF32Bits, f32BitsToBf16, f32BitsToF16 } from "../../../src/tensor/float-bits.ts";

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

  test("counts elements in the order of the tensor, of numbers that are no plain floats, too", () => {
    const found = compared(bytesOf([1, 2, 3, 4], "F64"), bytesOf([1, 2, 3, 5], "F64"), "F64");
    expect(found).toMatchObject({ elements: 4, firstIndex: 3, differing: 1, ulp: undefined });
  });

  test("has a last place of float32 where the other side is float64: −0 is at 0", () => {
    const found = compared(bytesOf([-0], "F32"), bytesOf([2 ** -149], "F64"), "F32", "F64");
    expect(found.ulp).toBe(1);
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

describe("what rounding between two dtypes may change", () => {
  const TABLE: readonly (readonly [Dtype, Dtype, Dtype, number, number])[] = [
    ["F32", "F64", "F32", 2 ** -24, 0],
    ["F64", "F32", "F32", 2 ** -24, 0],
    ["F32", "F16", "F16", 2 ** -11, 2 ** -25],
    ["BF16", "F32", "BF16", 2 ** -8, 0],
    ["F16", "BF16", "BF16", 2 ** -8, 2 ** -25],
    ["F8_E5M2", "F16", "F8_E5M2", 2 ** -3, 2 ** -17],
    ["F8_E4M3", "BF16", "F8_E4M3", 2 ** -4, 2 ** -10],
    ["F8_E4M3", "F8_E5M2", "F8_E5M2", 2 ** -3, 2 ** -10],
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

/** What two lists of numbers differ by, in plain code, in places of `coarse` and beyond what rounding to it loses. */
function plainly(
  a: readonly number[],
  b: readonly number[],
  [left, right]: readonly [Dtype, Dtype],
): Partial<ValueDifference> {
  const { relative, absolute } = roundingTolerance(left, right);
  const coarse = coarserDtype(left, right);
  const unequal = a.flatMap((x, index) => {
    const y = b[index] ?? Number.NaN;
    return x === y || (Number.isNaN(x) && Number.isNaN(y)) ? [] : [{ index, x, y }];
  });
  const most = (of: (x: number, y: number) => number): number =>
    unequal.reduce((largest, { x, y }) => Math.max(largest, of(x, y)), 0);
  const hasNaN = unequal.some(({ x, y }) => Number.isNaN(x) || Number.isNaN(y));
  return {
    elements: a.length,
    equalValues: unequal.length === 0,
    differing: unequal.length,
    firstIndex: unequal[0]?.index ?? -1,
    maxAbs: most((x, y) => Math.abs(x - y)),
    maxRel: most((x, y) => (y === 0 ? 0 : Math.abs(x - y) / Math.abs(y))),
    beyondRounding: most((x, y) => Math.abs(x - y) - relative * Math.abs(y) - absolute),
    ulp: hasNaN ? undefined : most((x, y) => Math.abs(placeIn(x, coarse) - placeIn(y, coarse))),
  };
}

/** The place of a number, rounded to a dtype, among all of it, counted from 0. */
function placeIn(value: number, dtype: Dtype): number {
  if (dtype === "F32") return place(value);
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  const pattern = dtype === "F16" ? f32BitsToF16(bits) : f32BitsToBf16(bits);
  return pattern >= 0x8000 ? -(pattern - 0x8000) : pattern;
}

/** The numbers of patterns of 16 bits. */
function numbersOf(values: readonly number[], dtype: "F16" | "BF16"): readonly number[] {
  const bits = values.map((value) => (dtype === "F16" ? f16ToF32Bits(value) : value << 16));
  return Array.from(new Float32Array(Uint32Array.from(bits).buffer));
}

describe("two plain floats", () => {
  const PATTERNS = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 40 });

  test.each([
    ["F16", "BF16"],
    ["BF16", "F16"],
    ["BF16", "BF16"],
    ["F16", "F16"],
  ] as const)("%s and %s differ as plain code says", (left, right) => {
    fc.assert(
      fc.property(PATTERNS, PATTERNS, (some, others) => {
        const size = Math.min(some.length, others.length);
        const [a, b] = [some.slice(0, size), others.slice(0, size)];
        const found = compared(patterns(...a), patterns(...b), left, right);
        const both = [left, right] as const;
        expect(found).toMatchObject(plainly(numbersOf(a, left), numbersOf(b, right), both));
      }),
    );
  });

  test.each(["F16", "BF16"] as const)("float32 and %s, too", (dtype) => {
    const numbers = fc.array(fc.float(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(numbers, PATTERNS, (some, others) => {
        const size = Math.min(some.length, others.length);
        const [wide, half] = [some.slice(0, size), others.slice(0, size)];
        const [a, b] = [bytesOf(wide, "F32"), patterns(...half)];
        const narrow = numbersOf(half, dtype);
        expect(compared(a, b, "F32", dtype)).toMatchObject(plainly(wide, narrow, ["F32", dtype]));
        expect(compared(b, a, dtype, "F32")).toMatchObject(plainly(narrow, wide, [dtype, "F32"]));
      }),
    );
  });

  test.each(["F16", "BF16"] as const)("%s and float64, which are any numbers, too", (dtype) => {
    const numbers = fc.array(fc.oneof(single, fc.constant(Number.NaN)), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(numbers, PATTERNS, (some, others) => {
        const size = Math.min(some.length, others.length);
        const [wide, half] = [some.slice(0, size), others.slice(0, size)];
        const [a, b] = [bytesOf(wide, "F64"), patterns(...half)];
        const narrow = numbersOf(half, dtype);
        expect(compared(a, b, "F64", dtype)).toMatchObject(plainly(wide, narrow, ["F64", dtype]));
        expect(compared(b, a, dtype, "F64")).toMatchObject(plainly(narrow, wide, [dtype, "F64"]));
      }),
    );
  });

  const LONG = 20_001;
  /** Where the two sides differ: at the ends of what is decoded at a time, and in between. */
  const PLACES = [0, 17, 8191, 8192, 8193, 16_383, 16_384, 20_000];

  test.each([
    ["F32", "F32"],
    ["F32", "F16"],
    ["BF16", "F32"],
    ["F16", "BF16"],
    ["F16", "F16"],
  ] as const)("%s and %s of many elements differ where they do, and by how much", (left, right) => {
    const numbers = Array.from({ length: LONG }, (_unused, index) => (index % 251) / 2 - 60);
    for (const at of PLACES) {
      const other = numbers.with(at, 99);
      const [a, b] = [stored(numbers, left), stored(other, right)];
      const before = numbers[at] ?? 0;
      expect(compared(a, b, left, right)).toMatchObject({
        elements: LONG,
        firstIndex: at,
        differing: 1,
        maxAbs: 99 - before,
        maxRel: (99 - before) / 99,
        equalValues: false,
      });
    }
    const all = PLACES.reduce((values, at) => values.with(at, 99), numbers);
    expect(compared(stored(numbers, left), stored(all, right), left, right)).toMatchObject({
      firstIndex: PLACES[0],
      differing: PLACES.length,
    });
  });

  test("of unequal length differ, and nothing beyond either is read", () => {
    const found = compared(bytesOf([1, 2], "F32"), bytesOf([1], "F32"), "F32");
    expect(found).toMatchObject({ elements: 2, equalValues: false, firstIndex: 0 });
    expect(found.maxAbs).toBeNaN();
  });
});

/** Numbers with few digits, exact in each of the dtypes. */
function stored(numbers: readonly number[], dtype: "F32" | "F16" | "BF16"): Uint8Array {
  if (dtype === "F32") return bytesOf(numbers, "F32");
  const bits = new Uint32Array(Float32Array.from(numbers).buffer);
  return patterns(...Array.from(bits, dtype === "F16" ? f32BitsToF16 : f32BitsToBf16));
}
