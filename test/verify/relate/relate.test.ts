import { describe, expect, test } from "vitest";
import { relate } from "../../../src/verify/relate/relate.ts";
import {
  axesOf,
  mayBeReordered,
  rowNumbers,
  rowOrder,
} from "../../../src/verify/relate/row-order.ts";
import type { HostTensor } from "../../../src/verify/compare/model-runner.ts";
import { internlmConfig } from "../../support/model-config.ts";

/** Heads of 8. */
const MODEL_CONFIG = internlmConfig({ hidden_size: 32, num_attention_heads: 4 });

/** Drawn values: no two rows or columns are alike, and nothing is of low rank. */
function matrix(rows: number, columns: number, seed = 1): HostTensor {
  let state = seed;
  const data = Float32Array.from({ length: rows * columns }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return { shape: [rows, columns], data };
}

const mapped = (
  { shape, data }: HostTensor,
  work: (value: number, row: number, column: number) => number,
): HostTensor => {
  const [, columns = 1] = shape;
  return {
    shape,
    data: data.map((value, at) => work(value, Math.floor(at / columns), at % columns)),
  };
};

/** Row i of the result is row order(i). */
const moved = ({ shape, data }: HostTensor, order: (row: number) => number): HostTensor => {
  const [, columns = 1] = shape;
  return {
    shape,
    data: data.map(
      (_value, at) =>
        data[order(Math.floor(at / columns)) * columns + (at % columns)] ?? Number.NaN,
    ),
  };
};

/** The rows of rotary pairs, brought to halves for so many heads. */
const toHalves =
  (heads: number, rows: number) =>
  (row: number): number => {
    const size = rows / heads;
    const [head, at] = [Math.floor(row / size), row % size];
    return head * size + (at < size / 2 ? 2 * at : 2 * (at - size / 2) + 1);
  };

const REFERENCE = matrix(32, 24);
const OTHER = matrix(32, 24, 7);
const A = matrix(32, 3, 11);
const B = matrix(3, 24, 13);

const adapter = (row: number, column: number): number => {
  let sum = 0;
  for (let rank = 0; rank < 3; rank++)
    sum += (A.data[row * 3 + rank] ?? 0) * (B.data[rank * 24 + column] ?? 0);
  return sum;
};

/** 32 rows are 4 heads of 8. */
const CASES: readonly (readonly [string, HostTensor, string, string])[] = [
  ["a factor", mapped(REFERENCE, (x) => 0.25 * x), "scaled", "0.25 times"],
  ["an offset", mapped(REFERENCE, (x) => x - 1), "offset", "less 1"],
  ["a factor and an offset", mapped(REFERENCE, (x) => 3 * x + 2), "offset", "3 times"],
  [
    "a factor of one row",
    mapped(REFERENCE, (x, row) => (row === 3 ? -x : x)),
    "scaled",
    "row 3 is the other side's times -1; the others have a factor of 1",
  ],
  ["a factor a row", mapped(REFERENCE, (x, row) => (row + 1) * x), "scaled", "each row"],
  ["a factor a column", mapped(REFERENCE, (x, _r, c) => (c + 1) * x), "scaled", "each column"],
  ["an adapter", mapped(REFERENCE, (x, r, c) => x + adapter(r, c)), "low-rank", "rank 3"],
  ["a roll of a head", moved(REFERENCE, (row) => (row + 8) % 32), "head-order", "1, 2, 3, 0"],
  ["a roll of a row", moved(REFERENCE, (row) => (row + 1) % 32), "row-shifted", "i + 1 "],
  ["pairs as halves", moved(REFERENCE, toHalves(4, 32)), "rotary-permuted", "to halves once more"],
  [
    "pairs for 8 heads",
    // The rows before either permutation are those of the reference with its own undone.
    moved(moved(REFERENCE, invert(toHalves(4, 32), 32)), toHalves(8, 32)),
    "rotary-permuted",
    "for 8 heads instead of 4",
  ],
  [
    "codes without their scale",
    mapped(REFERENCE, (x) => Math.round(127 * x)),
    "scaled",
    "codes of a quantized tensor",
  ],
  [
    "codes by one factor, where each row had its own",
    mapped(REFERENCE, (x, row) => Math.round((127 * x) / largestIn(row)) / 64),
    "scaled",
    "a whole number up to 127 times 0.015625, which is before that",
  ],
  [
    "a sign of some rows",
    mapped(REFERENCE, (x, row) => (row % 5 === 1 ? -x : x)),
    "scaled",
    "from -1 to 1",
  ],
  [
    "a factor of each row and each column",
    mapped(REFERENCE, (x, row, column) => (row + 1) * (column + 3) * x),
    "scaled",
    "its row and another of its column",
  ],
  ["parts of two ranks joined along rows", stacked(REFERENCE, 2), "rank-order", "2 parallel ranks"],
  [
    "rows that stand twice",
    moved(REFERENCE, (row) => row % 16),
    "duplicated",
    "rows 16 to 31 hold rows 0 to 15",
  ],
  [
    "rows in turn",
    moved(REFERENCE, (row) => (row % 2) * 16 + Math.floor(row / 2)),
    "rank-order",
    "two",
  ],
];

/** Rounded to float16's steps, also below its normal numbers; the values here have no ties. */
function f16(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1)));
  const step = 2 ** (exponent - 10);
  return Math.round(value / step) * step;
}

