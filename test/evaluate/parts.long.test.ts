import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Questions } from "../../src/evaluate/data/questions.ts";
import { finishParts } from "../../src/evaluate/parts/finish.ts";
import { evaluatePart, planEvaluation } from "../../src/evaluate/parts/run-parts.ts";
import { questionsOfPart } from "../../src/evaluate/parts/slice.ts";
import type { EvaluateOptions } from "../../src/evaluate/options.ts";
import type { EvaluateResult } from "../../src/evaluate/result.ts";
import { evaluate } from "../../src/evaluate/run.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import {
  changeJson,
  copiedData,
  DATA,
  longModel,
  modelWithNorm,
  scratchFolder,
  questionsOf,
} from "../support/evaluation.ts";
import { compileSchema } from "../support/json-schema.ts";

const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);
const written = join(folder, "written.json");
writeFileSync(
  written,
  JSON.stringify({
    task: "written",
    rows: { file: "race/test/high.jsonl", format: "jsonl" },
    answer: "{answer}",
    base: {
      kind: "gen",
      prompt: "{question}",
      maxNewTokens: 4,
      answerFrom: "first-capital",
      metric: "equal",
    },
  }),
);
const TASKS = ["mmlu/anatomy", "commonsenseqa", written];
// A note tells the memory that is allowed, which is what is free where it is not given.
const given = { data: DATA, device: "wasm", maxMemory: 8 * 2 ** 30 } as const;
const OPTIONS: EvaluateOptions = { ...given, tasks: TASKS };

/** All of a result that does not tell how much was computed, and how long that took. */
function withoutCosts(result: EvaluateResult): unknown {
  const without = JSON.stringify(result, (key, value: unknown) =>
    key === "seconds" || key === "computed" ? undefined : value,
  );
  return JSON.parse(without);
}

/** A plan in a folder of its own. */
async function planned(options: Partial<EvaluateOptions> = {}): Promise<string> {
  const plan = join(mkdtempSync(join(folder, "plan-")), "plan.json");
  await planEvaluation(model, plan, { ...OPTIONS, ...options });
  return plan;
}

describe("parts", () => {
  it("have each question once, in order, whatever the costs", () => {
    const lengths = fc.array(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 30 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 9 }), (tasks, of) => {
        const asked = tasks.map((texts) => ofLengths(texts));
        const parts = Array.from({ length: of }, (_unused, at) =>
          questionsOfPart(asked, { index: at + 1, of }),
        );
        const all = asked.map((_task, at) => parts.flatMap((part) => part[at]?.questions ?? []));
        expect(all).toEqual(asked.map(({ questions }) => questions));
      }),
    );
  });

  it("are of about the same cost", () => {
    const asked = [ofLengths(Array.from({ length: 100 }, () => 50)), ofLengths([5000])];
    const sizes = [1, 2].map((index) =>
      questionsOfPart(asked, { index, of: 2 }).map(({ questions }) => questions.length),
    );
    expect(sizes).toEqual([
      [99, 0],
      [1, 1],
    ]);
  });
});

function ofLengths(lengths: readonly number[]): Questions {
  const questions = lengths.map((length, index) => ({
    index,
    columns: new Map([["text", "x".repeat(length)]]),
    answer: "A",
    id: String(index),
  }));
  const way = {
    kind: "ppl",
    answer: undefined,
    examples: undefined,
    prompt: "",
    choices: new Map(),
    continuation: undefined,
  } as const;
  return questionsOf("t", way, questions);
}

