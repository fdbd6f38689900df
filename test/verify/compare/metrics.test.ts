import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareLogits,
  DECADES,
  FIRST_DECADE,
  maxDifference,
  maxMagnitude,
} from "../../../src/verify/compare/metrics.ts";
import { drawnLogits } from "../../support/random-logits.ts";

/** Same formula, other order of summation, in float64. */
const RELATIVE = 1e-9;

function expectNear(found: number, expected: number, absolute = 1e-12): void {
  // NaN is as good as NaN: the cosine with a row of zeros is none.
  if (Object.is(found, expected)) return;
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(absolute + RELATIVE * Math.abs(expected));
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
const meanOf = (values: readonly number[]): number => sum(values) / values.length;

/** Plain definitions, one formula each. */
const plain = {
  rmse: (a: readonly number[], b: readonly number[]) =>
    Math.sqrt(meanOf(a.map((x, i) => (x - (b[i] ?? 0)) ** 2))),
  cosine: (a: readonly number[], b: readonly number[]) => {
    const [normA, normB] = [Math.hypot(...a), Math.hypot(...b)];
    return normA === 0 && normB === 0 ? 1 : sum(a.map((x, i) => x * (b[i] ?? 0))) / (normA * normB);
  },
  softmax: (a: readonly number[]) => {
    const largest = Math.max(...a);
    const exps = a.map((x) => Math.exp(x - largest));
    return exps.map((x) => x / sum(exps));
  },
  logSoftmax: (a: readonly number[]) => {
    const largest = Math.max(...a);
    const total = Math.log(sum(a.map((x) => Math.exp(x - largest))));
    return a.map((x) => x - largest - total);
  },
  kl: (ours: readonly number[], reference: readonly number[]) => {
    const [logP, logQ] = [plain.logSoftmax(ours), plain.logSoftmax(reference)];
    const terms = plain
      .softmax(reference)
      .map((q, i) => (q === 0 ? 0 : q * ((logQ[i] ?? 0) - (logP[i] ?? 0))));
    return Math.max(0, sum(terms));
  },
  top: (a: readonly number[], count: number) =>
    a
      .map((value, token) => ({ value, token }))
      .toSorted((x, y) => y.value - x.value || x.token - y.token)
      .slice(0, count)
      .map(({ token }) => token),
};

function rowsOf(data: Float32Array, vocab: number): readonly (readonly number[])[] {
  return Array.from({ length: data.length / vocab }, (_unused, row) => [
    ...data.subarray(row * vocab, (row + 1) * vocab),
  ]);
}

const NEAR_TIE = 0.01;

describe("the metrics of logits are what plain float64 code gives", () => {
  test("for each row", () => {
    fc.assert(
      fc.property(drawnLogits, ({ vocab, ours, reference, positions }) => {
        const { rows } = compareLogits("p", ours, reference, positions, NEAR_TIE);
        const [a, b] = [rowsOf(ours, vocab), rowsOf(reference, vocab)];
        expect(rows.map(({ position }) => position)).toEqual(positions);
        for (const [index, row] of rows.entries()) {
          const [x, y] = [a[index] ?? [], b[index] ?? []];
          const differences = x.map((value, i) => Math.abs(value - (y[i] ?? 0)));
          expect(row.maxAbs).toBe(Math.max(...differences));
          expectNear(row.rmse, plain.rmse(x, y));
          expectNear(row.cosine, plain.cosine(x, y));
          // Differences of logits near each other cancel: what is left is rounding of sums near the largest logit.
          expectNear(row.kl, plain.kl(x, y), 1e-10);
          const [ownTop, otherTop] = [plain.top(x, 10), plain.top(y, 10)];
          const common = otherTop.filter((token) => ownTop.includes(token)).length;
          expect(row.topOverlap).toBe(common / Math.min(10, vocab));
          const gap = Math.abs((y[otherTop[0] ?? -1] ?? 0) - (y[ownTop[0] ?? -1] ?? 0));
          const other = gap <= NEAR_TIE ? "near-tie" : "differs";
          expect(row.top1).toBe(ownTop[0] === otherTop[0] ? "same" : other);
        }
      }),
      { numRuns: 80 },
    );
  });

  test("for a prompt: the worst, sums over all numbers, means over the rows", () => {
    fc.assert(
      fc.property(drawnLogits, ({ vocab, ours, reference, positions }) => {
        const found = compareLogits("p", ours, reference, positions, NEAR_TIE);
        const { rows } = found;
        const [all, all2] = [[...ours], [...reference]];
        expect([found.name, found.positions]).toEqual(["p", positions.length]);
        expect(found.maxAbs).toBe(Math.max(...rows.map(({ maxAbs }) => maxAbs)));
        expect(found.wouldPassWith).toBe(found.maxAbs);
        expectNear(found.rmse, plain.rmse(all, all2));
        expectNear(found.cosine, meanOf(rows.map(({ cosine }) => cosine)));
        expectNear(found.kl, meanOf(rows.map(({ kl }) => kl)));
        expectNear(found.topOverlap, meanOf(rows.map(({ topOverlap }) => topOverlap)));
        const agreeing = rows.filter(({ top1 }) => top1 !== "differs").length;
        expectNear(found.top1Agreement, agreeing / rows.length);
        expect(found.nearTies).toBe(rows.filter(({ top1 }) => top1 === "near-tie").length);
        expect(found.scale).toBe(Math.max(...all2.map(Math.abs)));
        expect(sum(found.histogram)).toBe(reference.length);
        expect(found.histogram).toEqual(histogramOf(all, all2));
        const differences = all.map((x, i) => Math.abs(x - (all2[i] ?? 0)));
        const at = differences.indexOf(Math.max(...differences));
        expect(found.worst).toEqual(
          found.maxAbs === 0
            ? { position: -1, token: -1, ours: Number.NaN, reference: Number.NaN }
            : {
                position: positions[Math.floor(at / vocab)],
                token: at % vocab,
                ours: ours[at],
                reference: reference[at],
              },
        );
      }),
      { numRuns: 80 },
    );
  });
});

/** Upper ends of the histogram's cells: 1e-8, 1e-7, …, 1e3, and beyond. */
const ENDS = Array.from({ length: DECADES - 1 }, (_unused, index) =>
  Number(`1e${FIRST_DECADE + index}`),
);

function histogramOf(a: readonly number[], b: readonly number[]): readonly number[] {
  const counts = Array.from({ length: ENDS.length + 1 }, () => 0);
  for (const [index, x] of a.entries()) {
    const difference = Math.abs(x - (b[index] ?? 0));
    const at = ENDS.findIndex((end) => difference < end);
    const cell = at < 0 ? ENDS.length : at;
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return counts;
}

const f32 = (...values: readonly number[]): Float32Array => Float32Array.from(values);

/** Metrics of one row. */
function one(
  ours: readonly number[],
  reference: readonly number[],
  nearTie = 0,
): ReturnType<typeof compareLogits> {
  return compareLogits("one", f32(...ours), f32(...reference), [7], nearTie);
}

describe("every field of a comparison", () => {
  test("is pinned on two rows worked out by hand", () => {
    const found = compareLogits("hand", f32(3, 4, 1, 2), f32(4, 3, 1, 2), [5, 9], 0.5);
    const kl =
      (4 - 3) * (Math.exp(4) / (Math.exp(4) + Math.exp(3))) -
      Math.exp(3) / (Math.exp(4) + Math.exp(3));
    expect(found).toEqual({
      name: "hand",
      positions: 2,
      maxAbs: 1,
      rmse: Math.sqrt(2 / 4),
      cosine: (24 / 25 + 1) / 2,
      kl: expect.closeTo(kl / 2, 12) as unknown,
      top1Agreement: 0.5,
      nearTies: 0,
      topOverlap: 1,
      wouldPassWith: 1,
      scale: 4,
      worst: { position: 5, token: 0, ours: 3, reference: 4 },
      rows: [
        {
          position: 5,
          maxAbs: 1,
          rmse: 1,
          cosine: 24 / 25,
          kl: expect.closeTo(kl, 12) as unknown,
          top1: "differs",
          topOverlap: 1,
        },
        { position: 9, maxAbs: 0, rmse: 0, cosine: 1, kl: 0, top1: "same", topOverlap: 1 },
      ],
      // Two equal numbers, and two that differ by 1: from 10⁰ on.
      histogram: [2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
    });
  });

  test("counts differences by decades, each from its power of ten on", () => {
    expect([FIRST_DECADE, DECADES]).toEqual([-8, 13]);
    const differences = [
      0, 1e-9, 2e-8, 2e-7, 2e-6, 2e-5, 2e-4, 2e-3, 0.02, 0.2, 2, 20, 200, 2000, 2e4,
    ];
    const found = one(
      differences,
      differences.map(() => 0),
    );
    expect(found.histogram).toEqual([2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    expect(one([Number.NaN, Infinity], [0, 0]).histogram.at(-1)).toBe(2);
  });

  test("cosine is 1 for equal directions, 0 for a right angle, −1 for opposite ones, whatever the lengths", () => {
    expect(one([3, 4], [6, 8]).cosine).toBeCloseTo(1, 12);
    expect(one([1, 0], [0, 5]).cosine).toBe(0);
    expect(one([1, 2], [-2, -4]).cosine).toBeCloseTo(-1, 12);
    expect(one([0, 0], [0, 0]).cosine).toBe(1);
    expect(one([0, 0], [1, 0]).cosine).toBeNaN();
    expect(one([1, 0], [0, 0]).cosine).toBeNaN();
  });

  test("the overlap is the share of the reference's ten likeliest, 1 where all are ours", () => {
    const up = Array.from({ length: 30 }, (_unused, index) => index);
    expect(one(up, up).topOverlap).toBe(1);
    expect(one(up, up.toReversed()).topOverlap).toBe(0);
    expect(
      one(
        up,
        up.map((value) => (value < 5 ? value + 100 : value)),
      ).topOverlap,
    ).toBe(0.5);
    expect(one([1, 2], [2, 1]).topOverlap).toBe(1);
  });

  test("ties go to the lower id, also at the end of the ten", () => {
    const flat = Array.from({ length: 12 }, () => 1);
    const lifted = flat.map((value, index) => (index === 11 ? 2 : value));
    // Ours are 11, 0, …, 8; the reference's 0, …, 9.
    expect(one(lifted, flat, 0.5).topOverlap).toBe(0.9);
    expect(one(lifted, flat, 0.5).rows[0]?.top1).toBe("near-tie");
    expect(one(flat, flat).rows[0]?.top1).toBe("same");
  });
});

describe("the likeliest token", () => {
  test.each([
    { gap: 0.25, nearTie: 0.25, top1: "near-tie" },
    { gap: 0.25, nearTie: 0.2499, top1: "differs" },
    { gap: 0, nearTie: 0, top1: "near-tie" },
    { gap: 8, nearTie: 1, top1: "differs" },
  ])("$gap apart in the reference, with $nearTie allowed: $top1", ({ gap, nearTie, top1 }) => {
    // Ours prefers token 1; the reference token 0 by the gap. Of ours, the gap does not count.
    const reference = gap === 0 ? [1, 1] : [1 + gap, 1];
    const found = one([0, 50], reference, nearTie);
    expect(found.rows[0]?.top1).toBe(top1);
    expect([found.top1Agreement, found.nearTies]).toEqual(top1 === "differs" ? [0, 0] : [1, 1]);
  });

  test("is the same though both agree on a token by very little", () => {
    expect(one([1, 1.0001], [0, 9]).rows[0]?.top1).toBe("same");
  });
});

describe("what cannot be compared", () => {
  test.each([
    { what: "other lengths", ours: [1, 2, 3], reference: [1, 2], positions: [0] },
    { what: "no positions", ours: [], reference: [], positions: [] },
    { what: "numbers without positions", ours: [1], reference: [1], positions: [] },
    { what: "positions without numbers", ours: [], reference: [], positions: [0] },
    { what: "rows of unequal length", ours: [1, 2, 3], reference: [1, 2, 3], positions: [0, 1] },
  ])("has no positions, and no largest difference: $what", ({ ours, reference, positions }) => {
    const found = compareLogits("p", f32(...ours), f32(...reference), positions, 1);
    expect([found.positions, found.wouldPassWith]).toEqual([0, null]);
    expect([found.maxAbs, found.rmse]).toEqual([Number.NaN, Number.NaN]);
  });

  test.each([
    { what: "NaN in ours", ours: [1, Number.NaN], reference: [1, 2] },
    { what: "NaN in the reference", ours: [1, 2], reference: [1, Number.NaN] },
    { what: "infinity in ours", ours: [1, Infinity], reference: [1, 2] },
    { what: "infinity in the reference", ours: [1, 2], reference: [1, -Infinity] },
    { what: "infinities of two signs", ours: [1, Infinity], reference: [1, -Infinity] },
  ])("is never small: $what", ({ ours, reference }) => {
    const found = one(ours, reference, 1);
    expect(Number.isFinite(found.maxAbs)).toBe(false);
    expect([found.wouldPassWith, found.worst.token, found.worst.position]).toEqual([null, 1, 7]);
    expect(found.kl === 0 || found.cosine === 1).toBe(false);
  });

  test("a NaN stays the worst whatever comes behind it, within a row and over rows", () => {
    expect(one([Number.NaN, 1e9], [0, 0]).worst.token).toBe(0);
    const rows = compareLogits("p", f32(Number.NaN, 1e9), f32(0, 0), [0, 1], 1);
    expect([rows.maxAbs, rows.worst.position]).toEqual([Number.NaN, 0]);
    const later = compareLogits("p", f32(1e9, Number.NaN), f32(0, 0), [0, 1], 1);
    expect([later.maxAbs, later.worst.position]).toEqual([Number.NaN, 1]);
  });

  test("a token of NaN is nobody's likeliest", () => {
    expect(one([Number.NaN], [Number.NaN], 1).rows[0]?.top1).toBe("differs");
    expect(one([Number.NaN, 1], [Number.NaN, 1], 1).rows[0]?.top1).toBe("differs");
  });

  test("the same infinity on both sides is no difference", () => {
    const found = one([1, -Infinity], [1.5, -Infinity], 1);
    expect([found.maxAbs, found.worst.token]).toEqual([0.5, 0]);
  });
});

test("a NaN before the reference's likeliest token makes no tie", () => {
  expect(one([0, 0, 9], [1, Number.NaN, 5], 1).rows[0]?.top1).toBe("differs");
});

test("a vocabulary of one token has metrics, too", () => {
  expect(one([3], [1]).rows[0]).toMatchObject({
    maxAbs: 2,
    rmse: 2,
    cosine: 1,
    kl: 0,
    topOverlap: 1,
  });
  expect(one([3], [1]).rmse).toBe(2);
});

test("the scale is the reference's largest magnitude, however small", () => {
  expect(one([0.5, 9], [0.25, -0.125]).scale).toBe(0.25);
  expect(one([0, 0], [0, 0]).scale).toBe(0);
});

describe("a divergence", () => {
  test("of a shift of all logits is 0, and never below", () => {
    expect(one([11, 12, 13], [1, 2, 3]).kl).toBeCloseTo(0, 12);
    fc.assert(
      fc.property(drawnLogits, ({ ours, reference, positions }) => {
        expect(compareLogits("p", ours, reference, positions, 0).kl).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 100 },
    );
  });

  test("weighs by the reference, not by ours", () => {
    // q = (1/2, 1/2) against p = (1/4, 3/4): ln 2 − (ln 3)/2.
    const found = one([0, Math.log(3)], [0, 0]).kl;
    expect(found).toBeCloseTo(Math.log(2) - Math.log(3) / 2, 6);
    expect(one([0, 0], [0, Math.log(3)]).kl).toBeCloseTo(0.75 * Math.log(3) - Math.log(2), 6);
  });

  test("leaves out what the reference gives no weight at all", () => {
    // e^-900 is 0 in float64: its term would be 0 · ∞.
    expect(one([0, -Infinity], [0, -900]).kl).toBe(0);
    expect(one([0, -Infinity], [0, 0]).kl).toBe(Infinity);
  });

  test("of large logits does not overflow", () => {
    expect(one([800, 1], [800, 0]).kl).toBe(0);
    expect(one([800, 0], [0, 800]).kl).toBeCloseTo(800, 6);
  });
});

describe("the largest difference and magnitude of two arrays", () => {
  const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
    minLength: 1,
    maxLength: 20,
  });
  test("are the plain maximum", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const [x, y] = [a.slice(0, b.length), b.slice(0, a.length)];
        expect(maxDifference(f32(...x), f32(...y))).toBe(
          Math.max(0, ...x.map((value, index) => Math.abs(value - (y[index] ?? 0)))),
        );
        expect(maxMagnitude(f32(...x))).toBe(Math.max(...x.map(Math.abs)));
      }),
    );
  });

  test.each([
    { a: [1], b: [1, 2], difference: Number.NaN },
    { a: [], b: [], difference: 0 },
    { a: [5, -2], b: [5, -2], difference: 0 },
    { a: [Number.NaN, 1], b: [Number.NaN, 3], difference: Number.NaN },
    { a: [5, 1], b: [5, Number.NaN], difference: Number.NaN },
    { a: [Infinity, 1], b: [Infinity, 3], difference: 2 },
    { a: [Infinity], b: [-Infinity], difference: Infinity },
    { a: [Number.NaN, 9], b: [1, 1], difference: Number.NaN },
  ])("of $a and $b is $difference", ({ a, b, difference }) => {
    expect(maxDifference(f32(...a), f32(...b))).toBe(difference);
  });

  test("a magnitude is NaN where a number is, and 0 where there is none", () => {
    expect(maxMagnitude(f32(1, Number.NaN, 3))).toBeNaN();
    expect(maxMagnitude(f32())).toBe(0);
    expect(maxMagnitude(f32(-3, 2))).toBe(3);
  });
});
