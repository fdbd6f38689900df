import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

describe("errors of eval", () => {
  it("is the run's own, though its report cannot be written, which is said beside it", async () => {
    const data = copiedData(folder);
    writeFileSync(join(data, "race/test/high.jsonl"), "{}\n");
    const wanted = ["--junit", "/dev/full", "--markdown", paths.markdown];
    const run = await runInProcess(["eval", model, ...asked(data), ...wanted]);
    expect(run.status).toBe(3);
    expect(run.stderr).toContain("WB3923");
    expect(run.stderr).toContain("WB6001: /dev/full: cannot be written (ENOSPC)");
    expect(readFileSync(paths.markdown, "utf8")).toContain("WB3923: race/high: ");
  });

  it("names the limit of files that a run meets, and goes on from what was answered", () => {
    const [whole, details] = [join(folder, "whole.jsonl"), join(folder, "limited.jsonl")];
    // More items than the smallest limit that lets the tokenizer be opened.
    const data = copiedData(folder);
    const rows = join(data, "race/test/high.jsonl");
    writeFileSync(rows, readFileSync(rows, "utf8").repeat(40));
    const run = (limit: string, ...more: readonly string[]): SpawnSyncReturns<string> =>
      spawnSync(
        "bash",
        ["-c", `ulimit -f ${limit}; exec node bin/weighbridge.js "$@"`, "bash"].concat(
          ["eval", model, "--data", data, "--tasks", "race/high", "--device", "wasm"],
          more,
        ),
        { encoding: "utf8" },
      );
    expect(run("unlimited", "--details", whole).status).toBe(0);
    // bash counts in 1024 bytes.
    const stopped = run("8", "--details", details);
    expect(stopped.stderr).toContain("WB6004");
    expect(stopped.stderr).toContain(`${details}.part: cannot be written (EFBIG)`);
    expect(stopped.stderr).toContain("ulimit -f unlimited");
    expect(stopped.status).toBe(6);
    expect(existsSync(details)).toBe(false);
    const without = run("4", "--details", details);
    expect(without.stderr).toMatch(/WB6004: .*tokenizer\.model: cannot be written \(EFBIG\)/);
    expect(run("unlimited", "--details", details, "--resume").status).toBe(0);
    expect(readFileSync(details)).toEqual(readFileSync(whole));
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
