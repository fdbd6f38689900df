// Gives every file of the hostile corpus (test/support/hostile) to weighbridge and to the original libraries, each in a process
// of its own, and writes what became of them into docs/reliability.md, between its two marks.
//
//   node scripts/reliability.mjs [--scanners PYTHON] [--only readers|scanners]
//
// Seconds are those of the processor, so that a busy machine gives the same table.
// PYTHON is an interpreter with picklescan, fickling and modelscan; without it their columns are left out. The libraries are
// those of scripts/python-env.mjs.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const WORK = mkdtempSync(join(tmpdir(), "weighbridge-reliability-"));
const DOCUMENT = join(ROOT, "docs", "reliability.md");
/** What stands around each table. */
const MARKS = {
  readers: "<!-- readers: written by scripts/reliability.mjs -->",
  scanners: "<!-- scanners: written by scripts/reliability.mjs -->",
};
const END = "<!-- end of the table -->";
/** Wall time, beyond what any file takes on a busy machine. */
const LIMIT_MS = 120_000;
/** What a small file may not cost. */
const LONG_SECONDS = 5;
const MUCH_MEBIBYTES = 256;

const KINDS = ["payload", "bomb", "broken", "odd"];

process.on("exit", () => rmSync(WORK, { recursive: true, force: true }));

function fail(message) {
  console.error(`reliability: ${message}`);
  process.exit(1);
}

/** Compiles the corpus with the sources that it imports, and imports it. */
async function loadCorpus() {
  const project = join(WORK, "tsconfig.json");
  const settings = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      rootDir: ROOT,
      outDir: join(WORK, "built"),
      rewriteRelativeImportExtensions: true,
      typeRoots: [join(ROOT, "node_modules/@types")],
      incremental: false,
    },
    include: [],
    files: [join(ROOT, "test/support/hostile/corpus.ts")],
  };
  writeFileSync(project, JSON.stringify(settings));
  writeFileSync(join(WORK, "package.json"), '{"type":"module"}');
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], {
    encoding: "utf8",
  });
  if (status !== 0) fail(`the corpus does not compile:\n${stdout}`);
  const url = (name) => pathToFileURL(join(WORK, "built/test/support/hostile", name)).href;
  const { CORPUS, writeHostile } = await import(url("corpus.js"));
  return CORPUS.map((file) => {
    const folder = join(WORK, "files", `${file.reader}-${file.name}`);
    mkdirSync(folder, { recursive: true });
    return { ...file, path: writeHostile(file, folder) };
  });
}

/** Runs a command in an empty folder of its own; the payload, where it runs, makes a folder there. */
function runIn(program, args, env = {}) {
  const folder = mkdtempSync(join(WORK, "run-"));
  const began = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    maxBuffer: 2 ** 28,
    env: { ...process.env, PYTHONNOUSERSITE: "1", PYTHONDONTWRITEBYTECODE: "1", ...env },
  });
  return {
    status,
    hung: error?.code === "ETIMEDOUT",
    crashed: signal !== null,
    output: `${stdout}${stderr}`,
    ran: existsSync(join(folder, "payload-ran")),
    seconds: (performance.now() - began) / 1000,
  };
}

const USAGE_FILE = join(WORK, "usage");
const TELL_USAGE = `import fs from "node:fs"; process.on("exit", () => fs.writeFileSync(${JSON.stringify(USAGE_FILE)}, JSON.stringify(process.resourceUsage())));`;

/** weighbridge inspect, with its peak of memory in KiB and the processor's seconds. */
function inspect(...args) {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_USAGE)}`;
  const command = [join(ROOT, "bin/weighbridge.js"), "inspect", ...args];
  rmSync(USAGE_FILE, { force: true });
  const done = runIn(process.execPath, ["--import", preload, ...command]);
  if (!existsSync(USAGE_FILE)) return { ...done, peakKiB: 0 };
  const usage = JSON.parse(readFileSync(USAGE_FILE, "utf8"));
  const seconds = (usage.userCPUTime + usage.systemCPUTime) / 1e6;
  return { ...done, seconds, peakKiB: usage.maxRSS };
}

function weighbridge(files) {
  const idle = inspect("--help").peakKiB;
  return files.map(({ path }) => {
    const { status, hung, crashed, ran, seconds, peakKiB } = inspect(path, "--json");
    const known = status === 0 ? "read" : [3, 4, 5].includes(status) ? "refused" : "crashed";
    const outcome = hung ? "hung" : crashed ? "crashed" : known;
    return { outcome, ran, seconds, mebibytes: Math.max(0, Math.round((peakKiB - idle) / 1024)) };
  });
}

function library(files, reader) {
  const python = join(ROOT, ".venv/bin/python");
  if (!existsSync(python)) fail("run node scripts/python-env.mjs first");
  const script = join(ROOT, "test/interop/python/read_hostile.py");
  const { status, stdout, stderr } = spawnSync(python, ["-W", "ignore", script], {
    input: JSON.stringify(files.map(({ path }) => ({ path, reader }))),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    env: { ...process.env, PYTHONNOUSERSITE: "1", HF_HUB_OFFLINE: "1" },
  });
  if (status !== 0) fail(`read_hostile.py ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1));
}

/** How each scanner is asked, and what its exit status says. */
const SCANNERS = {
  picklescan: { args: (path) => ["--path", path], of: { 0: "clean", 1: "flagged" } },
  fickling: { args: (path) => ["--check-safety", path], of: { 0: "clean", 1: "flagged" } },
  modelscan: { args: (path) => ["--path", path], of: { 0: "clean", 1: "flagged" } },
  "weighbridge scan": {
    args: (path) => ["scan", path],
    of: { 0: "clean", 5: "flagged" },
  },
};

