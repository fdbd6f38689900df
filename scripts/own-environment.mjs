// Makes an environment of Python apart from `.venv`, once for each list of its packages, and prints the path of its interpreter.
//
//   node scripts/own-environment.mjs NAME     (.scratch/NAME, of scripts/requirements-NAME.txt; "opencompass", "lm-eval", …)
//
// The interop suite and the benchmark use them. `.venv` must be there: node scripts/python-env.mjs makes it.
// Ends with 0, 2 (usage) or 6 (environment).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const WINDOWS = process.platform === "win32";
const pythonIn = (folder) =>
  join(folder, ...(WINDOWS ? ["Scripts", "python.exe"] : ["bin", "python"]));
const PINNED = pythonIn(join(ROOT, ".venv"));
const PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))";

/** What an environment needs beside the packages of its list. */
const BESIDE = { opencompass: besideOpenCompass };

function fail(message, code) {
  console.error(`own-environment: ${message}`);
  process.exit(code);
}

function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, PYTHONNOUSERSITE: "1" },
  });
  if (status !== 0)
    fail(`${program} ${args.join(" ")} ended with ${error?.message ?? status}:\n${stderr}`, 6);
  return stdout.trim();
}

/** Calls `make` unless the folder was made of the very same list before. */
function once(folder, list, make) {
  const wanted = readFileSync(list, "utf8");
  const note = join(folder, "made-of.txt");
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return;
  mkdirSync(folder, { recursive: true });
  make(["--require-hashes", "--no-deps", "--requirement", list]);
  writeFileSync(note, wanted);
}

/**
 * PyTorch for OpenCompass 0.1.5 is that of `.venv`, read behind the environment's own packages; packages that it imports and that are
 * not used are empty. A later version is in a folder of its own, which on PYTHONPATH stands before 0.1.5.
 */
function besideOpenCompass(python) {
  const lines = [
    join(ROOT, "scripts/opencompass"),
    "import absent_packages",
    run(PINNED, ["-c", PURELIB]),
  ];
  const packages = run(python, ["-c", PURELIB]);
  writeFileSync(join(packages, "weighbridge.pth"), `${lines.join("\n")}\n`);
  const later = join(ROOT, ".scratch/opencompass-later");
  once(later, join(ROOT, "scripts/requirements-opencompass-configs.txt"), (list) =>
    run(python, ["-m", "pip", "install", "--quiet", "--upgrade", ...list, "--target", later]),
  );
}

const [name = ""] = process.argv.slice(2);
const list = join(ROOT, `scripts/requirements-${name}.txt`);
if (name === "" || !existsSync(list)) fail("expected NAME of scripts/requirements-NAME.txt", 2);
if (!existsSync(PINNED)) fail(".venv is missing: run node scripts/python-env.mjs", 6);
const folder = join(ROOT, ".scratch", name);
const python = pythonIn(folder);
once(folder, list, (packages) => {
  run(PINNED, ["-m", "venv", "--clear", folder]);
  run(python, ["-m", "pip", "install", "--quiet", ...packages]);
});
BESIDE[name]?.(python);
console.log(python);
