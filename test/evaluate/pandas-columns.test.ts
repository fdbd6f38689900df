import { describe, expect, it } from "vitest";
import { pandasColumn } from "../../src/evaluate/data/pandas-columns.ts";

/** Columns as pandas 2.2.3 reads them and pyarrow keeps them, as Python prints the cells: what `datasets.load_dataset("csv")` (2.16.1) does with a column. */
const READ = [
  ["whole numbers", "1 007 -3 +4", "1 7 -3 4"],
  [
    "whole numbers beside a gap",
    "1 NA 9223372036854775807 -0",
    "1.0 None 9.223372036854776e+18 0.0",
  ],
  ["whole numbers of 64 bits without a sign", "12345678901234567890 007", "12345678901234567890 7"],
  ["such beside a gap", "null 9223372036854775808 006", "null 9223372036854775808 006"],
  [
    "whole numbers that are too large",
    "123456789012345678901234567890 006",
    "123456789012345678901234567890 006",
  ],
  ["decimals", "1.50 2 6.10 2e3 1E-7 1e16", "1.5 2.0 6.1 2000.0 1e-07 1e+16"],
  [
    "decimals behind one that is too large",
    "99999999999999999999.5 n/a",
    "99999999999999999999.5 None",
  ],
  ["decimals of many digits", "0.1234567890123456789 -.5", "0.1234567890123456 -0.5"],
  ["a decimal that is too large", "1e400 0.10", "1e400 0.10"],
  ["infinities", "inf -inf Infinity 1.", "inf -inf inf 1.0"],
  ["truth values", "true FALSE None", "True False None"],
  ["truth values beside a text", "true x", "true x"],
  ["texts", "NA null None N/A nan <NA> #N/A x NaNa", "None None None None None None None x NaNa"],
  ["numbers beside a text", "1.50 x", "1.50 x"],
  ["other notations", "0x10 1_000", "0x10 1_000"],
] as const;

describe("a column of a CSV file", () => {
  it.each(READ)("is what pandas makes of it: %s", (_what, cells, printed) => {
    expect(pandasColumn(cells.split(" "))).toEqual(printed.split(" "));
  });

  it("is None where cells are empty, and numbers lose the spaces around them, texts do not", () => {
    expect(pandasColumn(["", "a"])).toEqual(["None", "a"]);
    expect(pandasColumn(["", ""])).toEqual(["None", "None"]);
    expect(pandasColumn([" 1 ", "2 "])).toEqual(["1", "2"]);
    expect(pandasColumn([" 1.50", "2 "])).toEqual(["1.5", "2.0"]);
    expect(pandasColumn([" x ", "1 "])).toEqual([" x ", "1 "]);
  });
});