function scanner(files, name, python) {
  const { args, of } = SCANNERS[name];
  const [program, first] =
    name === "weighbridge scan"
      ? [process.execPath, [join(ROOT, "bin/weighbridge.js")]]
      : [join(dirname(python), name), []];
  return files.map(({ path }) => {
    const done = runIn(program, [...first, ...args(path)]);
    const outcome = done.hung ? "hung" : (of[done.status] ?? "no verdict");
    return { ...done, outcome };
  });
}

function count(results, test) {
  return results.filter(test).length;
}

const READERS = {
  "torch 2.15, weights_only": ["torch", "torch"],
  "torch 2.15, weights_only, mmap": ["torch", "torch-mmap"],
  "paddle 3.3.1": ["paddle", "paddle"],
  "safetensors 0.8": ["safetensors", "safetensors"],
  "transformers 5.23 (shards of an index)": ["transformers", "transformers"],
};

function readerTable(files) {
  const lines = [
    "| files | reader | tried | refused | read | crashed | hung | payload ran | longest | most memory |",
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
  ];
  const row = (kind, name, results) => {
    const of = (outcome) => count(results, (result) => result.outcome === outcome);
    const longest = Math.max(...results.map(({ seconds }) => seconds)).toFixed(1);
    const most = Math.max(...results.map(({ mebibytes }) => mebibytes));
    const numbers = [of("refused"), of("read"), of("crashed"), of("hung")].join(" | ");
    const ran = count(results, (result) => result.ran);
    lines.push(
      `| ${kind} | ${name} | ${results.length} | ${numbers} | ${ran} | ${longest} s | ${most} MiB |`,
    );
  };
  const notable = [];
  const told = new Set();
  for (const kind of KINDS) {
    const ours = files.filter((file) => file.kind === kind);
    row(kind, "weighbridge inspect", weighbridge(ours));
    for (const [name, [group, reader]] of Object.entries(READERS)) {
      const theirs = ours.filter((file) => file.reader === group);
      if (theirs.length === 0) continue;
      const results = library(theirs, reader);
      row(kind, name, results);
      for (const [index, { outcome, detail, seconds, mebibytes }] of results.entries()) {
        const { fact, expected } = theirs[index];
        const isNotable =
          (kind === "broken" && outcome === "read") ||
          outcome === "crashed" ||
          outcome === "hung" ||
          mebibytes > MUCH_MEBIBYTES ||
          seconds > LONG_SECONDS ||
          (kind === "odd" && outcome !== "read");
        const costs = [
          ...(seconds > LONG_SECONDS ? [`${seconds.toFixed(1)} s`] : []),
          ...(mebibytes > MUCH_MEBIBYTES ? [`${mebibytes} MiB`] : []),
          ...(outcome === "read" ? [] : [detail.replaceAll(/[|`\s]+/g, " ").slice(0, 80)]),
        ];
        const there = costs.length === 0 ? outcome : `${outcome} (${costs.join(", ")})`;
        const same = `${group} ${files.indexOf(theirs[index])} ${outcome}`;
        // What torch does with mmap is told where it is not what it does without.
        if (isNotable && !told.has(same))
          notable.push(
            `| ${name} | ${fact} | ${there} | ${typeof expected === "number" ? "read" : expected} |`,
          );
        if (isNotable) told.add(same);
      }
    }
  }
  return [
    ...lines,
    "",
    "What the libraries read, refuse or do otherwise, file by file (payloads left out):",
    "",
    "| library | the file | there | here |",
    "| --- | --- | --- | --- |",
    ...notable,
  ];
}

function scannerTable(files, python) {
  const lines = [
    "| files | scanner | tried | flagged | called clean | no verdict | hung |",
    "| --- | --- | --: | --: | --: | --: | --: |",
  ];
  const names = Object.keys(SCANNERS).filter((name) => name === "weighbridge scan" || python);
  for (const kind of ["payload", "odd"]) {
    const pickles = files.filter(
      (file) => file.kind === kind && (file.reader === "torch" || file.reader === "paddle"),
    );
    for (const name of names) {
      const results = scanner(pickles, name, python);
      const of = (outcome) => count(results, (result) => result.outcome === outcome);
      const numbers = ["flagged", "clean", "no verdict", "hung"].map(of).join(" | ");
      lines.push(`| ${kind} | ${name} | ${results.length} | ${numbers} |`);
      if (values.verbose)
        for (const [index, { outcome, output }] of results.entries())
          console.error(kind, name, pickles[index].name, outcome, output.slice(-200));
    }
  }
  return lines;
}

function writeTable(name, lines) {
  const text = readFileSync(DOCUMENT, "utf8");
  const begin = text.indexOf(MARKS[name]);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < begin) fail(`${DOCUMENT} has no marks for the table of ${name}`);
  const table = `${MARKS[name]}\n\n${lines.join("\n")}\n\n${END}`;
  writeFileSync(DOCUMENT, text.slice(0, begin) + table + text.slice(end + END.length));
}

const { values } = parseArgs({
  options: {
    scanners: { type: "string" },
    only: { type: "string" },
    verbose: { type: "boolean" },
  },
});
const files = await loadCorpus();
if (values.only !== "scanners") writeTable("readers", readerTable(files));
if (values.only !== "readers") writeTable("scanners", scannerTable(files, values.scanners));
const prettier = join(ROOT, "node_modules/prettier/bin/prettier.cjs");
spawnSync(process.execPath, [prettier, "--write", DOCUMENT], { stdio: "inherit" });
