// Packs what the CUDA suite needs on a machine that has an NVIDIA driver and Python, and no network: pieces of at most 60 MiB.
//
//   node scripts/gpu/pack.mjs FOLDER [--generation 90] [--preset 0]
//
// FOLDER gets the pieces, pieces.json with their SHA-256, and run.py, which puts them together there and runs the suite:
//
//   python3 run.py PIECES WORK RESULT.json [--dry-run]
//
// In the pieces are Node, this checkout's source, tests and fixtures, the packages that they load, and TensorFlow with NVIDIA's
// libraries as `weighbridge native install --cuda` installed them. Libraries that TensorFlow opens and weighbridge never calls are
// stand-ins that name themselves when they are called. Code for generations of GPU other than the one named (90: Hopper) is cleared.
// The libraries are compressed once, by xz with the preset, which takes minutes, and kept in the cache outside the tree.
// Needs `npm run build` before, 12 GB of disk, nm, a C compiler, tar and xz. Ends with 0, 2 or 6.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheFolder, fail, requireLinuxX64, run } from "../cached-package.mjs";
import { fetchedNode } from "../node-package.mjs";
import { clearOtherGenerations } from "./fatbin.mjs";
import { foldersOf } from "./packages.mjs";
import { makeStandIn } from "./stand-in.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const NODE = "24.22.3";
const PIECE_BYTES = 60 * 2 ** 20;
/** Tracked files that the suite reads. */
const TRACKED = [
  "src",
  "test",
  "fixtures",
  "native",
  "scripts",
  "tasks",
  "package.json",
  "package-lock.json",
  "vitest.config.ts",
  "tsconfig.json",
  "bin",
];
/** Below the installation's site: what weighbridge calls. */
const LIBRARIES = [
  "tensorflow/libtensorflow_cc.so.2",
  "tensorflow/libtensorflow_framework.so.2",
  "nvidia/cublas/lib/libcublas.so.12",
  "nvidia/cublas/lib/libcublasLt.so.12",
  "nvidia/cuda_runtime/lib/libcudart.so.12",
  "nvidia/cudnn/lib/libcudnn.so.9",
  "nvidia/cudnn/lib/libcudnn_graph.so.9",
  "nvidia/cudnn/lib/libcudnn_ops.so.9",
];
/** What TensorFlow opens before it takes a GPU, and calls for transforms, sparse and random arrays, factorisations, several GPUs, profiles. */
const OPENED = [
  "nvidia/cufft/lib/libcufft.so.11",
  "nvidia/curand/lib/libcurand.so.10",
  "nvidia/cusolver/lib/libcusolver.so.11",
  "nvidia/cusparse/lib/libcusparse.so.12",
  "nvidia/nccl/lib/libnccl.so.2",
  "nvidia/cuda_cupti/lib/libcupti.so.12",
  "nvidia/nvjitlink/lib/libnvJitLink.so.12",
];

/** In the packages of the binding: maps, types, builds for browsers and phones. */
const BESIDE_CODE = /\.map$|\.d\.ts$|_test\.js$|\.min\.js$|\.es2017\.js$|\/miniprogram(?:\/|$)/;

function nativeFolder() {
  const root = process.env.WEIGHBRIDGE_NATIVE_FOLDER || join(cacheFolder(), "native");
  // Nothing to do where it is there, of this version and complete.
  run(process.execPath, ["bin/weighbridge.js", "native", "install", "--cuda"], ROOT);
  return join(root, "cuda");
}

/** The checkout as tracked, its build and the packages that the suite loads. */
function putProject(staging) {
  const project = join(staging, "project");
  mkdirSync(project);
  const listed = run("git", ["ls-files", "-z", ...TRACKED], ROOT);
  for (const name of listed.split("\0").filter((path) => path !== "")) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    copyFileSync(join(ROOT, name), join(project, name));
  }
  const copy = (name) =>
    cpSync(join(ROOT, name), join(project, name), { recursive: true, verbatimSymlinks: true });
  if (!existsSync(join(ROOT, "dist"))) fail("nothing is built", "npm run build");
  copy("dist");
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const needed = Object.keys(packages[""].dependencies);
  for (const folder of foldersOf(packages, [...needed, "vitest", "fast-check"]))
    if (existsSync(join(ROOT, folder))) copy(folder);
}

function putLibraries(staging, installed, generation) {
  const site = join(staging, "native", "cuda", "site");
  const place = (name) => {
    const target = join(site, name);
    mkdirSync(dirname(target), { recursive: true });
    return target;
  };
  for (const name of LIBRARIES) {
    const bytes = readFileSync(join(installed, "site", name));
    const { found, cleared } = clearOtherGenerations(bytes, generation);
    writeFileSync(place(name), bytes);
    const all = (bytes.length / 2 ** 20).toFixed(0);
    const less = (cleared / 2 ** 20).toFixed(0);
    console.error(`pack: ${name}: ${all} MiB, ${less} of them cleared in ${found} fat binaries`);
  }
  for (const name of OPENED) rmSync(makeStandIn(join(installed, "site", name), place(name)));
}

