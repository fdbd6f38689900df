// Makes the pinned Python environment `.venv` that the interop suite and the fixture generators use.
//
//   node scripts/python-env.mjs [--python PATH]
//
// Ready already: returns at once. Interrupted: run it again, it goes on. Wheels are kept in a cache outside the tree
// ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge), and downloaded anew where that is missing.
// Ends with 0, 2 (usage) or 6 (environment).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const VENV = join(ROOT, ".venv");
const REQUIREMENTS = join(ROOT, "scripts", "requirements.txt");
const NOTE = join(VENV, "weighbridge-env.json");
const LOCK = join(ROOT, ".scratch", "python-env.lock");
const WINDOWS = process.platform === "win32";
const PYTHON = WINDOWS ? join(VENV, "Scripts", "python.exe") : join(VENV, "bin", "python");
/** The wheels pinned exist for these; newest last, since the first that works is taken. */
const SUPPORTED = ["3.11", "3.12"];
const WAIT_FOR_OTHER_MS = 15 * 60_000;
/** Packages the tests import themselves, by the name they are imported under. */
const IMPORTED = {
  numpy: "numpy",
  torch: "torch",
  paddlepaddle: "paddle",
  safetensors: "safetensors",
  transformers: "transformers",
  sentencepiece: "sentencepiece",
};

function fail(message, hint, code = 6) {
  console.error(`python-env: ${message}\n  ${hint}`);
  process.exit(code);
}

function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(base, "weighbridge", "wheels");
}

/** What `program` says of itself, "3.11.7", or undefined where it cannot be run. */
function pythonVersion(program) {
  const script = "import sys, venv; print('%d.%d.%d' % sys.version_info[:3])";
  const { status, stdout } = spawnSync(program, ["-c", script], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

const supported = (version) => SUPPORTED.some((minor) => version.startsWith(`${minor}.`));

/** The Python to build with: the one asked for, else the first supported one on the path. */
function findPython(asked) {
  if (asked) {
    const version = pythonVersion(asked);
    if (version === undefined)
      fail(`${asked} does not run as Python`, "Give the path of a Python 3.11 or 3.12.");
    if (!supported(version))
      fail(
        `${asked} is Python ${version}, but the pinned packages need ${SUPPORTED.join(" or ")}`,
        "Give another with --python PATH or WEIGHBRIDGE_PYTHON.",
      );
    return { program: asked, version };
  }
  const found = [];
  for (const program of [...SUPPORTED.map((minor) => `python${minor}`), "python3", "python"]) {
    const version = pythonVersion(program);
    if (version === undefined) continue;
    if (supported(version)) return { program, version };
    found.push(`${program} ${version}`);
  }
  return fail(
    `no Python ${SUPPORTED.join(" or ")} found${found.length > 0 ? ` (only ${found.join(", ")})` : ""}`,
    "Install one, or give its path with --python PATH or WEIGHBRIDGE_PYTHON.",
  );
}

function readNote() {
  if (!existsSync(NOTE)) return undefined;
  try {
    return JSON.parse(readFileSync(NOTE, "utf8"));
  } catch {
    return {}; // cut off while it was written: ours, and not ready
  }
}

/** Where the wheels' hashes do not apply (another platform), the same versions without them. */
function requirementsHere(folder) {
  if (process.platform === "linux" && process.arch === "x64") return REQUIREMENTS;
  const text = readFileSync(REQUIREMENTS, "utf8").replaceAll(/ \\\n\s+--hash=\S+/g, "");
  const path = join(folder, "weighbridge-requirements.txt");
  writeFileSync(path, text);
  return path;
}

const pip = (args) =>
  spawnSync(PYTHON, ["-m", "pip", "--disable-pip-version-check", ...args], {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, PYTHONNOUSERSITE: "1" },
  }).status === 0;

function installPackages(requirements) {
  const cache = cacheFolder();
  const local = ["--no-deps", "--no-compile", "--quiet", "--requirement", requirements];
  const fromCache = ["install", "--no-index", "--find-links", cache, ...local];
  try {
    mkdirSync(cache, { recursive: true });
  } catch (cause) {
    console.error(`python-env: no wheel cache (${cause.message}); downloading`);
    return pip(["install", ...local]);
  }
  const complete = join(cache, `.complete-${digest.slice(0, 16)}`);
  if (existsSync(complete) && pip(fromCache)) return true;
  console.error(`python-env: downloading wheels to ${cache} (about 2.7 GB the first time)`);
  const download = ["download", "--no-deps", "--quiet", "--dest", cache, "--find-links", cache];
  if (!pip([...download, "--requirement", requirements])) return pip(["install", ...local]);
  writeFileSync(complete, "");
  return pip(fromCache);
}

/** Imports every package and compares its version with the pin. */
function verifyPackages() {
  const pins = Object.fromEntries(
    [...readFileSync(REQUIREMENTS, "utf8").matchAll(/^([\w-]+)==(\S+)/gm)].map((m) => [m[1], m[2]]),
  );
  const script = `import json, warnings; warnings.simplefilter("ignore")
import ${Object.values(IMPORTED).join(", ")}
assert float(torch.ones(2).sum()) == 2 and float(paddle.ones([2]).sum()) == 2
print(json.dumps({${Object.entries(IMPORTED)
    .map(([name, module]) => `"${name}": ${module}.__version__`)
    .join(", ")}}))`;
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-c", script], {
    encoding: "utf8",
    env: { ...process.env, PYTHONNOUSERSITE: "1" },
  });
  if (status !== 0)
    fail(
      `the packages are installed but do not import:\n${stderr.trim()}`,
      `Delete ${VENV} and run this again.`,
    );
  const versions = JSON.parse(stdout.trim().split("\n").at(-1));
  for (const [name, found] of Object.entries(versions)) {
    if (found.split("+")[0] !== pins[name])
      fail(
        `${name} ${found} was imported, but ${pins[name]} is pinned`,
        `Delete ${VENV} and run this again.`,
      );
  }
  return versions;
}

