// Runs every check of the project and adds up what passed and failed; started by .ci/run.
//
// A static check counts as one, a suite as its tests; a suite that could not run, or ran nothing, counts as one failure.
// Only the CUDA suite may be left out, where there is no NVIDIA device, and that is said.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const STEP_LIMIT_MS = 20 * 60_000;
const SCRATCH = mkdtempSync(join(tmpdir(), "weighbridge-ci-"));
const VITEST = join("node_modules", "vitest", "vitest.mjs");
const bin = (name, entry) => [process.execPath, join("node_modules", name, entry)];

/** What takes too long for `npm test`: a hundred conversions stopped, ten thousand openings and a thousand conversions in one process. */
const LONG = { WEIGHBRIDGE_KILLS: "34", WEIGHBRIDGE_OPENINGS: "10000" };

const started = Date.now();
const results = [];

function note(name, passed, failed, extra = "") {
  results.push({ name, passed, failed });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(
    `[${seconds.padStart(4)} s] ${failed === 0 ? "ok  " : "FAIL"} ${name}: ${passed} passed, ${failed} failed${extra}`,
  );
}

/** Runs one program, its output passed on only when it fails or `show` asks for it. */
function run([program, ...args], { show = false, env = {} } = {}) {
  const done = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    timeout: STEP_LIMIT_MS,
    maxBuffer: 2 ** 28,
    env: { ...process.env, CI: "1", NO_COLOR: "1", ...env },
    stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
  });
  const good = done.status === 0;
  if (!good && !show) process.stdout.write(`${done.stdout ?? ""}${done.stderr ?? ""}`);
  if (done.error)
    console.log(`${program} ${args.join(" ")}: ${done.error.message} (limit ${STEP_LIMIT_MS} ms)`);
  return good;
}

function check(name, command, options) {
  const good = run(command, options);
  note(name, good ? 1 : 0, good ? 0 : 1);
  return good;
}

/** One vitest project, counted from its JSON report. */
function suite(project) {
  const report = join(SCRATCH, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const good = run([process.execPath, VITEST, "run", "--project", project, ...reporters], {
    show: true,
    env: LONG,
  });
  if (!existsSync(report)) return note(`${project} tests`, 0, 1, " (no report was written)");
  const counts = JSON.parse(readFileSync(report, "utf8"));
  const broken = counts.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((t) => t.status === "failed"),
  );
  for (const file of broken) console.log(`could not run: ${file.name}: ${file.message}`);
  let failed = counts.numFailedTests + broken.length;
  if (failed === 0 && (!good || counts.numPassedTests === 0)) failed = 1;
  const skipped = counts.numPendingTests + counts.numTodoTests;
  return note(
    `${project} tests`,
    counts.numPassedTests,
    failed,
    skipped > 0 ? ` (${skipped} skipped, named above)` : "",
  );
}

/** npm notes in this file what it installed; older than the lock file means stale. */
function installed() {
  const noted = join(ROOT, "node_modules", ".package-lock.json");
  return (
    existsSync(noted) &&
    statSync(noted).mtimeMs >= statSync(join(ROOT, "package-lock.json")).mtimeMs
  );
}

function main() {
  if (!installed() && !check("install", ["npm", "ci", "--no-audit", "--no-fund"])) return;
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
  check("fixtures", [process.execPath, "scripts/verify-fixtures.mjs"]);
  check("API docs", [...bin("typedoc", "bin/typedoc"), "--emit", "none"]);
  const built = check("build", [...bin("typescript", "bin/tsc"), "-p", "tsconfig.build.json"]);
  if (built) check("generated files", [process.execPath, "scripts/generate.mjs", "--check"]);
  suite("unit");
  if (built) check("demo", [process.execPath, "bin/weighbridge.js", "demo"]);
  const python = check("Python environment", [process.execPath, "scripts/python-env.mjs"]);
  const native =
    built &&
    check("native TensorFlow", [process.execPath, "bin/weighbridge.js", "native", "install"]);
  if (python && native) suite("interop");
  else note("interop tests", 0, 1, " (could not run: see above)");
  // Its ratios are shown, not judged: how fast a shared machine is, is no property of the code. That it runs, is.
  if (built && python)
    check("bench, quick form", [process.execPath, "scripts/bench/bench.mjs", "--quick"], {
      show: true,
    });
  if (existsSync("/dev/nvidia0")) suite("cuda");
  else console.log("cuda tests: SKIPPED, this machine has no NVIDIA device (/dev/nvidia0)");
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
