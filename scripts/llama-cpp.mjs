// Compiles llama.cpp, which the interop suite and the benches hold GGUF files against, and prints the folder to put on PYTHONPATH.
//
//   node scripts/llama-cpp.mjs
//
// Ready already: returns at once. The source comes in the package of its Python bindings, whose bytes are pinned
// (requirements-llama-cpp.txt); beside the bindings the folder has llama.cpp's own converter, convert_hf_to_gguf.py, with gguf-py. It is
// kept in a cache outside the tree ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge), one for each kind of processor, since it is
// compiled for the one at hand. Needs the pinned environment of python-env.mjs, cmake and a C++ compiler; takes some minutes on two cores.
// Ends with 0 or 6 (environment).
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, fail, requireLinuxX64, run } from "./cached-package.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const REQUIREMENTS = join(ROOT, "scripts", "requirements-llama-cpp.txt");
const BACKEND = join(ROOT, "scripts", "requirements-llama-cpp-build.txt");
const PYTHON = join(ROOT, ".venv", "bin", "python");
const BINDINGS = "llama_cpp_python-0.3.36";
/** Virtual machines show instructions for tiles that their kernel lets no program use: llama.cpp ends by SIGILL there. */
const NO_TILES = ["tile", "int8", "bf16"].map((part) => `-mno-amx-${part}`).join(" ");
/** Only the library: no tools, no server, no downloads. */
const OPTIONS = [
  "CMAKE_BUILD_TYPE=Release",
  "BUILD_SHARED_LIBS=ON",
  "CMAKE_BUILD_WITH_INSTALL_RPATH=ON",
  "CMAKE_INSTALL_RPATH=$ORIGIN",
  ...["C", "CXX"].map((language) => `CMAKE_${language}_FLAGS=${NO_TILES}`),
  ...["COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP"].map(
    (part) => `LLAMA_BUILD_${part}=OFF`,
  ),
].map((option) => `-D${option}`);

/** The instructions that the compiler is told to use. */
function processor() {
  const flags = /^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  return flags.split(" ").toSorted().join(" ");
}

function pip(command, args, path = "") {
  const common = ["--disable-pip-version-check", "--quiet", "--no-deps", "--require-hashes"];
  run(PYTHON, ["-m", "pip", command, ...common, ...args], undefined, { PYTHONPATH: path });
}

function compile(source, folder) {
  const build = join(source, "build");
  run("cmake", ["-S", join(source, "vendor", "llama.cpp"), "-B", build, ...OPTIONS]);
  const parallel = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());
  const args = ["--build", build, "--target", "llama", "--parallel", parallel];
  run("cmake", args);
  const libraries = join(folder, "llama_cpp", "lib");
  mkdirSync(libraries, { recursive: true });
  for (const name of readdirSync(join(build, "bin")))
    cpSync(join(build, "bin", name), join(libraries, name), { verbatimSymlinks: true });
}

function make(folder) {
  if (!existsSync(PYTHON)) fail("there is no .venv", "Run node scripts/python-env.mjs first.");
  const staging = `${folder}.partial-${process.pid}`;
  const made = join(staging, "made");
  mkdirSync(made, { recursive: true });
  console.error("llama-cpp: fetching");
  const backend = join(staging, "backend");
  pip("install", ["--target", backend, "--requirement", BACKEND]);
  const dest = ["--dest", staging, "--no-build-isolation", "--no-binary", "llama-cpp-python"];
  pip("download", [...dest, "--requirement", REQUIREMENTS], backend);
  run("tar", ["xzf", `${BINDINGS}.tar.gz`], staging);
  for (const wheel of readdirSync(staging).filter((name) => name.endsWith(".whl")))
    run(PYTHON, ["-m", "zipfile", "--extract", join(staging, wheel), made]);
  const unpacked = join(staging, BINDINGS);
  cpSync(join(unpacked, "llama_cpp"), join(made, "llama_cpp"), { recursive: true });
  for (const name of ["convert_hf_to_gguf.py", "conversion", "gguf-py", "LICENSE"])
    cpSync(join(unpacked, "vendor/llama.cpp", name), join(made, name), { recursive: true });
  console.error("llama-cpp: compiling, which takes some minutes");
  compile(unpacked, made);
  rmSync(folder, { recursive: true, force: true });
  renameSync(made, folder);
  rmSync(staging, { recursive: true });
}

requireLinuxX64();
const digest = createHash("sha256")
  .update(readFileSync(REQUIREMENTS))
  .update(OPTIONS.join(" "))
  .update(processor())
  .digest("hex");
const folder = join(cacheFolder(), `llama-cpp-0.3.36-${digest.slice(0, 12)}`);
if (!existsSync(folder)) make(folder);
console.log(folder);
