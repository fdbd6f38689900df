import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareItems, marginOf } from "../../src/evaluate/parity/compare-items.ts";
import { fewestTold, mcnemar } from "../../src/evaluate/parity/mcnemar.ts";
import { evaluateParity } from "../../src/evaluate/parity/run.ts";
import type { Item } from "../../src/evaluate/item.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { DATA, longModel, modelWithNorm, readLines, scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);
const paddle = longModel(folder, "model_state.pdparams", 512);
// The sign of every logit is the other one.
const other = modelWithNorm(folder, 512, (bits) => bits ^ 0x8000);

const ASKED = ["--data", DATA, "--tasks", "mmlu/anatomy,commonsenseqa", "--device", "wasm"];

describe("McNemar's exact test", () => {
  // scipy 1.14.1: binomtest(k, n).pvalue
  it.each([
    [0, 0, 1],
    [5, 0, 0.0625],
    [6, 0, 0.03125],
    [10, 2, 0.03857421875],
    [7, 9, 0.8036193847656252],
  ])("of %i lost and %i gained is %f", (lost, gained, p) => {
    expect(mcnemar(lost, gained)).toBeCloseTo(p, 12);
    expect(mcnemar(gained, lost)).toBe(mcnemar(lost, gained));
  });

  it("is a probability, whatever the counts", () => {
    const counted = fc.integer({ min: 0, max: 20_000 });
    fc.assert(
      fc.property(counted, counted, (lost, gained) => {
        const p = mcnemar(lost, gained);
        expect(p >= 0 && p <= 1).toBe(true);
      }),
    );
  });

  it("tells six answers lost one way from chance at 0.05, and no fewer", () => {
    expect(fewestTold(0.05)).toBe(6);
  });
});

const item = (index: number, prediction: string, scores: Item["scores"]): Item => ({
  task: "t",
  index,
  prediction,
  answer: "A",
  correct: prediction === "A",
  ...(scores === undefined ? {} : { scores }),
});

describe("items", () => {
  it("are compared pair by pair, near-ties told apart", () => {
    const ours = [
      item(0, "A", { A: 1, B: 2 }),
      item(1, "B", { A: 2, B: 1 }),
      item(2, "A", { A: 1, B: 1.1 }),
    ];
    const theirs = [
      item(0, "A", { A: 1, B: 2 }),
      item(1, "A", { A: 1, B: 1.0001 }),
      item(2, "B", { A: 2, B: 1 }),
    ];
    const found = compareItems("t", ours, new Map(theirs.map((each) => [each.index, each])), 2e-4);
    expect(found).toMatchObject({ items: 3, gained: 1, lost: 1, p: 1 });
    expect(found.changes.map(({ index, nearTie }) => [index, nearTie])).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(marginOf({ scores: { A: 3, B: 1, C: 2 } })).toBe(1);
    expect(
      compareItems("t", [item(0, "x", undefined)], new Map([[0, item(0, "y", undefined)]]), 1)
        .changes,
    ).toMatchObject([{ margin: null, nearTie: false }]);
  });
});

describe("eval A B", () => {
  it("passes where the same weights are stored otherwise, and says beforehand what the rows can tell", async () => {
    const run = await runInProcess(["eval", paddle, model, ...ASKED, "--json"]);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      verdict: "pass",
      failures: [],
      tasks: [{ changed: 0 }, { changed: 0 }],
      parity: [
        { name: "mmlu/anatomy", items: 3, p: 1, changes: [] },
        { items: 3, changes: [] },
      ],
    });
    expect(run.stderr).toContain("mmlu/anatomy: 3 items; the smallest loss");
  });

  it("fails where answers are others, names them in both reports, and passes within a bound", async () => {
    const [junit, markdown] = [join(folder, "eval.xml"), join(folder, "eval.md")];
    const run = await runInProcess([
      "eval",
      other,
      model,
      ...ASKED,
      "--junit",
      junit,
      "--markdown",
      markdown,
    ]);
    expect(run.status).toBe(1);
    expect(run.stdout).toMatch(
      /FAIL .*\n(?:.*answers changed.*\n){2}\d answers are others beyond near-ties, 0 allowed/,
    );
    const failed = readFileSync(junit, "utf8");
    expect(failed).toMatch(/failures="1"[^]*<failure message="\d answers are others/);
    expect(readFileSync(markdown, "utf8")).toMatch(
      /# FAIL: [^]*\| (?:mmlu\/anatomy|commonsenseqa) \d \| [A-E] \| [A-E] \|/,
    );
    const html = join(folder, "eval.html");
    const same = [paddle, model, ...ASKED, "--junit", junit, "--report", html];
    expect((await runInProcess(["eval", ...same])).status).toBe(0);
    // What changes from run to run is no part of a test's name.
    expect(namesIn(readFileSync(junit, "utf8"))).toEqual(namesIn(failed));
    expect(readFileSync(html, "utf8")).toMatch(/class="verdict pass">pass<[^]*mmlu\/anatomy/);
    expect(
      (await runInProcess(["eval", other, model, ...ASKED, "--max-changed", "6"])).status,
    ).toBe(0);
    expect((await runInProcess(["eval", other, model, ...ASKED, "--max-lost", "100"])).status).toBe(
      0,
    );
  });
});

