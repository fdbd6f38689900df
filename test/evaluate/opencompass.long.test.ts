import { describe, expect, it } from "vitest";
import { findAnswer } from "../../src/evaluate/answers/find-answer.ts";
import { mathEqual } from "../../src/evaluate/answers/math-equal.ts";
import { evaluate } from "../../src/evaluate/run.ts";
import { ANSWERS } from "../../src/evaluate/tasks/task.ts";
import { DATA, longModel, openCompassResults, scratchFolder } from "../support/evaluation.ts";
import { differences } from "../support/opencompass-differences.ts";

const results = openCompassResults();
const folder = scratchFolder();

describe("scores of labels", () => {
  it.each(["pytorch_model.bin", "model_state.pdparams"] as const)(
    "are those of OpenCompass's own inferencer, examples dropped and texts cut where they have no room: %s",
    async (weights) => {
      const model = longModel(folder, weights, results.context);
      const tasks = ["ceval/logic", "race/high", "commonsenseqa", "mmlu/anatomy"];
      const found = await evaluate(model, { data: DATA, tasks, device: "wasm" });
      const { largest, compared, others } = differences(found.items, results);
      expect(others).toEqual([]);
      expect(compared).toBe(55);
      expect(largest).toBeLessThan(5e-6);
      expect(found.tasks.map(({ name, fewerExamples, cut }) => [name, fewerExamples, cut])).toEqual(
        [
          ["ceval/logic", 4, 1],
          ["race/high", 0, 2],
          ["commonsenseqa", 0, 0],
          ["mmlu/anatomy", 0, 0],
        ],
      );
    },
  );

  it("have the same bits where prefixes are computed again for every text", async () => {
    const model = longModel(folder, "pytorch_model.bin", results.context);
    const options = { data: DATA, tasks: ["mmlu/anatomy"], limit: 2, device: "wasm" } as const;
    const [shared, alone] = [
      await evaluate(model, options),
      await evaluate(model, { ...options, isShared: false }),
    ];
    expect(shared.items).toEqual(alone.items);
    expect(shared.tokens.whole).toBe(alone.tokens.whole);
    // Without sharing all tokens pass but the last of each text, which nothing follows.
    expect(alone.tokens.computed).toBe(alone.tokens.whole - 4 * 2);
    expect(shared.tokens.computed * 5).toBeLessThan(alone.tokens.computed);
  });
});

describe("generated texts", () => {
  it("are those of OpenCompass's own inferencer between a chat model's marks", async () => {
    const model = longModel(folder, "pytorch_model.bin", results.context);
    const options = {
      data: DATA,
      tasks: ["mmlu/anatomy"],
      variant: "chat",
      turns: "internlm",
      maxNewTokens: 8,
      device: "wasm",
    } as const;
    const found = await evaluate(model, options);
    const expected = results.sets.find(({ kind }) => kind === "gen")?.items;
    expect(found.items.map(({ raw }) => raw)).toEqual(expected?.map(({ raw }) => raw));
    const alone = await evaluate(model, { ...options, isShared: false });
    expect(found.items).toEqual(alone.items);
    expect(found.tokens.computed * 2).toBeLessThan(alone.tokens.computed);
  });
});

describe("answers in generated texts", () => {
  const cases = results.answers.flatMap(({ text, ...found }) =>
    ANSWERS.flatMap((name) =>
      name in found
        ? [{ name, text: typeof text === "string" ? text : "", found: found[name] }]
        : [],
    ),
  );

  it("are looked for in enough texts", () => expect(cases.length).toBeGreaterThan(200));

  it.each(cases)("are those that OpenCompass finds: $name in $text", ({ name, text, found }) => {
    const ours = findAnswer(name, text) ?? null;
    if (typeof found === "object" && found !== null) expect(typeof ours).toBe("string");
    else expect(ours).toBe(found);
  });

  it.each(results.equal)("are equal where OpenCompass takes them to be: $pair", (entry) => {
    const [left, right] = entry.pair.map((text) => text ?? undefined);
    expect(mathEqual(left, right, false)).toBe(entry["math-equal"]);
    expect(mathEqual(left, right, true)).toBe(entry["agieval-math-equal"]);
  });
});
