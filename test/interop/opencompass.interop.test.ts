import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { exportScript } from "../../src/evaluate/scripts/export-script.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { copiedData, longModel, readLines, scratchFolder } from "../support/evaluation.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { openCompass } from "../support/opencompass.ts";
import {
  ABBREVIATIONS,
  configuration,
  dataRoot,
  NEW_TOKENS,
  REFUSED,
  SETS,
  writeRows,
} from "../support/opencompass-sets.ts";
import { run } from "../support/own-environment.ts";

const PYTHON_FILES = join(import.meta.dirname, "python/opencompass");
const CONTEXT = 512;
const folder = scratchFolder();
const data = copiedData(folder);
const model = longModel(folder, "pytorch_model.bin", CONTEXT);

/** What came of a question: the texts that the model was given, the labels' scores, and the label or the generated text. */
interface Asked {
  readonly prompts: readonly string[];
  readonly scores: Readonly<Record<string, number>>;
  readonly prediction: string;
}
interface Found {
  readonly version: string;
  readonly sets: Readonly<
    Record<string, { readonly items: readonly Asked[]; readonly score: number }>
  >;
  readonly refused: readonly string[];
}

let found: Readonly<Record<"old" | "later", Found>>;
const exported = (which: "old" | "later", name: string): string =>
  join(folder, `exported-${which}`, name);

beforeAll(async () => {
  const { python, later } = openCompass();
  writeRows(data);
  const script = join(folder, "export_opencompass.py");
  writeFileSync(script, await exportScript("opencompass"));
  const converted = join(folder, "converted");
  const { status, stderr } = await runInProcess(["convert", model, converted]);
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  const cwd = dataRoot(folder, data, join(PYTHON_FILES, "accuracy"));
  const ask = (which: "old" | "later"): Found => {
    const sets = SETS.filter((each) => which === "later" || !("later" in each)).map((each) => ({
      config: configuration(folder, later, each.file, which === "later"),
      only: each.only,
      chat: "chat" in each,
    }));
    const refused = REFUSED.map(({ file, from, to }, at) => {
      const config = configuration(folder, later, file, which === "later");
      const path = `${config.slice(0, -".py".length)}_${at}.py`;
      writeFileSync(path, readFileSync(config, "utf8").replaceAll(from, to));
      return { config: path, only: "*" };
    });
    const given = {
      script,
      model: converted,
      vocabulary: join(FIXTURES, "internlm-tiny/tokenizer.model"),
      context: CONTEXT,
      out_len: NEW_TOKENS,
      out: join(folder, `exported-${which}`),
      work: join(folder, `work-${which}`),
      marks: join(folder, "marks.py"),
      sets,
      refused: which === "later" ? refused : [],
    };
    const task = join(PYTHON_FILES, "run_tasks.py");
    const said = run(python, ["-W", "ignore", task], JSON.stringify(given), {
      cwd,
      env: {
        HF_HOME: join(folder, "hub"),
        ...(which === "later" ? { PYTHONPATH: later } : {}),
      },
    });
    const last: unknown = JSON.parse(said.trimEnd().split("\n").at(-1) ?? "");
    if (!isFound(last)) throw new Error("run_tasks.py printed something else");
    return last;
  };
  found = { old: ask("old"), later: ask("later") };
  // Some 50 packages are fetched the first time.
}, 1_800_000);

function isFound(value: unknown): value is Found {
  return ["version", "sets", "refused"].every((name) => isRecord(value) && name in value);
}

const asked = { device: "wasm", maxNewTokens: NEW_TOKENS } as const;

/** Holds what eval finds to what OpenCompass's own tasks wrote. */
async function expectSame(
  expected: Found["sets"][string] | undefined,
  options: Parameters<typeof evaluate>[1],
): Promise<void> {
  const { items, tasks } = await evaluate(model, options);
  expect(items.length).toBe(expected?.items.length);
  expect(tasks.map(({ score }) => score)).toEqual([expect.closeTo(expected?.score ?? -1, 9)]);
  for (const [at, item] of (expected?.items ?? []).entries()) {
    const ours = items[at];
    const labels = Object.keys(item.scores);
    if (labels.length === 0) {
      expect(ours?.raw).toBe(item.prediction);
      continue;
    }
    expect(ours?.prediction).toBe(item.prediction);
    expect(Object.keys(ours?.scores ?? {}).toSorted()).toEqual(labels.toSorted());
    for (const [label, score] of Object.entries(item.scores))
      expect(Math.abs((ours?.scores?.[label] ?? Number.NaN) - score)).toBeLessThan(1e-4);
  }
}

for (const which of ["old", "later"] as const)
  describe(which === "old" ? "OpenCompass 0.1.5" : "OpenCompass 0.3.0", () => {
    it("is the version that ran", () =>
      expect(found[which].version).toBe(which === "old" ? "0.1.5" : "0.3.0"));

    for (const [at, name] of ABBREVIATIONS.entries()) {
      const set = SETS[at];
      if (set === undefined || (which === "old" && "later" in set)) continue;
      const [variant = "", abbreviation = ""] = name.split("/");

      it(`gave its model the prompts that are exported: ${name}`, () => {
        const rows = readLines(join(exported(which, variant), `${abbreviation}.jsonl`));
        const expected = found[which].sets[name]?.items.map(({ prompts }) => prompts);
        const texts = rows.map((row) => Object.keys(row).filter((key) => key !== "answer"));
        expect(rows.map((row, index) => texts[index]?.map((key) => row[key]))).toEqual(expected);
        expect(expected?.flat().length).toBeGreaterThan(0);
      });

      it(`has the scores and predictions of the exported task: ${name}`, async () => {
        const place = exported(which, variant);
        const tasks = [join(place, `${abbreviation}.json`)];
        await expectSame(found[which].sets[name], { ...asked, data: place, tasks });
      });

      if ("own" in set)
        it(`has the scores and predictions of our task on the rows themselves: ${name}`, async () => {
          const chat = { variant: "chat", turns: "internlm" } as const;
          const options = { ...asked, data, tasks: [set.own], ...("chat" in set ? chat : {}) };
          await expectSame(found[which].sets[name], options);
        });
    }
  });

it("refuses what it does not know, and a rule that has the name of ours and is another, before it reads rows", () => {
  const [evaluator, rule, unknown, settings] = found.later.refused;
  expect(evaluator).toMatch(/^evaluator Gsm8kAgentEvaluator: expected one of AccEvaluator, /);
  expect(rule).toBe("evaluator MATHEvaluator: this version has another rule than math-equal");
  expect(unknown).toMatch(/^pred_postprocessor first_option_postprocess: expected one of none, /);
  expect(settings).toBe("inferencer GenInferencer: with stopping_criteria it cannot be exported");
});