describe("an evaluation in parts", () => {
  it("gives the details and the result of the whole run, from parts in any order, stopped and damaged ones run again", async () => {
    const [whole, details] = [join(folder, "whole.jsonl"), join(folder, "parts.jsonl")];
    const alone = await evaluate(model, { ...OPTIONS, details: whole });
    const plan = await planned();
    await evaluatePart(model, plan, { index: 3, of: 3 }, given);
    const stop = new AbortController();
    let items = 0;
    const stopped = evaluatePart(
      model,
      plan,
      { index: 1, of: 3 },
      {
        ...given,
        signal: stop.signal,
        onProgress: () => {
          items++;
          if (items > 1) stop.abort();
        },
      },
    );
    await expect(stopped).rejects.toThrow();
    const again = await evaluatePart(model, plan, { index: 1, of: 3 }, given);
    expect(again.wasThere).toBe(false);
    const path = `${plan}.parts/part-3-of-3.json`;
    writeFileSync(path, readFileSync(path, "utf8").replace('"correct":false', '"correct":true'));
    expect((await caught(() => finishParts(model, plan, given))).code).toBe("WB3927");
    await evaluatePart(model, plan, { index: 3, of: 3 }, given);
    const error = await caught(() => finishParts(model, plan, { ...given, details }));
    expect([error.code, error.details]).toEqual([
      "WB3928",
      expect.objectContaining({ parts: ["2/3"] }),
    ]);
    expect(existsSync(details)).toBe(false);
    await evaluatePart(model, plan, { index: 2, of: 3 }, given);
    expect((await evaluatePart(model, plan, { index: 2, of: 3 }, given)).wasThere).toBe(true);
    const joined = await finishParts(model, plan, { ...given, details });
    expect(readFileSync(details)).toEqual(readFileSync(whole));
    expect(withoutCosts(joined)).toEqual(withoutCosts(alone));
    expect(readdirSync(`${plan}.parts`).length).toBe(3);
  });

  it("refuses weights, data, templates and options that are not the plan's, and an edited plan", async () => {
    const plan = await planned();
    const part = { index: 1, of: 1 };
    const other = modelWithNorm(folder, 512, (bits) => bits ^ 1);
    const data = copiedData(folder);
    const rows = join(data, "mmlu/test/anatomy_test.csv");
    writeFileSync(rows, readFileSync(rows, "utf8").replace(/[0-9]/, "x"));
    const bare = longModel(folder, "pytorch_model.bin", 512);
    changeJson(join(bare, "tokenizer_config.json"), { add_bos_token: false });
    for (const [path, options, what] of [
      [other, given, "the weights' digest"],
      [bare, given, "the tokenizer's digest"],
      [model, { ...given, data }, "mmlu/anatomy, the digest of rows and templates"],
      [model, { ...given, limit: 1 }, "mmlu/anatomy, rows"],
      [model, { ...given, tasks: ["race/high"] }, "tasks"],
      [model, { ...given, maxNewTokens: 5 }, "maxNewTokens"],
    ] as const) {
      const error = await caught(() => evaluatePart(path, plan, part, options));
      expect([error.code, error.details]).toEqual(["WB2926", expect.objectContaining({ what })]);
    }
    expect((await caught(() => planEvaluation(model, plan, { ...OPTIONS, limit: 1 }))).code).toBe(
      "WB2927",
    );
    expect((await planEvaluation(model, plan, OPTIONS)).written).toBe(false);
    for (const fields of [
      { kind: "x" },
      { options: { tasks: "mmlu" } },
      { tokenizerSha256: "0" },
    ]) {
      const edited = `${plan}.edited.json`;
      writeFileSync(edited, readFileSync(plan));
      changeJson(edited, fields);
      expect((await caught(() => evaluatePart(model, edited, part, given))).code).toBe("WB3927");
    }
    expect((await caught(() => evaluatePart(model, "nowhere", part, given))).code).toBe("WB3921");
  });

  it("refuses a part of another plan, or of another device, by name", async () => {
    const [plan, foreign] = [await planned({ limit: 1 }), await planned({ limit: 2 })];
    await evaluatePart(model, foreign, { index: 1, of: 1 }, given);
    await evaluatePart(model, plan, { index: 1, of: 2 }, given);
    rmSync(`${plan}.parts/part-2-of-2.json`, { force: true });
    writeFileSync(
      `${plan}.parts/part-1-of-1.json`,
      readFileSync(`${foreign}.parts/part-1-of-1.json`),
    );
    const error = await caught(() => finishParts(model, plan, given));
    expect([error.code, error.details]).toEqual([
      "WB3929",
      expect.objectContaining({ what: "the plan's digest" }),
    ]);
  });

  it("tells its steps on the command line, and goes through the gate of --golden", async () => {
    const plan = join(mkdtempSync(join(folder, "plan-")), "plan.json");
    const golden = join(folder, "golden.jsonl");
    const asked = ["eval", model, "--data", DATA, "--device", "wasm"];
    const tasks = ["--tasks", "race/high", "--limit", "2"];
    await runInProcess([...asked, ...tasks, "--details", golden]);
    const made = await runInProcess([...asked, ...tasks, "--plan", plan]);
    expect(made.stdout).toContain(`${plan}: 1 tasks, 2 items in all\n`);
    expect(compileSchema("eval-plan", true)(JSON.parse(readFileSync(plan, "utf8")))).toBe(true);
    for (const part of ["2/2", "1/2"]) {
      const run = await runInProcess([...asked, "--plan", plan, "--part", part, "--json"]);
      expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, step: { kind: "part", items: 1 } });
    }
    const end = [...asked, "--plan", plan, "--finish", "--golden", golden];
    expect((await runInProcess(end)).stdout).toContain("race/high: 0 of 2 answers changed");
    for (const wrong of [
      ["--part", "1/2"],
      ["--plan", plan, "--part", "1/2", "--finish"],
      ["--plan", plan, "--part", "1/2", "--details", golden],
      ["--plan", plan, "--finish", "--resume"],
      [model, "--plan", plan, "--finish"],
    ])
      expect((await runInProcess([...asked, ...wrong])).status).toBe(2);
  });
});
