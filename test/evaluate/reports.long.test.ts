import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runInProcess } from "../support/cli-in-process.ts";
import { DATA, copiedData, longModel, scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);
const paddle = longModel(folder, "model_state.pdparams", 512);
const asked = (data: string): readonly string[] => [
  "--data",
  data,
  "--tasks",
  "mmlu/anatomy,race/high",
  "--device",
  "wasm",
];
const paths = {
  junit: join(folder, "eval.xml"),
  markdown: join(folder, "eval.md"),
  report: join(folder, "eval.html"),
};
const REPORTS = Object.entries(paths).flatMap(([option, path]) => [`--${option}`, path]);
const names = (): readonly string[] =>
  [...readFileSync(paths.junit, "utf8").matchAll(/<testcase [^>]* name="([^"]*)"/g)].map(
    ([, name = ""]) => name,
  );

describe("reports of eval", () => {
  it.each([
    ["one model", [model]],
    ["two models", [paddle, model]],
  ])("say that a run of %s ended in an error, in the verdict's case", async (_title, models) => {
    expect((await runInProcess(["eval", ...models, ...asked(DATA), ...REPORTS])).status).toBe(0);
    expect(names()).toEqual(["mmlu/anatomy", "race/high", "verdict"]);
    const data = copiedData(folder);
    writeFileSync(join(data, "race/test/high.jsonl"), '{"article": "<b>'.concat('"}\n'));
    const run = await runInProcess(["eval", ...models, ...asked(data), ...REPORTS]);
    expect(run.status).toBe(3);
    // The reports of the run before are not left to be taken for this one's.
    expect(names()).toEqual(["verdict"]);
    expect(readFileSync(paths.junit, "utf8")).toMatch(
      /failures="0" errors="1"[^]*<error type="WB3923" message="race\/high: /,
    );
    expect(readFileSync(paths.markdown, "utf8")).toMatch(/^# ERROR: [^]*- WB3923: race\/high: /);
    expect(readFileSync(paths.report, "utf8")).toMatch(
      /class="verdict error">error<[^]*WB3923: race\/high: /,
    );
  });
});

describe("eval --lang zh", () => {
  it("prints tasks, verdict and what was saved in Chinese, and the same JSON", async () => {
    const args = ["eval", paddle, model, ...asked(DATA), "--quiet"];
    const { stdout } = await runInProcess([...args, "--lang", "zh"]);
    expect(stdout).toMatch(/^race\/high +ppl +3 题 +0 个示例 +\d+\.\d\d$/m);
    expect(stdout).toMatch(/^mmlu +平均 +1 个任务 /m);
    expect(stdout).toMatch(/^计算了 \d+ 个提示词词元，为全部文本 \d+ 个的 1\/[\d.]+；[\d.]+ 秒$/m);
    expect(stdout).toMatch(/^通过 {2}.* 对照 /m);
    expect(stdout).toMatch(/^race\/high：3 个回答中 0 个改变（0 个接近平局），失去 0 个，/m);
    const printed: unknown[] = [];
    for (const language of ["en", "zh"]) {
      const run = await runInProcess([...args, "--json", "--lang", language]);
      // Times and free memory are other ones in each run.
      const text = run.stdout.replaceAll(/[\d.]+ GB allowed/g, "");
      printed.push(
        JSON.parse(text, (key, value: unknown) => (/seconds/i.test(key) ? undefined : value)),
      );
    }
    expect(printed[0]).toEqual(printed[1]);
  });
});
