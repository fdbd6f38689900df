import fc from "fast-check";

/** Logits that models give: mostly moderate, sometimes equal to each other, large, tiny or zero. */
const logit = fc.oneof(
  { weight: 6, arbitrary: fc.float({ min: -30, max: 30, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: -3, max: 3 }) },
  {
    weight: 1,
    arbitrary: fc.float({ min: Math.fround(-3e4), max: Math.fround(3e4), noNaN: true }),
  },
);

export interface DrawnLogits {
  readonly vocab: number;
  readonly ours: Float32Array;
  readonly reference: Float32Array;
  readonly positions: readonly number[];
}

/** Logits of some positions on both sides, alike or not. */
export const drawnLogits: fc.Arbitrary<DrawnLogits> = fc
  .tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(0, 1e-6, 1e-2, 1, 30),
  )
  .chain(([vocab, rows, distance]) => {
    const list = (of: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.array(of, { minLength: vocab * rows, maxLength: vocab * rows });
    return fc
      .tuple(list(logit), list(fc.float({ min: -1, max: 1, noNaN: true })))
      .map(([reference, moves]) => ({
        vocab,
        reference: Float32Array.from(reference),
        ours: Float32Array.from(
          reference,
          (value, index) => value + distance * (moves[index] ?? 0),
        ),
        positions: Array.from({ length: rows }, (_unused, row) => 3 * row + 1),
      }));
  });
