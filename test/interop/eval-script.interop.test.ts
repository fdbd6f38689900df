import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { exportScript } from "../../src/evaluate/scripts/export-script.ts";
import { openGenerator } from "../../src/session/generator.ts";
import { logprobsOf } from "../../src/serve/token-logprobs.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { longModel } from "../support/evaluation.ts";
import { isRecord } from "../support/is-record.ts";
import { ownEnvironment, run } from "../support/own-environment.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-eval-script-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const model = longModel(folder, "pytorch_model.bin", 512);

const ROWS = [
  { question: "What barks?", choices: ["a cat", "the big dog", "1 fish"], answer: 1 },
  { question: "What swims {x}?", choices: ["a cat", "a dog", "2 fishes"], answer: 2 },
];

/** A task of lm-eval, as its users write them. */
function writeTask(name: string, lines: readonly string[]): void {
  const data = join(folder, "animals.jsonl");
  const head = [
    `task: ${name}`,
    "dataset_path: json",
    `dataset_kwargs: { data_files: { test: "${data}", train: "${data}" } }`,
    "test_split: test",
    "fewshot_split: train",
    "fewshot_config: { sampler: first_n }",
    "num_fewshot: 1",
    ...(lines.some((line) => line.startsWith("doc_to_text"))
      ? []
      : ['doc_to_text: "Question: {{question}}\\nAnswer: "']),
  ];
  writeFileSync(join(folder, "tasks", `${name}.yaml`), [...head, ...lines, ""].join("\n"));
}

let python = "";
beforeAll(async () => {
  python = ownEnvironment("lm-eval");
  mkdirSync(join(folder, "tasks"));
  writeFileSync(join(folder, "animals.jsonl"), ROWS.map((row) => JSON.stringify(row)).join("\n"));
  writeTask("animals", [
    "output_type: multiple_choice",
    'target_delimiter: ""',
    'doc_to_choice: "{{choices}}"',
    'doc_to_target: "{{answer}}"',
    "metric_list: [{ metric: acc }, { metric: acc_norm }]",
  ]);
  writeTask("animal-names", [
    "output_type: generate_until",
    'doc_to_target: "{{choices[answer]}}"',
    'generation_kwargs: { until: ["\\n", " "], max_gen_toks: 6 }',
    "metric_list: [{ metric: exact_match }]",
  ]);
  writeTask("fill-in", [
    "output_type: multiple_choice",
    "doc_to_text: answer",
    'doc_to_choice: "{{choices}}"',
    'doc_to_target: "is what {{question}}"',
    "metric_list: [{ metric: acc }, { metric: acc_norm }]",
  ]);
  writeFileSync(join(folder, "export.py"), await exportScript("lm-eval"));
  const args = ["animals,animal-names,fill-in", folder, "--include-path", join(folder, "tasks")];
  run(python, ["-W", "ignore", join(folder, "export.py"), ...args]);
}, 1_800_000);

/** −Σ ln p of what follows a context, as lm-eval's models score a request. */
async function ownScore(context: string, continuation: string): Promise<number> {
  const generator = await openGenerator(model, { device: "wasm", needsTokenizer: true });
  const { tokenizer } = generator;
  if (tokenizer === undefined) throw new Error("no tokenizer");
  const spaces = context.length - context.trimEnd().length;
  const from = tokenizer.encode(context.slice(0, context.length - spaces)).length;
  const ids = tokenizer.encode(context + continuation);
  let sum = 0;
  await generator.score(ids, (position, logits) => {
    const next = ids[position + 1];
    if (position + 1 >= from && next !== undefined) sum -= logprobsOf(logits, 1).of(next);
  });
  await generator.close();
  return sum;
}

it("lm-eval's choices are scored as its models score its own requests, by sum and by character", async () => {
  const asked = { data: folder, device: "wasm" } as const;
  const sums = await evaluate(model, { ...asked, tasks: [join(folder, "animals.json")] });
  const means = await evaluate(model, { ...asked, tasks: [join(folder, "animals.norm.json")] });
  const rows: unknown[] = readFileSync(join(folder, "animals.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(rows.map((row) => isRecord(row) && row["answer"])).toEqual(["1", "2"]);
  for (const [at, row] of rows.entries()) {
    const context = isRecord(row) ? String(row["context"]) : "";
    expect(context).toContain("Answer: the big dog\n\nQuestion: ");
    for (const [choice, text] of (ROWS[at]?.choices ?? []).entries()) {
      const expected = await ownScore(context, text);
      expect(sums.items[at]?.scores?.[choice]).toBeCloseTo(expected, 4);
      expect(means.items[at]?.scores?.[choice]).toBeCloseTo(expected / text.length, 4);
    }
  }
});

it("lm-eval's choices that stand in the context are scored by what follows them, as winogrande's are", async () => {
  const asked = { data: folder, device: "wasm" } as const;
  const sums = await evaluate(model, { ...asked, tasks: [join(folder, "fill-in.json")] });
  const means = await evaluate(model, { ...asked, tasks: [join(folder, "fill-in.norm.json")] });
  expect(sums.items.map(({ answer }) => answer)).toEqual(["1", "2"]);
  for (const [at, { question, choices }] of ROWS.entries())
    for (const [choice, text] of choices.entries()) {
      // The harness draws the first row as the example of both.
      const context = `the big dog is what What barks?\n\n${text}`;
      const expected = await ownScore(context, ` is what ${question}`);
      expect(sums.items[at]?.scores?.[choice]).toBeCloseTo(expected, 4);
      expect(means.items[at]?.scores?.[choice]).toBeCloseTo(expected / text.length, 4);
    }
});

it("lm-eval's generated answers end where its task says", async () => {
  const file = join(folder, "animal-names.json");
  const { items } = await evaluate(model, { data: folder, tasks: [file], device: "wasm" });
  expect(items.length).toBe(2);
  expect(items.every(({ raw }) => raw !== undefined && !/[ \n]/.test(raw))).toBe(true);
});

it("prints both scripts, and knows no other framework", async () => {
  for (const framework of ["opencompass", "lm-eval"]) {
    const { stdout } = await runInProcess(["eval", "script", "--framework", framework]);
    writeFileSync(join(folder, "printed.py"), stdout);
    run(python, ["-m", "py_compile", join(folder, "printed.py")]);
  }
  expect((await caught(() => exportScript("helm"))).code).toBe("WB2001");
});