describe("the gate of eval", () => {
  it("is refused where it is held against nothing, or one bound replaces the other", async () => {
    for (const [wrong, message] of [
      [[model, ...ASKED, "--max-lost", "1"], "--max-lost: goes with another model or --golden"],
      [[model, ...ASKED, "--max-changed", "0"], "--max-changed: goes with another model"],
      [[model, ...ASKED, "--error-rate", "0.1"], "--error-rate: goes with --stop-when-decided"],
      [[paddle, model, ...ASKED, "--max-changed", "0", "--max-lost", "1"], "does not go with"],
      [[paddle, model, ...ASKED, "--max-lost", "-1"], "--max-lost: expected 0 to 100, found -1"],
    ] as const) {
      const { status, stderr } = await runInProcess(["eval", ...wrong]);
      expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it("says in all reports what it was told to let pass, and names options that change nothing", async () => {
    const names = ["w.xml", "w.md", "w.html"].map((name) => join(folder, name));
    const [junit = "", markdown = "", html = ""] = names;
    const reports = ["--junit", junit, "--markdown", markdown, "--report", html];
    const said = "so many answers may be others beyond near-ties";
    const options = ["--max-changed", "6", "--seed", "1", "--turns", "internlm"];
    const run = await runInProcess([
      "eval",
      other,
      model,
      ...ASKED,
      ...options,
      ...reports,
      "--json",
    ]);
    expect(JSON.parse(run.stdout)).toMatchObject({
      weakened: [{ option: "--max-changed 6", effect: said }],
    });
    expect(run.stderr).toMatch(/--seed changes nothing: [^]*--turns changes nothing: /);
    for (const path of names)
      expect(readFileSync(path, "utf8")).toContain(`weakened: --max-changed 6: ${said}`);
  });
});

/** Names of a JUnit report's cases. */
function namesIn(xml: string): readonly string[] {
  return [...xml.matchAll(/<testcase [^>]* name="([^"]*)"/g)].map(([, name = ""]) => name);
}

describe("eval A B --stop-when-decided", () => {
  const stopped = ["--stop-when-decided", "--max-lost", "40"];

  it("draws rows until a loss is ruled out or certain, says beforehand how many, and tells what it decided", async () => {
    const details = join(folder, "decided.jsonl");
    const args = [paddle, model, ...ASKED, ...stopped, "--details", details];
    const run = await runInProcess(["eval", ...args, "--json"]);
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("mmlu/anatomy: 3 rows, in random order; where no answer is lost");
    const found: unknown = JSON.parse(run.stdout);
    expect(found).toMatchObject({
      verdict: "pass",
      decisions: [{ name: "mmlu/anatomy", decision: "pass", rows: 3 }, { decision: "pass" }],
    });
    expect(readLines(details).length).toBeLessThanOrEqual(6);
    const golden = join(folder, "whole.jsonl");
    await runInProcess(["eval", model, ...ASKED, "--details", golden]);
    const against = ["eval", paddle, "--golden", golden, ...ASKED, ...stopped];
    expect((await runInProcess(against)).stdout).toContain("mmlu/anatomy: pass, decided after");
  });

  it("needs a bound and a reference, and goes with no other gate", async () => {
    const one = ["eval", paddle, model, ...ASKED, "--stop-when-decided"];
    for (const wrong of [
      one,
      ["eval", paddle, ...ASKED, ...stopped],
      [...one, "--max-lost", "101"],
      [...one, "--max-lost", "1", "--error-rate", "0.6"],
      [...one, "--max-lost", "1", "--max-changed", "0"],
      ["eval", paddle, model, ...ASKED, "--error-rate", "0.1"],
      ["eval", paddle, model, model, ...ASKED],
    ])
      expect((await runInProcess(wrong)).status).toBe(2);
  });
});

describe("eval table", () => {
  it("draws the model page's table in both languages, with the page's figures and what was not asked", async () => {
    const result = join(folder, "result.json");
    const [markdown, html] = [join(folder, "table.md"), join(folder, "table.html")];
    writeFileSync(result, (await runInProcess(["eval", model, ...ASKED, "--json"])).stdout);
    const english = await runInProcess(["eval", "table", result, result, "--markdown", markdown]);
    expect(english.stdout).toMatch(/^MMLU +\d+\.\d \(3; 1 of 57 tasks\) .* 51\.0 +50\.8$/m);
    expect(english.stdout).toMatch(/^GSM8K +– +– +31\.2 +34\.5$/m);
    expect(readFileSync(markdown, "utf8")).toMatch(/\| CommonSenseQA \| \d+\.\d \(3\) \|/);
    const chinese = ["eval", "table", result, "--lang", "zh", "--report", html, "--json"];
    const drawn = await runInProcess(chinese);
    expect(drawn.stdout).toMatch(/"ok":true[^]*"rows":\[\["C-Eval","—","53\.4","53\.2"\]/);
    expect(readFileSync(html, "utf8")).toMatch(/lang="zh"[^]*57 个任务中的 1 个[^]*模型页/);
    const scores = ["eval", model, ...ASKED, "--markdown", markdown, "--lang", "zh"];
    expect((await runInProcess(scores)).status).toBe(0);
    expect(readFileSync(markdown, "utf8")).toContain("数据集");
  });

  it("refuses what is no result", async () => {
    const wrong = join(folder, "wrong.json");
    for (const text of [
      "[]",
      '{"command":"verify"}',
      '{"command":"eval","error":{"code":"WB1"}}',
      '{"command":"eval"}',
    ]) {
      writeFileSync(wrong, text);
      const run = await runInProcess(["eval", "table", wrong, "--json"]);
      expect([run.status, JSON.parse(run.stdout)]).toMatchObject([
        3,
        { error: { code: "WB3930" } },
      ]);
    }
    expect((await runInProcess(["eval", "table", "nowhere"])).status).toBe(3);
    expect((await runInProcess(["eval", "table"])).status).toBe(2);
  });
});

const spoilt = (lines: readonly unknown[]): string => {
  const path = join(folder, "spoilt.jsonl");
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join("\n"));
  return path;
};

describe("eval A --golden", () => {
  const golden = join(folder, "golden.jsonl");
  const options = { data: DATA, tasks: ["mmlu/anatomy"], device: "wasm", golden } as const;

  it("takes what an earlier run wrote, and refuses what is no such file or of other rows", async () => {
    await runInProcess(["eval", model, ...ASKED, "--details", golden]);
    const same = await evaluateParity(paddle, options);
    expect([same.verdict, same.parity[0]?.items]).toEqual(["pass", 3]);
    const [first = {}, ...rest] = readLines(golden);
    for (const [lines, message] of [
      [rest, "no such item"],
      [[{ ...first, answer: "?" }, ...rest], "the right answer ?"],
      [[{ ...first, correct: "yes" }, ...rest], "line 1"],
      [[{ ...first, scores: { A: "1" } }, ...rest], "line 1"],
    ] as const) {
      const error = await caught(() =>
        evaluateParity(paddle, { ...options, golden: spoilt(lines) }),
      );
      expect([error.code, error.message]).toEqual(["WB3925", expect.stringContaining(message)]);
    }
    expect(
      (await caught(() => evaluateParity(paddle, { ...options, golden: "nowhere" }))).code,
    ).toBe("WB3921");
  });

  it("does not go with another model", async () => {
    expect((await caught(() => evaluateParity(paddle, { ...options, other: model }))).code).toBe(
      "WB2925",
    );
  });
});
