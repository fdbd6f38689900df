// Measures weighbridge beside its peers, in one run, in alternating order, several times.
//
//   npm run bench                        work on files, then inference
//   npm run bench -- files               conversion, headers, diff: results to docs/performance/*.json and *.svg, tables to its page
//   npm run bench -- inference [...]     prefill and decode: scripts/bench/inference.mjs, which takes the options after it
//   npm run bench -- --quick             small inputs, about a minute, ratios only; nothing is kept
//   npm run bench -- --only ID,ID        cases by id, or by the beginning of it ("convert")
//   npm run bench -- --list              ids and titles
//   npm run bench -- --render            docs/performance.md anew from the results that are kept
//
//   --rounds N (3)   --peer-rounds N (1: of converting in Python, which takes the longest; one run tells little of its spread)
//   --models DIR (.scratch/bench: inputs are made there and stay)   --python PROGRAM (.venv/bin/python)
//
// A case is {id, title, base, metrics, aims, points: [{x, label, contenders}]}; see suites/convert.mjs. It is made only when it is
// asked for, since making it makes its inputs. Nothing here is a test: a slow machine fails nothing, a contender that ends badly does.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describe, machine } from "./machine.mjs";
import { measurePoint } from "./measure.mjs";
import { keep, ratio, renderPage, table } from "./report.mjs";
import { suites } from "./suites/index.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const RESULTS = join(ROOT, "docs/performance");
const PAGE = join(ROOT, "docs/performance.md");
const PARTS = ["files", "inference"];

const args = process.argv.slice(2);
const part = PARTS.find((name) => name === args[0]);

const { values } = parseArgs({
  // Inference has options of its own, and reads them itself.
  args: part === "inference" ? [] : args.slice(part === undefined ? 0 : 1),
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    list: { type: "boolean", default: false },
    render: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    "peer-rounds": { type: "string", default: "1" },
    models: { type: "string", default: join(ROOT, ".scratch/bench") },
    python: { type: "string", default: join(ROOT, ".venv/bin/python") },
  },
});

const log = (line) => console.error(line);
const context = {
  root: ROOT,
  models: values.models,
  python: values.python,
  program: join(ROOT, "bin/weighbridge.js"),
  peerRounds: Number(values["peer-rounds"]),
  log,
};

/** The cases that were asked for. */
function chosen() {
  const wanted = values.only?.split(",");
  return suites.filter(({ id, quick = false }) =>
    wanted === undefined ? quick === values.quick : wanted.some((name) => id.startsWith(name)),
  );
}

async function measureCase({ id, title, make }) {
  log(`${id}: ${title}`);
  const { points, ...facts } = await make(context);
  const rounds = facts.rounds ?? Number(values.rounds);
  const measured = [];
  for (const { contenders, ...point } of points) {
    const found = await measurePoint(
      { contenders },
      { rounds, metrics: facts.metrics, log: values.quick ? () => {} : log },
    );
    measured.push({ ...point, contenders: found });
  }
  const date = new Date().toISOString();
  return { id, title, date, machine: machine(values.models), ...facts, rounds, points: measured };
}

/** One line a contender: what CI prints. */
function ratioLines({ id, base, metrics, points }) {
  return points.flatMap((point) =>
    point.contenders.map((contender) => {
      const { name, missing, median, peakBytes } = contender;
      if (median === undefined) return `${id}  ${name}: ${missing ?? "did not run"}`;
      const found = metrics.map(({ key, unit }) => {
        const times = ratio(point, base, name, key);
        return `${median[key].toFixed(2)} ${unit}${times === undefined ? "" : ` = ${times.toFixed(2)} × ${base}`}`;
      });
      return `${id}  ${name}: ${found.join(", ")}, ${(peakBytes / 2 ** 20).toFixed(0)} MiB`;
    }),
  );
}

function inference(options) {
  const script = join(ROOT, "scripts/bench/inference.mjs");
  const { status } = spawnSync(process.execPath, [script, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}

async function files() {
  if (values.list) {
    for (const { id, title } of suites) console.log(`${id.padEnd(28)} ${title}`);
    return;
  }
  if (values.render) return renderPage(PAGE, RESULTS, "performance");
  if (!existsSync(join(ROOT, "dist/cli/main.js")))
    throw new Error("weighbridge is not built in this checkout; run: npm run build");
  mkdirSync(values.models, { recursive: true });
  console.log(describe(machine(values.models)));
  for (const one of chosen()) {
    const result = await measureCase(one);
    if (one.quick) console.log(ratioLines(result).join("\n"));
    else {
      console.log(table(result));
      await keep(result, RESULTS);
    }
  }
  if (!values.quick) await renderPage(PAGE, RESULTS, "performance");
}

if (part !== "inference") await files();
const whole = part === undefined && args.length === 0;
if (part === "inference" || whole) inference(args.slice(1));
