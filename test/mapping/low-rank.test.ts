import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alongOf, mergedRows } from "../../src/mapping/computed/low-rank-kernel.ts";
import { storedValues } from "../../src/mapping/computed/stored-values.ts";
import { seededRandom } from "../../src/runtime/generation/random.ts";
import { decodeValues } from "../../src/tensor/decode.ts";
import { fused } from "../support/fused.ts";

type Draw = () => number;
type Profile = (uniform: Draw) => number;

const anyBits: Profile = (uniform) =>
  new Float32Array(Uint32Array.of(Math.floor(uniform() * 2 ** 32)).buffer)[0] ?? 0;
const signed: Profile = (uniform) => Math.fround(2 * uniform() - 1);
/** Few bits: sums that are exactly half way between two float32. */
const short: Profile = (uniform) =>
  Math.floor(uniform() * 31 - 15) * 2 ** -Math.floor(uniform() * 25);

/**
 * ± 2^-e (1 ± 2^-j): sums that float64 rounds to half way between two float32, and that are not.
 * @param exponents What e may be.
 */
function near(...exponents: readonly number[]): Profile {
  return (uniform) => {
    const exponent = exponents[Math.floor(uniform() * exponents.length)] ?? 0;
    const sign = uniform() < 0.5 ? -1 : 1;
    const side = uniform() < 0.5 ? -1 : 1;
    return sign * 2 ** -exponent * (1 + side * 2 ** -(13 + Math.floor(uniform() * 11)));
  };
}

const SPECIAL = [Number.NaN, Infinity, -Infinity, 0, -0, 2 ** -149, -(2 ** -149), 1];
const special: Profile = (uniform) => SPECIAL[Math.floor(uniform() * SPECIAL.length)] ?? 0;

/** What factors and bases are made of. */
const PROFILES = {
  signed,
  short,
  anyBits,
  nearOne: near(0, 12),
  /** Half way between float32 that are subnormal. */
  nearLeast: near(65, 75),
  bfloat16: (uniform) => Math.fround(Math.floor(256 * signed(uniform)) / 256),
  /** Products about the least float32. */
  tiny: (uniform) => Math.fround(signed(uniform) * 2 ** -(60 + Math.floor(uniform() * 25))),
  /** Sums about the greatest. */
  huge: (uniform) => Math.fround(signed(uniform) * 2 ** (58 + Math.floor(uniform() * 8))),
  special,
  mixed: (uniform) => (uniform() < 0.03 ? special(uniform) : short(uniform)),
} as const satisfies Readonly<Record<string, Profile>>;

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly dtype: "F32" | "F16" | "BF16";
  readonly base: Float32Array;
  readonly down: Float32Array;
  readonly along: Float32Array;
  readonly scaling: number;
}

/** What the kernel has to give, one fused multiply-add after the other. */
function reference({ rows, columns, rank, dtype, base, down, along, scaling }: Case): Uint8Array {
  const values = decodeValues(storedValues(base, dtype), dtype) ?? new Float64Array();
  const made = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++)
        sum = fused(down[row * rank + k] ?? 0, along[k * columns + column] ?? 0, sum);
      const at = row * columns + column;
      made[at] = (values[at] ?? 0) + Math.fround(sum * Math.fround(scaling));
    }
  return storedValues(made, dtype);
}

/** Patterns, those of NaN as one. */
function patterns(bytes: Uint8Array, dtype: Case["dtype"]): readonly (number | string)[] {
  const { buffer } = bytes.slice();
  const bits = dtype === "F32" ? new Uint32Array(buffer) : new Uint16Array(buffer);
  const values = decodeValues(bytes, dtype) ?? new Float64Array();
  return Array.from(bits, (one, at) => (Number.isNaN(values[at]) ? "NaN" : one));
}

function expectEqual(given: Case): void {
  const { rank, rows, columns, dtype, down, along, scaling } = given;
  const base = storedValues(given.base.slice(), dtype);
  const found = mergedRows(alongOf(along, rank, columns), { dtype, rows, base, down, scaling });
  expect(patterns(found, dtype)).toEqual(patterns(reference(given), dtype));
}

