// Asks the small real model (scripts/real-model.mjs) the rows of tasks that score labels, and transformers the same texts; prints, for
// float32 and bfloat16, both accuracies, predictions that differ and the largest difference of a score.
//
//   node scripts/bench/evaluate/beside_transformers.mjs DATA TASKS [--limit N] [--keep FOLDER]
//
// DATA and TASKS as of `weighbridge eval`. Needs dist (npm run build) and .venv. FOLDER keeps texts, scores and details.
// Ends with 0, 2 (usage) or 6 (environment).
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../../..");
const CLI = join(ROOT, "bin/weighbridge.js");
const PYTHON = join(
  ROOT,
  ".venv",
  ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
);
const COMPUTED = { float32: "f32", bfloat16: "bf16" };

function fail(message, code) {
  console.error(`beside_transformers: ${message}`);
  process.exit(code);
}

function run(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  });
  if (status !== 0) fail(`${program} ${args.join(" ")} ended with ${status}:\n${stderr}`, 6);
  return stdout.trim();
}

const linesOf = (path) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The texts of each question, as eval renders them. */
async function writeTexts(path, data, tasks, limit) {
  const { readAll } = await import(join(ROOT, "dist/evaluate/read-all.js"));
  const { renderPrompt } = await import(join(ROOT, "dist/evaluate/prompts/render.js"));
  const { questions } = await readAll({ data, tasks, limit });
  const lines = questions.flatMap(({ task, way, questions: rows, examples }) => {
    if (way.kind !== "ppl") fail(`${task.name} scores no labels`, 2);
    return rows.map(({ index, columns }) => {
      const texts = [...way.choices].map(([label, choice]) => [
        label,
        renderPrompt(way, columns, examples, choice, undefined),
      ]);
      return `${JSON.stringify({ task: task.name, index, texts: Object.fromEntries(texts) })}\n`;
    });
  });
  writeFileSync(path, lines.join(""));
}

/** By task: rows, both counts of right answers, answers that differ, and the largest difference of a score. */
function compared(details, theirs) {
  const found = new Map(theirs.map((item) => [`${item.task} ${item.index}`, item]));
  const tasks = new Map();
  for (const item of details) {
    const other = found.get(`${item.task} ${item.index}`);
    if (other === undefined) fail(`${item.task} ${item.index}: transformers has no such row`, 6);
    const best = Object.entries(other.scores).reduce((least, each) =>
      each[1] < least[1] ? each : least,
    );
    const sums = tasks.get(item.task) ?? { rows: 0, ours: 0, theirs: 0, others: [], largest: 0 };
    sums.rows++;
    if (item.correct) sums.ours++;
    if (best[0] === item.answer) sums.theirs++;
    if (best[0] !== item.prediction) {
      const margin = Math.abs(other.scores[item.prediction] - best[1]);
      sums.others.push(
        `row ${item.index}: ${item.prediction}, theirs ${best[0]}, ${margin.toExponential(1)} apart`,
      );
    }
    for (const [label, score] of Object.entries(item.scores))
      sums.largest = Math.max(sums.largest, Math.abs(score - other.scores[label]));
    tasks.set(item.task, sums);
  }
  return tasks;
}

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : undefined);
const [limit, keep] = [option("--limit"), option("--keep")];
const [data, tasks] = args;
if (data === undefined || tasks === undefined) fail("expected DATA and TASKS", 2);

const folder = keep ?? mkdtempSync(join(tmpdir(), "weighbridge-beside-"));
mkdirSync(folder, { recursive: true });
const model = join(folder, "smol");
const texts = join(folder, "texts.jsonl");
run(process.execPath, [
  CLI,
  "convert",
  run(process.execPath, [join(ROOT, "scripts/real-model.mjs")]),
  model,
  "--force",
  "--quiet",
]);
await writeTexts(texts, data, tasks.split(","), limit === undefined ? undefined : Number(limit));
console.log(
  "| computed in | task | rows | score here | transformers | answers that differ | largest difference of a score |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
for (const [dtype, compute] of Object.entries(COMPUTED)) {
  const details = join(folder, `${dtype}.jsonl`);
  const scores = join(folder, `${dtype}-transformers.jsonl`);
  const limited = limit === undefined ? [] : ["--limit", limit];
  const begin = performance.now();
  run(process.execPath, [
    CLI,
    "eval",
    model,
    "--data",
    data,
    "--tasks",
    tasks,
    ...limited,
    "--compute",
    compute,
    "--details",
    details,
    "--quiet",
  ]);
  const between = performance.now();
  run(PYTHON, ["-W", "ignore", join(HERE, "transformers_scores.py"), model, texts, scores, dtype]);
  const seconds = [between - begin, performance.now() - between].map((ms) =>
    (ms / 1000).toFixed(0),
  );
  for (const [task, { rows, ours, theirs, others, largest }] of compared(
    linesOf(details),
    linesOf(scores),
  )) {
    const [here, there] = [ours, theirs].map((right) => ((100 * right) / rows).toFixed(2));
    console.log(
      `| ${dtype} | ${task} | ${rows} | ${here} | ${there} | ${others.length} | ${largest.toExponential(1)} |`,
    );
    for (const other of others) console.error(`${dtype} ${task} ${other}`);
  }
  console.error(`${dtype}: ${seconds[0]} s here, ${seconds[1]} s in transformers`);
}
if (keep === undefined) rmSync(folder, { recursive: true });
