import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRowJson, textOfValue } from "../../src/evaluate/data/json-values.ts";
import { readQuestions } from "../../src/evaluate/data/questions.ts";
import { namesIn } from "../../src/evaluate/prompts/names-in.ts";
import { parseTasks } from "../../src/evaluate/tasks/parse-task.ts";
import { caught } from "../support/caught.ts";
import { scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();

/** What Python 3.11 makes of each: `str(json.loads(text))`. */
const PRINTED = [
  ["1", "1"],
  ["1.0", "1.0"],
  ["-0", "0"],
  ["-0.0", "-0.0"],
  ["2.50", "2.5"],
  ["1e3", "1000.0"],
  ["1E16", "1e+16"],
  ["1e400", "inf"],
  ["NaN", "nan"],
  ["-Infinity", "-inf"],
  ["9007199254740993", "9007199254740993"],
  ["[true, false, null]", "[True, False, None]"],
  ['["it\'s", "\\"so\\"", "it\'s \\"so\\""]', `["it's", '"so"', 'it\\'s "so"']`],
  ['{"b": 1.0, "10": [], "2": {"a\\nb": null}}', "{'b': 1.0, '10': [], '2': {'a\\nb': None}}"],
  ['{"a": 1, "b": 2, "a": 3.0}', "{'a': 3.0, 'b': 2}"],
] as const;

describe("JSON of rows", () => {
  it.each(PRINTED)("%s is printed as %s", (text, printed) => {
    expect(textOfValue(parseRowJson(text))).toBe(printed);
  });

  it("is refused as Python refuses it", () => {
    const wrong = ["", "{", "01", "1.", ".5", "+1", "-NaN", "nan", "[1,]", '"\t"', "\uFEFF1"];
    for (const text of [...wrong, "9".repeat(4301), `{"a": ${"9".repeat(4301)}, "a": 1}`])
      expect(() => parseRowJson(text)).toThrow(SyntaxError);
  });
});

describe("names in templates", () => {
  it("are told from braces of TeX and code", () => {
    const named = ["{a}{b}", "Q{c}: {问题}", "{examples}{d}{choice}"];
    const plain = [String.raw`\frac{x}{y} \text{z} x_{i}^{j} \{k\} {{l}}{m}`, "{1} { n }"];
    expect(namesIn([...named, ...plain])).toEqual(["a", "b", "c", "问题", "d"]);
  });
});

async function asked(
  lines: string,
  task: Readonly<Record<string, unknown>>,
  format: "json" | "jsonl" | "csv" = "jsonl",
): ReturnType<typeof readQuestions> {
  writeFileSync(join(folder, `rows.${format}`), lines);
  const way = {
    kind: "gen",
    prompt: "{q}",
    maxNewTokens: 1,
    answerFrom: "whole",
    metric: "equal",
  };
  const file = { rows: { file: `rows.${format}`, format }, answer: "{a}", base: way, ...task };
  const [first] = parseTasks({ task: "mine", ...file }, "mine.json");
  if (first?.base === undefined) throw new Error("no task");
  return readQuestions(first, first.base, { data: folder, skipBad: false });
}

describe("rows of JSON", () => {
  it("put into prompts what Python's str gives, and parts of lists where a field joins them", async () => {
    const row = '{"q": [1.0, "x"], "a": 2.0, "more": {"n": [1, [2.0, null]]}, "yes": true}\n';
    const fields = {
      joined: { from: ["more.n"], join: "+" },
      said: { from: ["yes"], map: { true: "so" } },
      second: { from: ["more.n.1.0"] },
    };
    const { questions } = await asked(row, { fields });
    const [{ columns, answer } = { columns: new Map<string, string>(), answer: "" }] = questions;
    expect(answer).toBe("2.0");
    expect(Object.fromEntries(columns)).toEqual({
      q: "[1.0, 'x']",
      a: "2.0",
      more: "{'n': [1, [2.0, None]]}",
      yes: "True",
      joined: "1+2.0+None",
      said: "so",
      second: "2.0",
    });
  });

  it("of an object stand in the file's order", async () => {
    const { questions } = await asked('{"b": {"q": 1, "a": 1}, "0": {"q": 2, "a": 2}}', {}, "json");
    expect(questions.map(({ answer }) => answer)).toEqual(["1", "2"]);
  });

  it.each([
    ['{"q": 1}', { answer: "{q}{a}" }, "expected the column a, found q"],
    ['{"q": 1}', { fields: { a: { template: "{q}{b}" } } }, "expected the column b, found q"],
    [
      '{"q": null, "a": 1}',
      { fields: { q: { template: "{a}{q}" } } },
      "expected a text in q, found null",
    ],
    ["{}", { fields: { a: { from: ["b"] } } }, "expected the column b, found none"],
    ["NaN", {}, "expected a JSON object, found NaN"],
  ])("that lack what a template names are refused: %s", async (row, task, message) => {
    const error = await caught(() => asked(row, task));
    expect([error.code, error.message]).toEqual(["WB3923", expect.stringContaining(message)]);
  });

  it("that are none, or have two columns of one name, are refused with what was found", async () => {
    const none = await caught(() => asked('{"a":', {}, "json"));
    expect(none.message).toMatch(/rows\.json: expected a JSON array, .*, found no JSON$/);
    const number = await caught(() => asked('[3, {"q": 1, "a": 1}]', {}, "json"));
    expect(number.message).toContain("row 0: expected a JSON object, found 3");
    const twice = await caught(() => asked("q,a,q\n1,2,3\n", {}, "csv"));
    expect([twice.code, twice.message]).toEqual([
      "WB3922",
      expect.stringContaining("rows.csv: expected columns of different names, found q twice"),
    ]);
  });
});
