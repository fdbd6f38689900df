import { expect, it } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { DATA, longModel, openCompassResults, scratchFolder } from "../support/evaluation.ts";
import { differences } from "../support/opencompass-differences.ts";

const results = openCompassResults();
const folder = scratchFolder();

// What WebAssembly finds of both files is in test/evaluate/opencompass.long.test.ts.
it.each(["pytorch_model.bin", "model_state.pdparams"] as const)(
  "native kernels find OpenCompass's own scores, predictions and texts: %s",
  async (weights) => {
    const model = longModel(folder, weights, results.context);
    const asked = { data: DATA, device: "cpu", compute: "f32" } as const;
    const tasks = ["ceval/logic", "race/high", "commonsenseqa", "mmlu/anatomy"];
    const { items } = await evaluate(model, { ...asked, tasks });
    const { largest, compared, others } = differences(items, results);
    expect(others).toEqual([]);
    expect(compared).toBe(55);
    expect(largest).toBeLessThan(5e-6);
    const chat = { variant: "chat", turns: "internlm", maxNewTokens: 8 } as const;
    const answers = await evaluate(model, { ...asked, ...chat, tasks: ["mmlu/anatomy"] });
    const expected = results.sets.find(({ kind }) => kind === "gen")?.items;
    expect(answers.items.map(({ raw }) => raw)).toEqual(expected?.map(({ raw }) => raw));
  },
);