/** The addons and the packages that they come with. */
function putBinding(staging, installed) {
  mkdirSync(join(staging, "native/cuda"), { recursive: true });
  cpSync(join(installed, "node_modules"), join(staging, "native/cuda/node_modules"), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !BESIDE_CODE.test(path),
  });
  copyFileSync(join(installed, "installed.json"), join(staging, "native/cuda/installed.json"));
}

/** Packs a folder's content. Compressing takes minutes, so that a failure leaves nothing under the archive's name. */
function compress(folder, archive, preset) {
  console.error(`pack: compressing ${archive}`);
  const script = 'set -o pipefail; tar -C "$0" -cf - . | xz -T0 "$2" > "$1"';
  const partial = `${archive}.partial-${process.pid}`;
  const { status } = spawnSync("bash", ["-c", script, folder, partial, `-${preset}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) fail("tar or xz failed", "Is there room, and are both installed?");
  renameSync(partial, archive);
}

/** Cuts an archive into pieces. @returns their names, sizes and digests. */
function split(archive, folder, title) {
  const pieces = [];
  const source = openSync(archive, "r");
  const buffer = Buffer.alloc(PIECE_BYTES);
  for (let length; (length = readSync(source, buffer, 0, PIECE_BYTES, null)) > 0;) {
    const bytes = buffer.subarray(0, length);
    const name = `${title}-${String(pieces.length).padStart(2, "0")}`;
    writeFileSync(join(folder, name), bytes);
    pieces.push({ name, bytes: length, sha256: createHash("sha256").update(bytes).digest("hex") });
  }
  closeSync(source);
  return { name: title, pieces };
}

/** TensorFlow's and NVIDIA's libraries, kept in the cache: they change with the pins alone, and take longest to compress. */
function librariesArchive(installed, { generation, preset }) {
  const { key } = JSON.parse(readFileSync(join(installed, "installed.json"), "utf8"));
  const lists = [key, ...LIBRARIES, ...OPENED, String(generation), String(preset)].join("\n");
  const digest = createHash("sha256").update(lists).digest("hex").slice(0, 12);
  const cache = join(cacheFolder(), "gpu");
  const archive = join(cache, `libraries-${digest}.tar.xz`);
  if (existsSync(archive)) return archive;
  mkdirSync(cache, { recursive: true });
  staged((staging) => {
    putLibraries(staging, installed, generation);
    compress(staging, archive, preset);
  });
  return archive;
}

/** Node, the checkout, and the binding. */
function projectArchive(installed, folder, { preset }) {
  const archive = join(folder, "project.tar.xz");
  staged((staging) => {
    const bin = join(staging, "node", "bin");
    mkdirSync(bin, { recursive: true });
    copyFileSync(join(fetchedNode(NODE), "node"), join(bin, "node"));
    putProject(staging);
    putBinding(staging, installed);
    compress(staging, archive, preset);
  });
  return archive;
}

function staged(work) {
  const staging = mkdtempSync(join(tmpdir(), "weighbridge-gpu-"));
  try {
    work(staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        generation: { type: "string", default: "90" },
        preset: { type: "string", default: "0" },
      },
    });
    const [generation, preset] = [Number(values.generation), Number(values.preset)];
    const isPreset = Number.isInteger(preset) && preset >= 0 && preset <= 9;
    if (positionals.length === 1 && Number.isInteger(generation) && generation >= 50 && isPreset)
      return { folder: positionals[0], generation, preset };
  } catch {
    // said below
  }
  console.error("usage: node scripts/gpu/pack.mjs FOLDER [--generation 90] [--preset 0]");
  return process.exit(2);
}

const chosen = options();
const { folder, generation } = chosen;
requireLinuxX64();
const installed = nativeFolder();
mkdirSync(folder, { recursive: true });
const libraries = split(librariesArchive(installed, chosen), folder, "libraries");
const own = projectArchive(installed, folder, chosen);
const project = split(own, folder, "project");
rmSync(own);
const archives = [libraries, project];
const revision = run("git", ["rev-parse", "HEAD"], ROOT);
writeFileSync(
  join(folder, "pieces.json"),
  `${JSON.stringify({ revision, generation, node: NODE, archives }, null, 2)}\n`,
);
copyFileSync(join(ROOT, "scripts/gpu/run.py"), join(folder, "run.py"));
const sizes = archives.flatMap(({ pieces }) => pieces.map(({ bytes }) => bytes));
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
console.log(
  `${sizes.length} pieces of at most ${mib(Math.max(...sizes))}, ${mib(total)} in all, in ${folder}`,
);
