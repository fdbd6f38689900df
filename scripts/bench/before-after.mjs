// Inference before and after a change: two checkouts of weighbridge on one model, in turn, each run a process of its own.
//
//   node scripts/bench/before-after.mjs BEFORE MODEL [--rounds 5] [--native FOLDER]
//
// BEFORE is another checkout, installed and built; MODEL a folder of InternLM's block (`npm run bench` makes some). --native is the
// folder of BEFORE's native installation, where its kernels are not those of this checkout. Which of the two runs first changes from
// round to round. Ends with 0; with 1 where a run failed or the two gave other ids; with 2 (usage).
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median, short } from "./stats.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const KINDS = [
  ["cpu", "f32"],
  ["cpu", "bf16"],
  ["wasm", "f32"],
];
const PREFILL = "128";
const DECODE = "256";
/** Of one process, of which the best counts: the first finds everything cold. Many tokens, so that the code is warm. */
const RUNS = "2";

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { rounds: { type: "string", default: "5" }, native: { type: "string" } },
    });
    const rounds = Number(values.rounds);
    const [before, model] = positionals;
    if (positionals.length === 2 && Number.isInteger(rounds) && rounds > 0)
      return { before, model, rounds, native: values.native };
  } catch {
    // said below
  }
  console.error(
    "usage: node scripts/bench/before-after.mjs BEFORE MODEL [--rounds 5] [--native FOLDER]",
  );
  return process.exit(2);
}

/** What one process measured: its best rates, and the ids that it made. */
function measured(folder, model, [device, compute], environment) {
  const script = join(folder, "scripts/bench/run_weighbridge.mjs");
  const args = [script, model, device, compute, PREFILL, DECODE, RUNS];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  if (status !== 0) {
    console.error(`${folder}: ended with ${status}\n${stderr}`);
    return process.exit(1);
  }
  const { runs, ids } = JSON.parse(stdout.trim().split("\n").at(-1));
  const best = (key) => Math.max(...runs.map((run) => run[key]));
  return { prefill: best("prefill"), decode: best("decode"), ids: ids.join() };
}

const { before, model, rounds, native } = options();
const sides = {
  before: [before, native === undefined ? {} : { WEIGHBRIDGE_NATIVE_FOLDER: native }],
  after: [ROOT, {}],
};
console.log(
  "|  | before, tokens/s | after, tokens/s | after ÷ before, medians (each round's) |\n| --- | ---: | ---: | ---: |",
);
for (const kind of KINDS) {
  const results = { before: [], after: [] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? ["before", "after"] : ["after", "before"];
    for (const side of order)
      results[side].push(measured(sides[side][0], model, kind, sides[side][1]));
  }
  const ids = new Set(Object.values(results).flatMap((list) => list.map((result) => result.ids)));
  for (const key of ["prefill", "decode"]) {
    const values = (side) => results[side].map((result) => result[key]);
    const cell = (side) => {
      const all = values(side);
      return `${short(median(all))} (${short(Math.min(...all))}–${short(Math.max(...all))})`;
    };
    const each = values("after").map((value, index) => value / values("before")[index]);
    const ratio = (median(values("after")) / median(values("before"))).toFixed(3);
    const spread = `${Math.min(...each).toFixed(3)}–${Math.max(...each).toFixed(3)}`;
    console.log(
      `| ${kind.join(" ")} ${key} | ${cell("before")} | ${cell("after")} | ${ratio} (${spread}) |`,
    );
  }
  if (ids.size !== 1) {
    console.error(`${kind.join(" ")}: ${ids.size} different answers`);
    process.exitCode = 1;
  }
}
