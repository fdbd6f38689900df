// Times conversion beside `cp` and beside the usual Python ways, on the same files in the same run.
//
//   node scripts/bench/convert.mjs [--folder DIR] [--rounds 3] [--peers] [--only bin|pdparams] [--out FILE.json]
//
// DIR holds pytorch_model.bin and model_state.pdparams as scripts/bench/make_model.py writes them; where it does not,
// a 2.9 GB model is made there. Every round runs every contender once, in an order that turns by one each round; each
// fsyncs its output. Medians, ratios to `cp`, and peak memory (resident, and without mapped files) are printed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PYTHON = join(ROOT, ".venv/bin/python");
const POLL_MS = 5;

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: join(ROOT, ".scratch/bench-2.9g") },
    rounds: { type: "string", default: "3" },
    peers: { type: "boolean", default: false },
    only: { type: "string" },
    out: { type: "string" },
  },
});
const SOURCES = { bin: "pytorch_model.bin", pdparams: "model_state.pdparams" };
const kinds = values.only ? [values.only] : Object.keys(SOURCES);

function makeSources() {
  if (kinds.every((kind) => existsSync(join(values.folder, SOURCES[kind])))) return;
  console.error(`making a 2.9 GB model in ${values.folder}`);
  const script = join(ROOT, "scripts/bench/make_model.py");
  const size = ["--layers", "5", "--vocab", "51584"];
  const { status } = spawnSync(PYTHON, ["-W", "ignore", script, values.folder, ...size], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(6);
}

/** Runs one command to its end: seconds, and its peaks of resident and of anonymous memory in bytes. */
function time(command) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let resident = 0;
    let anonymous = 0;
    child.stdout.setEncoding("utf8").on("data", (data) => (output += data));
    child.stderr.setEncoding("utf8").on("data", (data) => (output += data));
    const watch = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        resident = Math.max(resident, kib("VmHWM") * 1024);
        anonymous = Math.max(anonymous, kib("RssAnon") * 1024);
      } catch {
        // the process is gone; its last poll stands
      }
    }, POLL_MS);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(watch);
      const seconds = (performance.now() - begin) / 1000;
      if (code === 0) resolve({ seconds, resident, anonymous });
      else reject(new Error(`${command.join(" ")} ended with ${code}:\n${output.slice(-2000)}`));
    });
  });
}

function contenders(kind, source, scratch) {
  const file = join(scratch, "out.safetensors");
  const peers = join(ROOT, "scripts/bench/peers.py");
  const program = join(ROOT, "bin/weighbridge.js");
  const target = join(scratch, "out");
  const python = (mode) => [PYTHON, "-W", "ignore", peers, mode, source, file];
  const ours = (...options) => [
    process.execPath,
    program,
    "convert",
    source,
    target,
    "--quiet",
    ...options,
  ];
  const list = {
    cp: ["bash", "-c", 'cp "$0" "$1" && sync "$1"', source, file],
    "node copy loop": [process.execPath, join(ROOT, "scripts/bench/copy.mjs"), source, file],
    weighbridge: ours(),
    "weighbridge --no-verify": ours("--no-verify"),
  };
  if (!values.peers) return list;
  if (kind === "pdparams") return { ...list, "paddle.load + numpy": python("paddle") };
  return {
    ...list,
    "torch.load + save_file": python("torch"),
    "torch.load(mmap) + save_file": python("torch-mmap"),
    "Hugging Face's script": python("hf-script"),
  };
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

async function bench(kind) {
  const source = join(values.folder, SOURCES[kind]);
  const scratch = `${values.folder.replace(/\/+$/, "")}.bench`;
  const list = Object.entries(contenders(kind, source, scratch));
  const runs = new Map(list.map(([name]) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (let turn = 0; turn < list.length; turn += 1) {
      const [name, command] = list[(turn + round) % list.length];
      rmSync(scratch, { recursive: true, force: true });
      mkdirSync(scratch, { recursive: true });
      const run = await time(command);
      runs.get(name).push(run);
      console.error(`${kind} round ${round + 1}: ${name} ${run.seconds.toFixed(2)} s`);
    }
  }
  rmSync(scratch, { recursive: true, force: true });
  const base = median(runs.get("cp").map((run) => run.seconds));
  return {
    source: SOURCES[kind],
    bytes: statSync(source).size,
    contenders: [...runs].map(([name, all]) => ({
      name,
      seconds: all.map((run) => Number(run.seconds.toFixed(3))),
      medianSeconds: Number(median(all.map((run) => run.seconds)).toFixed(3)),
      timesCp: Number((median(all.map((run) => run.seconds)) / base).toFixed(2)),
      peakResidentBytes: Math.max(...all.map((run) => run.resident)),
      peakAnonymousBytes: Math.max(...all.map((run) => run.anonymous)),
    })),
  };
}

const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);

function table(result) {
  const rows = result.contenders.map(
    (c) =>
      `| ${c.name} | ${c.medianSeconds.toFixed(1)} | ${c.timesCp.toFixed(2)} | ${mib(c.peakResidentBytes)} | ${mib(c.peakAnonymousBytes)} |`,
  );
  return [
    `${result.source}, ${(result.bytes / 1e9).toFixed(1)} GB`,
    "",
    "| | median s | × cp | peak resident MiB | of it not mapped files |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...rows,
    "",
  ].join("\n");
}

makeSources();
const results = [];
for (const kind of kinds) results.push(await bench(kind));
const report = {
  bench: "convert",
  date: new Date().toISOString(),
  machine: {
    cpu: cpus()[0]?.model,
    threads: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
  },
  rounds: Number(values.rounds),
  results,
};
for (const result of results) console.log(table(result));
if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
