// Runs every check of the project and adds up what passed and failed; started by .ci/run.
//
// A static check counts as one, a suite as its tests; a suite that could not run, or ran nothing, counts as one failure,
// and so does a test that was skipped without a reason in test/allowed-skips.json.
// Only the CUDA suite may be left out, where there is no NVIDIA device, and that is said.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { judgeSkips, reasonToLeaveOut } from "./ci/judge-skips.mjs";
import { readSuite } from "./ci/suite-report.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MINUTE_MS = 60_000;
/** Longest static check, build or bench; several times what they take on two cores. */
const STEP_LIMIT_MS = 10 * MINUTE_MS;
/** Longest suite. */
const SUITE_LIMIT_MS = 45 * MINUTE_MS;
/** Making the Python environment loads some 3 GB the first time, compiling the native backend takes minutes. */
const INSTALL_LIMIT_MS = 20 * MINUTE_MS;
const SCRATCH = mkdtempSync(join(tmpdir(), "weighbridge-ci-"));
const VITEST = join("node_modules", "vitest", "vitest.mjs");
const ALLOWED = JSON.parse(readFileSync(join(ROOT, "test/allowed-skips.json"), "utf8"));
const bin = (name, entry) => [process.execPath, join("node_modules", name, entry)];
const script = (name, ...args) => [process.execPath, join("scripts", name), ...args];

const started = Date.now();
const results = [];
const suites = [];

function note(name, passed, failed, extra = "") {
  results.push({ name, passed, failed });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(
    `[${seconds.padStart(4)} s] ${failed === 0 ? "ok  " : "FAIL"} ${name}: ${passed} passed, ${failed} failed${extra}`,
  );
}

/** Runs one program, its output passed on only when it fails or `show` asks for it. */
function run([program, ...args], { show = false, limitMs = STEP_LIMIT_MS } = {}) {
  const done = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    timeout: limitMs,
    maxBuffer: 2 ** 28,
    env: { ...process.env, CI: "1", NO_COLOR: "1" },
    stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
  });
  const good = done.status === 0;
  if (!good && !show) process.stdout.write(`${done.stdout ?? ""}${done.stderr ?? ""}`);
  if (done.error)
    console.log(`${program} ${args.join(" ")}: ${done.error.message} (limit ${limitMs} ms)`);
  return good;
}

function check(name, command, options) {
  const good = run(command, options);
  note(name, good ? 1 : 0, good ? 0 : 1);
  return good;
}

/** One vitest project, counted from its JSON report; `command` is what starts it. */
function suite(project, command = [process.execPath, VITEST, "run", "--project", project]) {
  const path = join(SCRATCH, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${path}`];
  const good = run([...command, ...reporters], { show: true, limitMs: SUITE_LIMIT_MS });
  if (!existsSync(path)) return note(`${project} tests`, 0, 1, " (no report was written)");
  const found = readSuite(JSON.parse(readFileSync(path, "utf8")), ROOT);
  suites.push(found);
  const slowest = found.slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`);
  console.log(`${project} tests, slowest: ${slowest.join(", ")}`);
  for (const { file, message } of found.broken) console.log(`could not run: ${file}: ${message}`);
  // A run that ends badly though no test failed, or in which nothing passed, did not do its work.
  const isEmpty = found.failed === 0 && (!good || found.passed === 0);
  return note(`${project} tests`, found.passed, isEmpty ? 1 : found.failed);
}

/** Every skip with its reason; one without fails. */
function skips() {
  const { named, problems } = judgeSkips(ALLOWED, suites);
  for (const { file, title, reason } of named) console.log(`skipped: ${file}: ${title}: ${reason}`);
  for (const problem of problems) console.log(problem);
  note("skips have a named reason", problems.length === 0 ? 1 : 0, problems.length);
}

/** npm notes in this file what it installed; older than the lock file means stale. */
function installed() {
  const noted = join(ROOT, "node_modules", ".package-lock.json");
  return (
    existsSync(noted) &&
    statSync(noted).mtimeMs >= statSync(join(ROOT, "package-lock.json")).mtimeMs
  );
}

