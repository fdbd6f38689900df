// Runs what a newcomer would run, on each version of Node that is supported: the version, the doctor, the demo on every device,
// and the tests of processes, threads and the native backend.
//
//   node scripts/node-versions.mjs [MAJOR...]
//
// Each Node comes as an npm package whose bytes are pinned, and is kept in a cache outside the tree
// ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge). Needs the build. Linux on x64 only. The last line is
// "N passed, N failed"; ends with 0, 1 (something failed) or 6 (environment).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, requireLinuxX64 } from "./cached-package.mjs";
import { fetchedNode, NODE_PINS } from "./node-package.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
/** What depends on the version of Node: processes, threads, signals, the addon, sockets. */
const TESTS = [
  "test/cli",
  "test/runtime/native.test.ts",
  "test/runtime/wasm-threads.test.ts",
  "test/serve",
];
const LIMIT_MS = 10 * 60_000;

/** Runs on one version. @returns what is wrong, or undefined. */
function wrong(bin, args, quiet) {
  const { status, stdout, stderr, error } = spawnSync(join(bin, "node"), args, {
    cwd: ROOT,
    encoding: "utf8",
    timeout: LIMIT_MS,
    maxBuffer: 2 ** 28,
    env: { ...process.env, NO_COLOR: "1", PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) return `exit ${status ?? error?.message}\n${stdout}${stderr}`;
  // A deprecation or an experimental feature is a warning on stderr, and a user's first impression.
  if (/Warning:/.test(stderr)) return `a warning:\n${stderr}`;
  return quiet && stderr !== "" ? `stderr:\n${stderr}` : undefined;
}

function main(majors) {
  requireLinuxX64();
  if (!existsSync(join(ROOT, "dist"))) fail("nothing is built", "npm run build");
  const chosen = Object.keys(NODE_PINS).filter(
    (version) => majors.length === 0 || majors.includes(version.split(".")[0]),
  );
  if (chosen.length === 0)
    fail(`no version ${majors.join(", ")}`, Object.keys(NODE_PINS).join(", "));
  const counts = { passed: 0, failed: 0 };
  for (const version of chosen) {
    const bin = fetchedNode(version);
    const program = "bin/weighbridge.js";
    const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "unit", ...TESTS];
    const steps = [
      { name: "--version", args: [program, "--version"], quiet: true },
      { name: "doctor", args: [program, "doctor"], quiet: true },
      { name: "demo on wasm", args: [program, "demo", "--device", "wasm"], quiet: false },
      { name: "demo on native", args: [program, "demo", "--device", "cpu"], quiet: false },
      { name: "tests", args: vitest, quiet: false },
    ];
    for (const { name, args, quiet } of steps) {
      const problem = wrong(bin, args, quiet);
      counts[problem === undefined ? "passed" : "failed"]++;
      console.log(`Node ${version}: ${name}: ${problem ?? "ok"}`);
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
