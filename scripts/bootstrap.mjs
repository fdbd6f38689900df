// Runs a task of package.json on a fresh clone: installs and builds what is missing or stale, then starts the task.
// Uses nothing but Node and npm.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const TASKS = {
  demo: [["node", "bin/weighbridge.js", "demo"]],
  test: [["node", "node_modules/vitest/vitest.mjs", "run", "--project", "unit"]],
  long: [["node", "node_modules/vitest/vitest.mjs", "run", "--project", "long"]],
  stress: [["node", "node_modules/vitest/vitest.mjs", "run", "--project", "stress"]],
  interop: [
    ["node", "scripts/python-env.mjs"],
    ["node", "node_modules/vitest/vitest.mjs", "run", "--project", "interop"],
  ],
  cuda: [["node", "node_modules/vitest/vitest.mjs", "run", "--project", "cuda"]],
};

/** Runs one program with our streams; ends this process with its exit code when that is not 0. */
function run([program, ...args]) {
  const command = program === "node" ? process.execPath : program;
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell: program === "npm" && process.platform === "win32",
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

/** npm notes in this file what it installed; older than the lock file means stale. */
function installed() {
  const note = join(root, "node_modules", ".package-lock.json");
  return (
    existsSync(note) && statSync(note).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs
  );
}

const [task, ...rest] = process.argv.slice(2);
const commands = TASKS[task];
if (!commands) {
  console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join("|")}`);
  process.exit(2);
}
if (!installed()) run(["npm", "ci", "--no-audit", "--no-fund"]);
run(["node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
const last = commands.at(-1);
for (const command of commands) run(command === last ? [...command, ...rest] : command);
