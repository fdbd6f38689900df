// Runs every check of the project and adds up what passed and failed; started by .ci/run.
//
// A static check counts as one, a suite as its tests; a suite that could not run, or ran nothing, counts as one failure,
// and so does a test that was skipped without a reason in test/allowed-skips.json.
// Only the CUDA suite may be left out, where there is no NVIDIA device, and that is said.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
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
/** Making the Python environment loads some 3 GB the first time, compiling takes minutes, and longer beside tests that go first. */
const INSTALL_LIMIT_MS = 45 * MINUTE_MS;
const SHOWN = { show: true, limitMs: SUITE_LIMIT_MS };
const BESIDE = { isBeside: true, limitMs: INSTALL_LIMIT_MS };
/** Below the tests, whose time-outs a compiler beside them must not use up; not so far that it would not end before it is needed. */
const BESIDE_PRIORITY = 4;
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

/**
 * Runs one program, its output passed on only when it fails or `show` asks for it.
 * @param options `isBeside`: it gives way to what else runs.
 */
async function run(
  [program, ...args],
  { show = false, limitMs = STEP_LIMIT_MS, isBeside = false } = {},
) {
  const output = [];
  const child = spawn(program, args, {
    cwd: ROOT,
    timeout: limitMs,
    env: { ...process.env, CI: "1", NO_COLOR: "1", WEIGHBRIDGE_SHARE: "ci" },
    stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
  });
  if (isBeside && child.pid !== undefined) setPriority(child.pid, BESIDE_PRIORITY);
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => output.push(chunk));
  const problem = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve(signal === null ? (code === 0 ? undefined : `exit ${code}`) : `ended by ${signal}`),
    );
  });
  if (problem === undefined) return true;
  if (output.length > 0) console.log(Buffer.concat(output).toString("utf8"));
  console.log(`${program} ${args.join(" ")}: ${problem} (limit ${limitMs} ms)`);
  return false;
}

async function check(name, command, options) {
  const begin = Date.now();
  const good = await run(command, options);
  const seconds = ((Date.now() - begin) / 1000).toFixed(0);
  note(name, good ? 1 : 0, good ? 0 : 1, ` (${seconds} s)`);
  return good;
}

/** One vitest project, counted from its JSON report; `command` is what starts it. */
async function suite(project, command = [process.execPath, VITEST, "run", "--project", project]) {
  const path = join(SCRATCH, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${path}`];
  const good = await run([...command, ...reporters], { show: true, limitMs: SUITE_LIMIT_MS });
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
function isInstalled() {
  const noted = join(ROOT, "node_modules", ".package-lock.json");
  return (
    existsSync(noted) &&
    statSync(noted).mtimeMs >= statSync(join(ROOT, "package-lock.json")).mtimeMs
  );
}

/** What a minute or two tell: formatting, types, layers, what is generated. */
async function staticChecks(built) {
  await check("format", [...bin("prettier", "bin/prettier.cjs"), "--check", "."]);
  await check("lint", [...bin("oxlint", "bin/oxlint"), "--type-aware"]);
  await check("types", [...bin("typescript", "bin/tsc"), "-p", "tsconfig.json"]);
  await check("boundaries", [
    ...bin("dependency-cruiser", "bin/dependency-cruise.mjs"),
    "src",
    "--config",
    ".dependency-cruiser.cjs",
  ]);
  await check("unused code", [...bin("knip", "bin/knip.js")]);
  await check("fixtures", script("verify-fixtures.mjs"));
  await check("API docs", [...bin("typedoc", "bin/typedoc"), "--emit", "none"]);
  if (built) await check("generated files", script("generate.mjs", "--check"));
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

/** What other libraries' suites need, each installed by the project's own scripts: gives which of the two that all need are there. */
async function installed(built) {
  const python = await check("Python environment", script("python-env.mjs"), BESIDE);
  const native =
    built &&
    (await check(
      "native TensorFlow",
      [process.execPath, "bin/weighbridge.js", "native", "install"],
      BESIDE,
    ));
  return { python, native };
}

async function makeBefore() {
  for (const [name, ...made] of MADE_BEFORE) await check(name, script(...made), BESIDE);
}

/** The suites that need other libraries. */
async function interop(built, { python, native }) {
  // The versions that are supported, with the kernels that were compiled by the one that runs this.
  if (native)
    await check("Node 22, 24 and 26", script("node-versions.mjs"), { limitMs: SUITE_LIMIT_MS });
  else note("Node 22, 24 and 26", 0, 1, " (could not run: see above)");
  if (python && native) await suite("interop");
  else note("interop tests", 0, 1, " (could not run: see above)");
  // Its ratios are shown, not judged: how fast a shared machine is, is no property of the code. That it runs, is.
  if (built && python)
    await check("bench, quick form", script("bench/bench.mjs", "--quick"), { show: true });
}

async function main() {
  if (!isInstalled() && !(await check("install", ["npm", "ci", "--no-audit", "--no-fund"]))) return;
  const built = await check("build", [
    ...bin("typescript", "bin/tsc"),
    "-p",
    "tsconfig.build.json",
  ]);
  // What is fetched and compiled goes on beside the checks and tests: most of them leave a core or the network idle.
  const installing = installed(built);
  await staticChecks(built);
  const ready = await installing;
  const making = ready.python ? makeBefore() : Promise.resolve();
  // The README's command, so that it is known to work; its words after `--` go on to vitest.
  await suite("unit", ["npm", "test", "--"]);
  await suite("long");
  if (built) {
    await check("conversions give the bytes of before", script("conversion-digests.mjs"));
    await check("demo", [process.execPath, "bin/weighbridge.js", "demo"]);
  }
  await suite("stress");
  // The numbers of `verify` may have no survivor.
  await check("mutants of verify", script("mutate.mjs", "compare"), SHOWN);
  // Of the readers' ten thousand a sample, another where their code changes: how many are noticed is shown. Of 24 the share moves by a
  // tenth from one sample to the next, about two thirds in the mean.
  await check(
    "mutants of the readers",
    script("mutate.mjs", "readers", "--sample", "24", "--least", "60"),
    SHOWN,
  );
  await making;
  await interop(built, ready);
  if (existsSync("/dev/nvidia0")) await suite("cuda");
  else console.log(`cuda tests: LEFT OUT: ${reasonToLeaveOut(ALLOWED, "cuda")}`);
  skips();
}

try {
  await main();
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
