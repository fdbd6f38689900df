// Mutation testing: changes one token of a source at a time and runs its tests, which must fail.
//
//   node scripts/mutate.mjs compare                   every mutant of the numbers of `verify`; fails when one survives
//   node scripts/mutate.mjs readers --sample 60       some mutants of the readers, or of `scan`; says how many the tests catch
//   --seed N        draws other mutants        --file PART   only files whose path holds PART        --workers N
//   --least N       fails where fewer than N of a hundred are noticed
//   WEIGHBRIDGE_MUTANTS=1 tells what became of each
//
// A mutant that changes nothing that can be seen stands in scripts/mutate/equivalent.json with its reason.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mutantsOf } from "./mutate/mutants.mjs";
import { TARGETS } from "./mutate/targets.mjs";

const ROOT = join(import.meta.dirname, "..");
/** A mutant that takes this much longer than the tests without one never ends, and counts as noticed. */
const LIMIT_FACTOR = 8;
/** Time for a child to start, and what a busy machine may delay a run by. */
const GRACE_MS = 15_000;
/** Longest run of the tests without a mutant. */
const FIRST_LIMIT_MS = 600_000;
const NO_END = "does not end";
const EQUIVALENT = JSON.parse(readFileSync(join(ROOT, "scripts/mutate/equivalent.json"), "utf8"));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "20261128" },
    file: { type: "string", default: "" },
    workers: { type: "string", default: "2" },
    least: { type: "string", default: "0" },
  },
});
const [set = ""] = positionals;
const targets = TARGETS[set]?.filter(({ file }) => file.includes(values.file));
if (targets === undefined || targets.length === 0) {
  console.error(
    `usage: node scripts/mutate.mjs ${Object.keys(TARGETS).join("|")} [--sample N] [--seed N] [--file PART] [--least N]`,
  );
  process.exit(2);
}

/** Every mutant with the line of code it is in. */
function jobsOf({ file, tests }) {
  const source = readFileSync(join(ROOT, file), "utf8");
  const lines = source.split("\n");
  return mutantsOf(source).map((mutant) => ({
    file,
    tests,
    mutant,
    code: (lines[mutant.line - 1] ?? "").trim(),
  }));
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function drawn(jobs, count, random) {
  return jobs
    .map((job) => ({ job, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ job }) => job);
}

/** A child that has the tests of one file open; another one takes its place where a mutant never ends. */
class Runner {
  #child;
  #tests = "";
  #limitMs = FIRST_LIMIT_MS;

  async run(job) {
    const key = job.tests.join(" ");
    if (this.#child === undefined || this.#tests !== key) await this.#open(job.tests, key);
    return this.#ask({ file: job.file, mutant: job.mutant });
  }

  /** The tests without a mutant must pass, or nothing is learnt. */
  async #open(tests, key) {
    this.close();
    this.#tests = key;
    this.#limitMs = FIRST_LIMIT_MS;
    this.#child = fork(join(ROOT, "scripts/mutate/child.mjs"), tests, {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const { ready } = await this.#answer();
    if (ready === 0) throw new Error(`no tests: ${key}`);
    const begin = performance.now();
    const { failed, by, passed } = await this.#ask({ file: tests[0] });
    this.#limitMs = GRACE_MS + LIMIT_FACTOR * (performance.now() - begin);
    if (failed || passed === 0) throw new Error(`without a mutant the tests fail: ${key}: ${by}`);
  }

  #ask(message) {
    this.#child.send(message);
    return this.#answer();
  }

  #answer() {
    const child = this.#child;
    return new Promise((resolve) => {
      const done = (result) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(result);
      };
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        this.#child = undefined;
        done({ failed: true, by: NO_END, passed: 0 });
      }, this.#limitMs);
      child.once("message", done);
      child.once("exit", (code) => {
        this.#child = undefined;
        done({ failed: true, by: `ends the process with ${code}`, passed: 0 });
      });
    });
  }

  close() {
    this.#child?.removeAllListeners();
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}

const isRow = (row, { file, code, mutant }) =>
  row.file === file &&
  row.code === code &&
  row.before === mutant.before &&
  row.after === mutant.text;

const oneLine = (text) => text.replaceAll(/\s+/g, " ").slice(0, 80);
const describe = ({ file, code, mutant }) =>
  `${file}:${mutant.line}: ${oneLine(mutant.before)} → ${oneLine(mutant.text)}    ${code}`;

async function main() {
  const all = targets.flatMap(jobsOf);
  const jobs =
    values.sample === undefined
      ? all
      : drawn(all, Number(values.sample), randomOf(Number(values.seed)));
  const survivors = [];
  let endless = 0;
  const queue = [...jobs];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: Number(values.workers) }, async () => {
      const runner = new Runner();
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        const { failed, by } = await runner.run(job);
        if (!failed) survivors.push(job);
        // On a very busy machine some of these would have passed in the end.
        if (by === NO_END) endless++;
        if (process.env["WEIGHBRIDGE_MUTANTS"] === "1")
          console.log(failed ? `noticed by ${oneLine(by)}:` : "NOT YET:", describe(job));
      }
      runner.close();
    }),
  );
  const rows = EQUIVALENT.filter((row) => targets.some(({ file }) => file === row.file));
  const unnoticed = survivors.filter((job) => !rows.some((row) => isRow(row, job)));
  // A row that no survivor needs would excuse a later one.
  const stale =
    values.sample === undefined
      ? rows.filter((row) => !survivors.some((job) => isRow(row, job)))
      : [];
  for (const job of unnoticed.toSorted(
    (a, b) => a.file.localeCompare(b.file) || a.mutant.start - b.mutant.start,
  ))
    console.log(`survived: ${describe(job)}`);
  for (const row of stale)
    console.log(`scripts/mutate/equivalent.json: no such survivor: ${row.file}: ${row.code}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const excused = survivors.length - unnoticed.length;
  console.log(
    `${set}: ${jobs.length} mutants${jobs.length < all.length ? ` of ${all.length}` : ""}, ${jobs.length - survivors.length} noticed (${endless} by never ending), ${excused} equivalent, ${unnoticed.length} survived (${seconds} s)`,
  );
  const share = 100 * (1 - unnoticed.length / jobs.length);
  if (share < Number(values.least))
    console.log(`${set}: ${share.toFixed(0)} of a hundred are noticed, expected ${values.least}`);
  const hasFailed =
    share < Number(values.least) || (set === "compare" && unnoticed.length + stale.length > 0);
  process.exitCode = hasFailed ? 1 : 0;
}

await main();