/** What a minute or two tell: formatting, types, layers, what is generated. Gives whether the build is there. */
function staticChecks() {
  check("format", [...bin("prettier", "bin/prettier.cjs"), "--check", "."]);
  check("lint", [...bin("oxlint", "bin/oxlint"), "--type-aware"]);
  check("types", [...bin("typescript", "bin/tsc"), "-p", "tsconfig.json"]);
  check("boundaries", [
    ...bin("dependency-cruiser", "bin/dependency-cruise.mjs"),
    "src",
    "--config",
    ".dependency-cruiser.cjs",
  ]);
  check("unused code", [...bin("knip", "bin/knip.js")]);
  check("fixtures", script("verify-fixtures.mjs"));
  check("API docs", [...bin("typedoc", "bin/typedoc"), "--emit", "none"]);
  const built = check("build", [...bin("typescript", "bin/tsc"), "-p", "tsconfig.build.json"]);
  if (built) check("generated files", script("generate.mjs", "--check"));
  return built;
}

/**
 * What tests of the interop suite would fetch or compile when they begin: llama.cpp takes minutes, and longer than a test may on a
 * slow machine.
 */
const MADE_BEFORE = [
  ["llama.cpp", "llama-cpp.mjs"],
  ["SmolLM2", "real-model.mjs"],
  ["Gemma 3", "real-model.mjs", "gemma3"],
  ["browser", "chromium.mjs"],
  ...["opencompass", "lm-eval", "openai", "packed", "scanners"].map((name) => [
    `environment of ${name}`,
    "own-environment.mjs",
    name,
  ]),
];

/** The suites that need other libraries, each installed by the project's own scripts. */
function interop(built) {
  const install = { limitMs: INSTALL_LIMIT_MS };
  const python = check("Python environment", script("python-env.mjs"), install);
  const native =
    built &&
    check(
      "native TensorFlow",
      [process.execPath, "bin/weighbridge.js", "native", "install"],
      install,
    );
  // The versions that are supported, with the kernels that were compiled by the one that runs this.
  if (native) check("Node 22, 24 and 26", script("node-versions.mjs"), { limitMs: SUITE_LIMIT_MS });
  else note("Node 22, 24 and 26", 0, 1, " (could not run: see above)");
  if (python) for (const [name, ...made] of MADE_BEFORE) check(name, script(...made), install);
  if (python && native) suite("interop");
  else note("interop tests", 0, 1, " (could not run: see above)");
  // Its ratios are shown, not judged: how fast a shared machine is, is no property of the code. That it runs, is.
  if (built && python)
    check("bench, quick form", script("bench/bench.mjs", "--quick"), { show: true });
}

function main() {
  if (!installed() && !check("install", ["npm", "ci", "--no-audit", "--no-fund"])) return;
  const built = staticChecks();
  // The README's command, so that it is known to work; its words after `--` go on to vitest.
  suite("unit", ["npm", "test", "--"]);
  suite("long");
  if (built) check("conversions give the bytes of before", script("conversion-digests.mjs"));
  if (built) check("demo", [process.execPath, "bin/weighbridge.js", "demo"]);
  suite("stress");
  // The numbers of `verify` may have no survivor.
  check("mutants of verify", script("mutate.mjs", "compare"), {
    show: true,
    limitMs: SUITE_LIMIT_MS,
  });
  // Of the readers' ten thousand a sample, another where their code changes: how many are noticed is shown. Of 32 the share moves by a
  // tenth from one sample to the next, about two thirds in the mean.
  check(
    "mutants of the readers",
    script("mutate.mjs", "readers", "--sample", "32", "--least", "50"),
    {
      show: true,
      limitMs: SUITE_LIMIT_MS,
    },
  );
  interop(built);
  if (existsSync("/dev/nvidia0")) suite("cuda");
  else console.log(`cuda tests: LEFT OUT: ${reasonToLeaveOut(ALLOWED, "cuda")}`);
  skips();
}

try {
  main();
} catch (error) {
  console.error(error);
  note("the run itself", 0, 1);
}
rmSync(SCRATCH, { recursive: true, force: true });
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
const failing = results.filter(({ failed }) => failed > 0);
if (failing.length > 0) console.log(`failing: ${failing.map(({ name }) => name).join(", ")}`);
console.log(`${total("passed")} passed, ${total("failed")} failed`);
process.exitCode = failing.length === 0 && total("passed") > 0 ? 0 : 1;
