import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRowJson, textOfValue } from "../../src/evaluate/data/json-values.ts";
import { Dict } from "../../src/runtime/chat/jinja/values/value.ts";
import { runPython } from "../support/python.ts";

/** Lines of each kind. */
const DRAWN = 4000;
const SEED = 20261130;

const space = fc.constantFrom("", "", "", " ", "\t", " \r\n ");
const text = fc
  .string({
    unit: fc.constantFrom(
      ...Array.from("ab'\"\\/\n\t{}: ,0"),
      "é",
      "语",
      "\u00a0",
      "\u200b",
      "\ue000",
      "😀",
      "\u007f",
    ),
    maxLength: 6,
  })
  .map((value) => JSON.stringify(value));
/** Escapes that JSON.stringify does not write. */
const escaped = fc.constantFrom(
  String.raw`"\u0041\/"`,
  String.raw`"\ud83d\ude00"`,
  String.raw`"\u0030"`,
  '"__proto__"',
);
const name = fc.oneof(text, escaped, fc.constantFrom('"0"', '"10"', '"2"', '"a"'));
const number = fc.oneof(
  fc.constantFrom(
    "0",
    "-0",
    "1.0",
    "-0.0",
    "1e3",
    "1E-7",
    "0.10",
    "1e16",
    "1e400",
    "-1e-400",
    "12345678901234567890",
  ),
  fc.constantFrom("NaN", "Infinity", "-Infinity", "9".repeat(4300), "9".repeat(4301)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.bigInt().map(String),
);
const value = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: false },
    fc.constantFrom("null", "true", "false"),
    number,
    text,
    escaped,
    fc
      .tuple(space, fc.array(tie("value"), { maxLength: 3 }))
      .map(([gap, items]) => `[${gap}${items.join(`${gap},`)}]`),
    fc
      .tuple(space, fc.array(fc.tuple(name, tie("value")), { maxLength: 3 }))
      .map(
        ([gap, pairs]) =>
          `{${pairs.map(([key, item]) => `${gap}${key}${gap}:${gap}${item}`).join(",")}${gap}}`,
      ),
  ),
})).value;
const row = fc
  .array(fc.tuple(name, value), { maxLength: 4 })
  .map((pairs) => `{${pairs.map(([key, item]) => `${key}: ${item}`).join(", ")}}`);
/** Rows with a character more, less, or another: most are no JSON. */
const broken = fc
  .tuple(
    row,
    fc.nat(),
    fc.constantFrom("", ...Array.from('0.eE-+"\\{}[]:,ntfNI\u0001\ue000')),
    fc.boolean(),
  )
  .map(([line, place, char, isMore]) => {
    const at = place % line.length;
    return line.slice(0, at) + char + line.slice(isMore ? at : at + 1);
  });

function columnsOf(line: string): unknown {
  try {
    const read = parseRowJson(line);
    if (!(read instanceof Dict)) return [["", textOfValue(read)]];
    return [...read.entries.values()].map(([key, item]) => [textOfValue(key), textOfValue(item)]);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

it("prints rows of JSON as Python does, and refuses what Python refuses", () => {
  const lines = [row, broken].flatMap((each) => fc.sample(each, { numRuns: DRAWN, seed: SEED }));
  const found = lines.map(columnsOf);
  const refused = found.filter((each) => each === null).length;
  expect(refused).toBeGreaterThan(DRAWN / 4);
  expect(refused).toBeLessThan(2 * DRAWN);
  const expected = runPython("str_of_rows.py", lines);
  const others = lines.filter(
    (_line, at) => !isDeepStrictEqual(found[at], Array.isArray(expected) && expected[at]),
  );
  expect(others).toEqual([]);
}, 120_000);