/** One builder at a time: a second waits for the first, and takes over from one that died. */
async function withLock(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  const since = Date.now();
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (cause) {
      if (cause.code !== "EEXIST") throw cause;
    }
    const owner = Number(readFileSync(LOCK, "utf8"));
    if (owner > 0 && !isRunning(owner)) rmSync(LOCK, { force: true });
    else if (Date.now() - since > WAIT_FOR_OTHER_MS)
      fail(`another run holds ${LOCK}`, "Delete that file when no other run is left.");
    else await new Promise((resolve) => setTimeout(resolve, 500));
  }
  process.on("exit", () => rmSync(LOCK, { force: true }));
  await work();
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause.code === "EPERM";
  }
}

function askedPython(args) {
  if (args.length === 0) return process.env.WEIGHBRIDGE_PYTHON || undefined;
  if (args.length === 2 && args[0] === "--python") return args[1];
  return fail(`cannot read ${args.join(" ")}`, "usage: python-env.mjs [--python PATH]", 2);
}

const digest = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
const isReady = (note, asked) =>
  note?.requirements === digest &&
  existsSync(PYTHON) &&
  (asked === undefined || note.program === asked);

async function main() {
  const asked = askedPython(process.argv.slice(2));
  if (isReady(readNote(), asked)) return;
  await withLock(() => {
    const note = readNote();
    if (isReady(note, asked)) return; // another run finished it meanwhile
    const { program, version } = findPython(asked);
    if (existsSync(VENV) && note === undefined)
      fail(`${VENV} exists, but was not made by this script`, "Move it away and run this again.");
    if (note && note.version !== version) rmSync(VENV, { recursive: true, force: true });
    mkdirSync(VENV, { recursive: true });
    writeFileSync(NOTE, JSON.stringify({ program, version }));
    console.error(`python-env: building .venv with Python ${version}`);
    const made = spawnSync(program, ["-m", "venv", VENV], { stdio: ["ignore", 2, 2] });
    if (made.status !== 0)
      fail(
        `${program} -m venv failed`,
        "On Debian and Ubuntu, install the package python3-venv first.",
      );
    if (!installPackages(requirementsHere(VENV)))
      fail(
        "the packages could not be installed (pip's own message is above)",
        "Check the network and pip's configuration, then run this again; it goes on where it stopped.",
      );
    const versions = verifyPackages();
    writeFileSync(NOTE, JSON.stringify({ program, version, requirements: digest, versions }));
    console.error(
      `python-env: ready, ${Object.entries(versions)
        .map((pair) => pair.join(" "))
        .join(", ")}`,
    );
  });
}

await main();
