import { describe, expect, test } from "vitest";
import type { HostTensor } from "../../../src/verify/compare/model-runner.ts";
import { relate } from "../../../src/verify/relate/relate.ts";
import { internlmConfig } from "../../support/model-config.ts";

const CONFIG = internlmConfig({ hidden_size: 32, num_attention_heads: 4 });
const ROWS = 40;
const WIDTH = 4;

/** A table that holds such a row at each place: row 0 is zeros, as that of a pad token, the others are drawn. */
function table(rowAt: (row: number) => number): HostTensor {
  const data = Float32Array.from({ length: ROWS * WIDTH }, (_unused, at) => {
    const row = rowAt(Math.floor(at / WIDTH));
    return row === 0 ? 0 : Math.sin(row * 12.9898 + (at % WIDTH) * 78.233);
  });
  return { shape: [ROWS, WIDTH], data };
}

/** The last four rows are alike, as those of padding are. */
const valueOf = (row: number): number => (row >= 36 ? 1000 : row);
const REFERENCE = table(valueOf);
const related = (ours: HostTensor, axes: readonly ["vocab", "hidden"] | undefined) =>
  relate(ours, REFERENCE, CONFIG, "F32", axes);

describe("rows of a table that stand too early or too late", () => {
  test.each([
    [
      "with zeros where the table ended",
      table((row) => (row < 37 ? valueOf(row + 3) : 0)),
      "row i holds row i + 3 of the other side, from row 0 to row 36; rows 37 to 39 are zeros",
    ],
    [
      "with zeros before, where the first row is zeros",
      table((row) => (row < 5 ? 0 : valueOf(row - 5))),
      "row i holds row i − 5 of the other side, from row 5 to row 39; rows 1 to 4 are zeros",
    ],
    [
      "from the middle on, with padding behind",
      table((row) => (row < 20 ? row : valueOf(Math.min(39, row + 1)))),
      "row i holds row i + 1 of the other side, from row 20 to row 38",
    ],
    [
      "with a row of its own put in, and the last one lost",
      table((row) => (row < 8 ? row : row === 8 ? 77 : valueOf(row - 1))),
      "row i holds row i − 1 of the other side, from row 9 to row 39; row 8 has values of its own, put in there",
    ],
    [
      "with two rows of their own put in",
      table((row) => (row < 8 ? row : row < 10 ? 70 + row : valueOf(row - 2))),
      "row i holds row i − 2 of the other side, from row 10 to row 39; rows 8 to 9 have values of their own, put in there",
    ],
    [
      "with a row of zeros put in",
      table((row) => (row < 8 ? row : row === 8 ? 0 : valueOf(row - 1))),
      "row i holds row i − 1 of the other side, from row 9 to row 39; row 8 is zeros",
    ],
    [
      "with the first row in the place of what is lost",
      table((row) => (row < 2 ? valueOf(1) : valueOf(row - 1))),
      "row i holds row i − 1 of the other side, from row 2 to row 39; row 0 holds its row 1",
    ],
  ])("%s", (_name, ours, text) => {
    expect(related(ours, ["vocab", "hidden"])).toMatchObject({ cause: "row-shifted", text });
  });

  test("are none where one row in their midst is another", () => {
    const ours = table((row) => (row === 10 ? 77 : valueOf(row + 3)));
    expect(related(ours, ["vocab", "hidden"])?.cause).not.toBe("row-shifted");
  });

  test("are none in a matrix that is no table", () => {
    const ours = table((row) => (row >= 8 && row < 16 ? row - 8 : valueOf(row)));
    expect(related(ours, undefined)).toBeUndefined();
  });
});

describe("rows of zeros", () => {
  test("are damage, and not the row of a pad token once more", () => {
    const ours = table((row) => (row === 7 ? 0 : valueOf(row)));
    expect(related(ours, ["vocab", "hidden"])).toBeUndefined();
  });
});