function largestIn(row: number): number {
  return REFERENCE.data
    .subarray(row * 24, (row + 1) * 24)
    .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** All first parts of rows before all second ones. */
function stacked({ shape, data }: HostTensor, parts: number): HostTensor {
  const [rows = 1, columns = 1] = shape;
  const width = columns / parts;
  return {
    shape,
    data: data.map((_value, at) => {
      const [part, rest] = [Math.floor(at / (rows * width)), at % (rows * width)];
      return data[Math.floor(rest / width) * columns + part * width + (rest % width)] ?? 0;
    }),
  };
}

function invert(order: (row: number) => number, rows: number): (row: number) => number {
  const inverse = Array.from({ length: rows }, () => 0);
  for (let row = 0; row < rows; row++) inverse[order(row)] = row;
  return (row) => inverse[row] ?? -1;
}

describe("a relation of two tensors", () => {
  test("a factor holds below float16's normal numbers, whose steps are alike", () => {
    const small = mapped(REFERENCE, (x) => f16(x / 2 ** 13));
    const relation = relate(
      mapped(small, (x) => f16(1.3 * x)),
      small,
      MODEL_CONFIG,
      "F16",
    );
    expect([relation?.cause, relation?.text]).toEqual([
      "scaled",
      expect.stringMatching(/^every value is 1\.(3|299|300)\d* times/u),
    ]);
  });

  test("values that were rounded by one scale that is still there are no codes without scales", () => {
    const rounded = mapped(REFERENCE, (x) => Math.round(127 * x) / 128);
    expect(relate(rounded, REFERENCE, MODEL_CONFIG, "F32")?.text ?? "").not.toContain("codes");
  });

  test.each(CASES)("%s", (_name, ours, cause, words) => {
    const relation = relate(ours, REFERENCE, MODEL_CONFIG, "F32");
    expect({ cause: relation?.cause, isHarmless: relation?.isHarmless }).toEqual({
      cause,
      isHarmless: false,
    });
    expect(relation?.text).toContain(words);
  });

  test("is none where the values are others", () => {
    expect(relate(OTHER, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });

  test("is none where rounding explains the difference", () => {
    const rounded = mapped(REFERENCE, (x) => Math.round(x * 2 ** 22) / 2 ** 22);
    expect(relate(rounded, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });

  test("is none where one row is another, though that is a difference of rank 1", () => {
    const ours = mapped(REFERENCE, (x, row) => (row === 5 ? 0.5 - x : x));
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });

  test("is none where one row is zeroed: that is damage, and no factor", () => {
    const ours = mapped(REFERENCE, (x, row) => (row === 5 ? 0 : x));
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });

  test("is no factor where the whole tensor, half of its rows or half of its columns are zeroed", () => {
    for (const ours of [
      mapped(REFERENCE, () => 0),
      mapped(REFERENCE, (x, row) => (row < 16 ? 0 : x)),
      mapped(REFERENCE, (x, _row, column) => (column < 12 ? 0 : x)),
    ])
      expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")?.cause).not.toBe("scaled");
  });

  test("is none where one element of a scaled tensor is another", () => {
    const ours = mapped(REFERENCE, (x) => 0.25 * x);
    ours.data[100] = 9;
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")?.cause).not.toBe("scaled");
  });

  test("is none where one row of a permuted tensor is another", () => {
    const ours = moved(REFERENCE, toHalves(4, 32));
    ours.data[100] = 9;
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });
});

function longer(rows: number, from: (row: number) => number | undefined): HostTensor {
  const data = new Float32Array(rows * 24);
  for (let row = 0; row < rows; row++) {
    const source = from(row);
    if (source !== undefined)
      data.set(REFERENCE.data.subarray(source * 24, (source + 1) * 24), row * 24);
  }
  return { shape: [rows, 24], data };
}

describe("two changes at once", () => {
  const SQUARE = matrix(32, 32, 5);

  test.each([1, 0.3, -0.125])("heads in another order, times %d", (factor) => {
    const order = moved(REFERENCE, (row) => (row + 16) % 32);
    const found = relate(
      mapped(order, (value) => factor * value),
      REFERENCE,
      MODEL_CONFIG,
      "F32",
    );
    expect(found).toMatchObject({ cause: "head-order" });
    if (factor === 1) return;
    expect(found?.text).toContain(`times the other side's`);
    expect(found?.claim).toMatchObject({ kind: "of-order", axis: "rows" });
  });

  test("columns in another order, times a factor", () => {
    const other = mapped(REFERENCE, (_value, row, column) => {
      return 0.3 * (REFERENCE.data[row * 24 + ((column + 12) % 24)] ?? 0);
    });
    expect(relate(other, REFERENCE, MODEL_CONFIG, "F32")?.claim).toMatchObject({
      kind: "of-order",
      axis: "columns",
      statement: { kind: "linear" },
    });
  });

  test("transposed, and scaled or cut to codes", () => {
    const flipped = mapped(SQUARE, (_value, row, column) => SQUARE.data[column * 32 + row] ?? 0);
    for (const work of [
      (value: number): number => 0.5 * value,
      (value: number): number => Math.round(127 * value),
    ]) {
      const found = relate(mapped(flipped, work), SQUARE, MODEL_CONFIG, "F32");
      expect(found).toMatchObject({ cause: "transposed", claim: { kind: "of-transposed" } });
    }
  });

  test("an order of values that have their own noise is none", () => {
    const noisy = mapped(
      moved(REFERENCE, (row) => (row + 16) % 32),
      (value, row, column) => value * (1 + 0.1 * Math.sin(31 * row + 7 * column)),
    );
    expect(relate(noisy, REFERENCE, MODEL_CONFIG, "F32")).toBeUndefined();
  });
});

describe("tensors of three axes", () => {
  test("are known when each of their matrices is transposed", () => {
    const reference = { ...matrix(6, 20), shape: [3, 4, 10] };
    const ours = {
      shape: [3, 10, 4],
      data: reference.data.map((_value, at) => {
        const [expert, row, column] = [Math.floor(at / 40), Math.floor((at % 40) / 4), at % 4];
        return reference.data[expert * 40 + column * 10 + row] ?? 0;
      }),
    };
    const relation = relate(ours, reference, undefined, "F32");
    expect(relation).toMatchObject({ cause: "transposed", claim: { axes: [0, 2, 1] } });
    expect(relation?.relation).toContain("a b c -> a c b");
  });
});

describe("integers", () => {
  test("that spell the bits of bfloat16 are told", () => {
    const reference = mapped(REFERENCE, (x) => Math.round(x * 128) / 128);
    const words = new Uint32Array(reference.data.buffer.slice(0));
    const ours = { shape: reference.shape, data: Float32Array.from(words, (word) => word >>> 16) };
    expect(relate(ours, reference, MODEL_CONFIG, "F32")?.cause).toBe("dtype-misread");
  });
});

describe("tensors of other sizes", () => {
  test("heads that are repeated for their group", () => {
    const ours = longer(64, (row) => Math.floor(row / 16) * 8 + (row % 8));
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")).toMatchObject({
      cause: "duplicated",
      isHarmless: true,
    });
  });

  test("rows of zeros behind", () => {
    const ours = longer(40, (row) => (row < 32 ? row : undefined));
    const relation = relate(ours, REFERENCE, MODEL_CONFIG, "F32");
    expect(relation).toMatchObject({ cause: "padded", isHarmless: true });
    expect(relation?.text).toContain("8 rows of zeros");
  });

  test("rows with values of their own behind are not harmless", () => {
    const ours = longer(34, (row) => (row < 32 ? row : row - 32));
    expect(relate(ours, REFERENCE, MODEL_CONFIG, "F32")).toMatchObject({
      cause: "padded",
      isHarmless: false,
    });
  });

  test("rows that are lost are seen from the other side", () => {
    const whole = longer(40, (row) => (row < 32 ? row : undefined));
    expect(relate(REFERENCE, whole, MODEL_CONFIG, "F32")?.text).toContain("from the other side");
  });
});

describe("axes of a permutation", () => {
  test("are found for any sizes, and lead back", () => {
    for (const sizes of [
      [2, 3],
      [3, 4, 2],
      [5, 2, 3, 2],
      [4, 8],
    ])
      expect(axesOf(transposition(sizes))?.map(({ size }) => size)).toEqual(sizes.toReversed());
  });

  test("are none of a permutation that exchanges no axes", () => {
    expect(axesOf([1, 0, 2, 3, 5, 4])).toBeUndefined();
    expect(axesOf([0, 2, 1, 4, 3, 5])).toBeUndefined();
  });

  test("rows are matched by all of their values", () => {
    const ours = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 1, 2, 4) };
    const reference = { shape: [2, 3], data: Float32Array.of(1, 2, 4, 1, 2, 3) };
    expect(rowOrder(ours, reference)).toEqual([1, 0]);
    expect(
      rowOrder({ ...ours, data: Float32Array.of(1, 2, 3, 1, 2, 5) }, reference),
    ).toBeUndefined();
  });

  test("are matched with −0 as 0, with NaN as its bits, and twins in order", () => {
    const reference = pairs(0, 0, Number.NaN, 1, 5, 6, 5, 6, -0, 7);
    expect(rowOrder(pairs(5, 6, 0, 7, Number.NaN, 1, -0, 0, 5, 6), reference)).toEqual([
      2, 4, 1, 0, 3,
    ]);
    // A second row of zeros is damage, and a row that is nowhere is no order.
    expect(rowOrder(pairs(0, 0, -0, 0, 5, 6, 5, 6, 0, 7), reference)).toBeUndefined();
    expect(rowOrder(pairs(0, 0, 2, 1, 5, 6, 5, 6, 0, 7), reference)).toBeUndefined();
  });

  test("may be another's in some order only where all values are the same", () => {
    const table = matrix(40, 8);
    const reversed = { ...table, data: table.data.toReversed() };
    expect(mayBeReordered(reversed, table)).toBe(true);
    const zeros = (zero: number): HostTensor =>
      mapped(table, (value, row) => (row > 3 ? value : zero));
    expect(mayBeReordered(zeros(-0), zeros(0))).toBe(true);
    expect(mayBeReordered(zeros(0), table)).toBe(false);
    const one = mapped(table, (value, row, column) => (row + column === 0 ? 2 * value : value));
    expect(mayBeReordered(one, table)).toBe(false);
  });

  test("of zeros as many as the other has are matched, and one more is not", () => {
    const table = mapped(matrix(6, 8), (value, row) => (row < 2 ? 0 : value));
    expect(
      rowOrder(
        moved(table, (row) => 5 - row),
        table,
      ),
    ).toEqual([5, 4, 3, 2, 0, 1]);
    expect(
      rowOrder(
        mapped(table, (value, row) => (row === 4 ? 0 : value)),
        table,
      ),
    ).toBeUndefined();
  });

  test("are numbered alike in both tables exactly where they are alike", () => {
    const [left, right] = [drawnPairs(7), drawnPairs(11)];
    const [ours = [], theirs = []] = rowNumbers(left, right);
    const numberOf = new Map<string, number>();
    for (const [table, numbers] of [
      [left, ours],
      [right, theirs],
    ] as const)
      for (const [row, number] of numbers.entries()) {
        expect(numberOf.get(textOf(table, row)) ?? number).toBe(number);
        numberOf.set(textOf(table, row), number);
      }
    expect(new Set(numberOf.values()).size).toBe(numberOf.size);
  });
});

/** Rows of two. */
function pairs(...data: number[]): HostTensor {
  return { shape: [data.length / 2, 2], data: Float32Array.from(data) };
}

function drawnPairs(seed: number): HostTensor {
  const data = Float32Array.from({ length: 6000 }, (_unused, at) => (at * seed) % 61);
  return { shape: [3000, 2], data };
}

function textOf({ data }: HostTensor, row: number): string {
  return data.subarray(2 * row, 2 * row + 2).join();
}

/** Axes of these sizes in reverse: entry i is where index i of the reversed shape comes from. */
function transposition(sizes: readonly number[]): readonly number[] {
  const total = sizes.reduce((product, size) => product * size, 1);
  return Array.from({ length: total }, (_unused, index) => {
    let [rest, from, stride] = [index, 0, total];
    for (const size of sizes) {
      stride /= size;
      from += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return from;
  });
}
