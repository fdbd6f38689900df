import { expect, it } from "vitest";
import { encodeQuestion, type TextEncoder } from "../../src/evaluate/prompts/encode.ts";
import type { PplWay } from "../../src/evaluate/tasks/task.ts";

const way: PplWay = {
  kind: "ppl",
  answer: undefined,
  examples: undefined,
  prompt: "{context}{choice}",
  choices: new Map([
    ["0", "ab"],
    ["1", "c"],
  ]),
  continuation: { context: "{context}", by: "character" },
};
/** A token a character; without a begin-of-sequence token but where it is said. */
const encoder = (before: readonly number[]): TextEncoder => ({
  encode: (text) => [...before, ...Array.from(text, (char) => char.codePointAt(0) ?? 0)],
  before: before.length,
  first: 7,
});
const encoded = (context: string, before: readonly number[]) =>
  encodeQuestion(
    way,
    new Map([["context", context]]),
    [],
    encoder(before),
    { examples: 99, text: 99 },
    undefined,
  ).texts.map(({ ids, continuation }) => [ids, continuation]);

it("puts what follows an empty context behind the begin-of-sequence token, where the tokenizer has put none, as lm-eval does", () => {
  for (const before of [[], [7]])
    expect(encoded("", before)).toEqual([
      [[7, 97, 98], { from: 1, per: 2 }],
      [[7, 99], { from: 1, per: 1 }],
    ]);
  expect(encoded("x", [])[0]).toEqual([[120, 97, 98], { from: 1, per: 2 }]);
});

it("gives the continuation what Python takes for white space at the context's end, and no byte order mark", () => {
  expect(encoded("x\u0085 ", [])[1]).toEqual([[120, 133, 32, 99], { from: 1, per: 1 }]);
  expect(encoded("xy\uFEFF", [])[1]).toEqual([[120, 121, 0xfeff, 99], { from: 3, per: 1 }]);
});

it("scores what follows a context with worked examples", () => {
  const shown: PplWay = {
    ...way,
    prompt: "{examples}{context}{choice}",
    continuation: { context: "{examples}{context}", by: "sum" },
    examples: {
      rows: { file: "x", format: "jsonl", columns: undefined },
      first: 1,
      template: "{context};",
      after: "",
      end: "",
      optional: false,
    },
  };
  const lengths = { examples: 99, text: 99 };
  const columns = new Map([["context", "xy"]]);
  const { texts } = encodeQuestion(shown, columns, [columns], encoder([]), lengths, undefined);
  // "xy;\nxy" stands before the choices.
  expect(texts.map(({ continuation }) => continuation?.from)).toEqual([6, 6]);
});
