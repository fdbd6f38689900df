// Measures weighbridge beside its peers, in one run, in alternating order, several times: `npm run bench -- --help`.
//
// A case is {id, part, title, quick?, names?, make}; `make(context)` gives {base, metrics, aims, rounds?, x?, points}, where a point is
// {x, contenders()}: its inputs are made when its turn comes. See suites/convert.mjs. Nothing here is a test: a slow machine fails
// nothing, a contender that ends badly does, and the others go on.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, machine } from "./machine.mjs";
import { table } from "./markdown.mjs";
import { measureContenders } from "./measure.mjs";
import { choose, parseOptions, USAGE, UsageError } from "./options.mjs";
import { keep, render } from "./page.mjs";
import { brief } from "./process.mjs";
import { ratio, short } from "./stats.mjs";
import { suites } from "./suites/index.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const RESULTS = join(ROOT, "docs/performance");
const PAGE = join(ROOT, "docs/performance.md");
const ROUNDS = 3;

const log = (line) => console.error(line);

/** One point with what was found; where its inputs could not be made, why. */
async function measurePoint({ contenders, ...point }, wanted, settings) {
  try {
    const all = contenders();
    const some = all.filter(({ name }) => wanted?.includes(name));
    const measured = await measureContenders(some.length > 0 ? some : all, settings);
    return { ...point, contenders: measured };
  } catch (error) {
    log(error.stack);
    return { ...point, contenders: [], failed: brief(error) };
  }
}

async function measureCase({ id, title, make }, options, wanted) {
  log(`${id}: ${title}`);
  const context = {
    ...options,
    root: ROOT,
    program: join(ROOT, "bin/weighbridge.js"),
    log,
  };
  const { points, ...facts } = make(context);
  const rounds = options.rounds ?? facts.rounds ?? ROUNDS;
  const measured = [];
  for (const point of points.slice(0, options.points)) {
    if (facts.x !== undefined) log(`${id}: ${facts.x} ${point.x}`);
    measured.push(await measurePoint(point, wanted, { rounds, metrics: facts.metrics, log }));
  }
  const date = new Date().toISOString();
  return { id, title, date, machine: machine(options.models), ...facts, rounds, points: measured };
}

/** One line a contender: what CI prints. */
function ratioLines({ id, base, metrics, points }) {
  return points.flatMap((point) =>
    point.contenders.map((contender) => {
      const { name, missing, failed, median, peakBytes } = contender;
      if (median === undefined) return `${id}  ${name}: ${failed ?? missing}`;
      const found = metrics.map(({ key, unit }) => {
        const times = ratio(point, base, name, key);
        return `${short(median[key])} ${unit}${times === undefined ? "" : ` = ${times.toFixed(2)} × ${base}`}`;
      });
      return `${id}  ${name}: ${found.join(", ")}, ${(peakBytes / 2 ** 20).toFixed(0)} MiB`;
    }),
  );
}

const failuresOf = ({ id, points }) =>
  points.flatMap((point) =>
    point.failed === undefined
      ? point.contenders.filter(({ failed }) => failed).map(({ name }) => `${id}: ${name}`)
      : [`${id}: ${point.x ?? "its inputs"}`],
  );

/** Measures the cases that were asked for, keeps and prints each as soon as it is done, and gives the names of what failed. */
async function measureAll(options) {
  const { cases, contenders } = choose(suites, options);
  const partial = contenders !== undefined || options.points !== undefined;
  console.log(describe(machine(options.models)));
  const failures = [];
  for (const one of cases) {
    const result = await measureCase(one, options, contenders);
    failures.push(...failuresOf(result));
    console.log(one.quick ? ratioLines(result).join("\n") : `${result.title}\n\n${table(result)}`);
    if (one.quick || (partial && options.results === undefined)) continue;
    await keep(result, options.results ?? RESULTS);
    if (options.results === undefined) await render(PAGE, RESULTS, "performance");
  }
  return failures;
}

async function main() {
  const options = parseOptions(process.argv.slice(2), ROOT);
  if (options.help) return console.log(USAGE);
  if (options.render) return render(PAGE, RESULTS, "performance");
  if (options.list) {
    const { cases } = choose(suites, options);
    for (const { id, part, title } of cases)
      console.log(`${part.padEnd(10)} ${id.padEnd(26)} ${title}`);
    return undefined;
  }
  if (!existsSync(join(ROOT, "dist/cli/main.js")))
    throw new UsageError("weighbridge is not built in this checkout; run: npm run build");
  mkdirSync(options.models, { recursive: true });
  const failures = await measureAll(options);
  for (const name of failures) console.error(`failed: ${name}`);
  if (failures.length > 0) process.exitCode = 1;
  return undefined;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}\n  npm run bench -- --help tells what it takes`);
  process.exitCode = 2;
}