const profile = fc.constantFrom(...Object.values(PROFILES));
const shape = {
  seed: fc.integer({ min: 1 }),
  rows: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 27 }),
  rank: fc.integer({ min: 1, max: 64 }),
  dtype: fc.constantFrom("F32", "F16", "BF16"),
};

function drawn(length: number, of: Profile, uniform: Draw): Float32Array {
  return Float32Array.from({ length }, () => of(uniform));
}

describe("the kernel of base + scaling · B · A", () => {
  it("gives the bits of fused multiply-adds in turn, whatever the numbers, the rank and the shape", () => {
    const property = fc.property(
      fc.record({ ...shape, kinds: fc.tuple(profile, profile, profile) }),
      fc.constantFrom(1, 2, 0.125, 32 / 3, -1, 2 ** 100),
      ({ seed, kinds, ...sizes }, scaling) => {
        const { rows, columns, rank } = sizes;
        const uniform = seededRandom(seed);
        const base = drawn(rows * columns, kinds[0], uniform);
        const down = drawn(rows * rank, kinds[1], uniform);
        const along = drawn(rank * columns, kinds[2], uniform);
        expectEqual({ ...sizes, base, down, along, scaling });
      },
    );
    fc.assert(property, { numRuns: 400 });
  });

  it("rounds rightly where a sum is within its last bits of half way between two numbers of 16 bits", () => {
    const property = fc.property(
      fc.record({ ...shape, rank: fc.integer({ min: 3, max: 64 }) }),
      ({ seed, columns, rank, dtype }) => {
        const uniform = seededRandom(seed);
        const down = drawn(rank, signed, uniform);
        down[rank - 1] = 1;
        const along = drawn(rank * columns, signed, uniform);
        const half = 1 + (dtype === "F16" ? 2 ** -11 : 2 ** -8);
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let k = 0; k < rank - 1; k++)
            sum += (down[k] ?? 0) * (along[k * columns + column] ?? 0);
          along[(rank - 1) * columns + column] = half - sum;
        }
        const base = new Float32Array(columns);
        expectEqual({ rows: 1, columns, rank, dtype, base, down, along, scaling: 1 });
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  it("rounds what is half way between two float32 by the bits that float64 loses", () => {
    // Numbers a unit apart; half a unit less a little, which float64 does not see beside them.
    const little = 2 ** -17;
    for (const [one, unit] of [
      [1 + 2 ** -23, 2 ** -23],
      [-1 - 2 ** -23, -(2 ** -23)],
      [2 ** -130 + 2 ** -149, 2 ** -149],
      [2 ** 128 - 2 ** 104, 2 ** 104],
    ] as const) {
      const root = 2 ** Math.floor(Math.log2(Math.abs(unit / 2)) / 2);
      const down = Float32Array.of(1, root * (1 + little), 1, root);
      const along = Float32Array.of(one, (unit / 2 / root) * (1 - little));
      const base = new Float32Array(2);
      const given = { rows: 2, columns: 1, rank: 2, dtype: "F32", scaling: 1 } as const;
      expectEqual({ ...given, base, down, along });
      expect(fused(root * (1 + little), (unit / 2 / root) * (1 - little), one)).toBe(one);
      expect(fused(root, unit / 2 / root, one)).not.toBe(one);
    }
  });

  it("gives infinity for a sum far beyond the greatest float32, whatever it loses", () => {
    const given = { rows: 1, columns: 1, rank: 2, dtype: "F32", scaling: 1 } as const;
    const base = new Float32Array(1);
    const down = Float32Array.of(4, 1);
    for (const sign of [-1, 1]) {
      const along = Float32Array.of(sign * 2 ** 127, -sign * 2 ** -20);
      const { buffer } = mergedRows(alongOf(along, 2, 1), {
        ...given,
        base: new Uint8Array(base.slice().buffer),
        down,
      });
      expect(new Float32Array(buffer)[0]).toBe(sign * Infinity);
      expectEqual({ ...given, base, down, along });
    }
  });
});
