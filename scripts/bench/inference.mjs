// Times prefill and greedy decode beside transformers, ONNX Runtime and llama.cpp, on the same weights in the same run.
//
//   node scripts/bench/inference.mjs [--folder DIR] [--peers PYTHON] [--rounds 3] [--prefill 128] [--decode 64]
//                                    [--only NAME,NAME] [--out FILE.json]
//
// DIR/model holds pytorch_model.bin as scripts/bench/make_model.py writes it; where it does not, a model of 217 million parameters is made
// there. PYTHON is that of an environment with scripts/bench/peers/requirements.txt; `npm ci --ignore-scripts` in scripts/bench/peers
// brings ONNX Runtime. Peers that are not there are left out, and named. Every round starts every contender in a process of its own,
// in an order that turns by one each round; a process prefills and decodes twice and its second run counts, so that nothing is
// cold. Medians over the rounds are printed, and the best, which is what a machine shared with others would do alone; the first ids
// of all are shown, since all compute the same.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
const PYTHON = join(ROOT, ".venv/bin/python");
const RUNS = 2;
const SIZE = [
  "--layers",
  "12",
  "--hidden",
  "1024",
  "--intermediate",
  "2752",
  "--vocab",
  "32000",
  "--heads",
  "16",
];

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: join(ROOT, ".scratch/bench-217m") },
    peers: { type: "string" },
    rounds: { type: "string", default: "3" },
    prefill: { type: "string", default: "128" },
    decode: { type: "string", default: "64" },
    only: { type: "string" },
    out: { type: "string" },
  },
});

function must(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stderr}`);
}

const missing = [];
const wanted = values.only?.split(",");

/** Makes what the contenders read: the model, converted copies, and the peers' files. */
function prepare() {
  const { folder } = values;
  const source = join(folder, "model");
  mkdirSync(source, { recursive: true });
  const program = join(ROOT, "bin/weighbridge.js");
  if (!existsSync(join(source, "pytorch_model.bin"))) {
    must(PYTHON, ["-W", "ignore", join(HERE, "make_model.py"), source, "--only", "bin", ...SIZE]);
  }
  for (const [name, dtype] of [
    ["converted", "keep"],
    ["converted-f32", "F32"],
  ]) {
    const target = join(folder, name);
    const args = [program, "convert", source, target, "--quiet", "--dtype", dtype];
    if (!existsSync(target)) must(process.execPath, args);
  }
  if (values.peers === undefined) {
    missing.push("llama.cpp and the files for ONNX Runtime: --peers names no environment");
  } else if (!existsSync(join(folder, "peers/bf16.gguf"))) {
    must(values.peers, [
      join(HERE, "peers/make_files.py"),
      join(folder, "converted"),
      join(folder, "peers"),
    ]);
  }
}

function contenders() {
  const { folder, prefill, decode, peers } = values;
  const counts = [prefill, decode, String(RUNS)];
  const ours = (model, device, compute) => [
    process.execPath,
    join(HERE, "run_weighbridge.mjs"),
    model,
    device,
    compute,
    ...counts,
  ];
  const transformers = (dtype) => [
    PYTHON,
    "-W",
    "ignore",
    join(HERE, "peers/run_transformers.py"),
    join(folder, "converted"),
    dtype,
    ...counts,
  ];
  const onnx = (kind) => [
    process.execPath,
    join(HERE, "peers/run_onnx.mjs"),
    join(folder, "peers/f32.onnx"),
    kind,
    ...counts,
  ];
  const llama = (dtype) => [
    peers,
    join(HERE, "peers/run_llama_cpp.py"),
    join(folder, `peers/${dtype}.gguf`),
    ...counts,
  ];
  const list = {
    "weighbridge f32": ours(join(folder, "model"), "cpu", "f32"),
    "weighbridge f32 of f32": ours(join(folder, "converted-f32"), "cpu", "f32"),
    "transformers f32": transformers("f32"),
    "onnxruntime f32": onnx("node"),
    "llama.cpp f32": llama("f32"),
    "weighbridge bf16": ours(join(folder, "model"), "cpu", "bf16"),
    "transformers bf16": transformers("bf16"),
    "llama.cpp bf16": llama("bf16"),
    "weighbridge wasm": ours(join(folder, "model"), "wasm", "f32"),
    "onnxruntime-web wasm": onnx("web"),
  };
  const hasOnnx = existsSync(join(HERE, "peers/node_modules/onnxruntime-node"));
  if (!hasOnnx)
    missing.push("ONNX Runtime: npm ci --ignore-scripts was not run in scripts/bench/peers");
  return Object.entries(list).filter(
    ([name]) =>
      (wanted === undefined || wanted.includes(name)) &&
      (peers !== undefined || !/llama|onnx/.test(name)) &&
      (hasOnnx || !name.includes("onnx")),
  );
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const largest = (numbers) => Math.max(...numbers);

/** Runs every contender once a round, and tells of each round's end, so that what was measured stays when a run is ended. */
function measure(onRound) {
  const list = contenders();
  const reports = new Map(list.map(([name]) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (let turn = 0; turn < list.length; turn += 1) {
      const [name, [command, ...args]] = list[(turn + round) % list.length];
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${name} ended with ${status}:\n${stderr.slice(-2000)}`);
      const report = JSON.parse(stdout.trim().split("\n").at(-1));
      reports.get(name).push(report);
      const { prefill, decode } = report.runs.at(-1);
      console.error(
        `round ${round + 1}: ${name}: ${prefill.toFixed(0)} and ${decode.toFixed(1)} tokens/s`,
      );
    }
    onRound(round + 1, summary(reports));
  }
}

function summary(reports) {
  return [...reports].map(([name, all]) => {
    const last = all.map(({ runs }) => runs.at(-1));
    const of = (reduce, key) => Number(reduce(last.map((run) => run[key])).toFixed(2));
    return {
      name,
      version: all[0].version,
      prefill: last.map((run) => Number(run.prefill.toFixed(2))),
      decode: last.map((run) => Number(run.decode.toFixed(2))),
      medianPrefill: of(median, "prefill"),
      bestPrefill: of(largest, "prefill"),
      medianDecode: of(median, "decode"),
      bestDecode: of(largest, "decode"),
      medianLoadSeconds: Number(median(all.map((run) => run.loadSeconds)).toFixed(3)),
      peakBytes: Math.max(...all.map((run) => run.peakBytes)),
      firstIds: all[0].ids.slice(0, 8),
    };
  });
}

function show(rounds, results) {
  const report = {
    bench: "inference",
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model,
      threads: availableParallelism(),
      memoryBytes: totalmem(),
      node: process.version,
    },
    prefillTokens: Number(values.prefill),
    decodeTokens: Number(values.decode),
    rounds,
    missing,
    results,
  };
  if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  if (rounds < Number(values.rounds)) return;
  const columns = ["", "prefill", "best", "decode", "best", "load, s", "peak, GB", "first ids"];
  const rows = results.map((r) => [
    r.name,
    r.medianPrefill.toFixed(0),
    r.bestPrefill.toFixed(0),
    r.medianDecode.toFixed(1),
    r.bestDecode.toFixed(1),
    r.medianLoadSeconds.toFixed(1),
    (r.peakBytes / 1e9).toFixed(2),
    r.firstIds.slice(0, 4).join(" "),
  ]);
  const lines = [columns, columns.map(() => "---"), ...rows];
  console.log(lines.map((line) => `| ${line.join(" | ")} |`).join("\n"));
  for (const line of missing) console.log(`not measured: ${line}`);
}

prepare();
measure(show);
