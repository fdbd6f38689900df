import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../../../errors/wb-error.ts";
import { packageFolderIn } from "./location.ts";
import { WHEEL_PYTHON, wheelPlatforms, type PinnedWheel } from "./pins.ts";
import { lastLines, runProcess, type ProcessOptions } from "./process.ts";

/** The folder of this package that holds the pinned lock file and the sources of our addons. */
export const RECIPE = join(import.meta.dirname, "../../../../../native");

/** Lines of another program's output that a message shows. */
const SHOWN_LINES = 12;

/** TensorFlow.js and its dependencies by the pinned lock file; no package's script is run. */
export async function fetchPackage(folder: string, options: ProcessOptions): Promise<void> {
  for (const name of ["package.json", "package-lock.json"]) {
    await copyFile(join(RECIPE, name), join(folder, name));
  }
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output, startFailure } = await runProcess("npm", args, { ...options, cwd: folder });
  if (code === 0) return;
  throw new WbError(
    "WB6105",
    `npm ${args.join(" ")}: ${startFailure ?? lastLines(output, SHOWN_LINES)}`,
    { details: { command: `npm ${args.join(" ")}` } },
  );
}

/** Refuses an interpreter that is not there or has no pip. @throws WbError WB6102. */
export async function checkPython(python: string, options: ProcessOptions): Promise<void> {
  const { code, output, startFailure } = await runProcess(
    python,
    ["-m", "pip", "--version"],
    options,
  );
  if (code === 0) return;
  throw new WbError("WB6102", `${python} -m pip: ${startFailure ?? lastLines(output, 3)}`, {
    details: { python },
  });
}

/** The first C++ compiler that runs: CXX, c++, g++, clang++. @throws WbError WB6103. */
export async function findCompiler(options: ProcessOptions): Promise<string> {
  const named = process.env["CXX"];
  const candidates = named === undefined || named === "" ? ["c++", "g++", "clang++"] : [named];
  for (const candidate of candidates) {
    const { code } = await runProcess(candidate, ["--version"], options);
    if (code === 0) return candidate;
  }
  throw new WbError("WB6103", `no C++ compiler among ${candidates.join(", ")}`, {
    details: { candidates },
  });
}

/**
 * Unpacks the pinned wheels into `folder`/site by pip, which checks their sha256 and runs nothing of theirs.
 * @throws WbError WB6104.
 */
export async function fetchWheels(
  folder: string,
  wheels: readonly PinnedWheel[],
  python: string,
  options: ProcessOptions,
): Promise<void> {
  const site = join(folder, "site");
  await rm(site, { recursive: true, force: true });
  const requirements = join(folder, "requirements.txt");
  const lines = wheels.map(
    ({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`,
  );
  await writeFile(requirements, lines.join(""));
  const args = [
    "-m",
    "pip",
    "install",
    "--no-deps",
    "--no-compile",
    "--no-input",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--implementation",
    "cp",
    "--python-version",
    WHEEL_PYTHON,
    ...wheelPlatforms(process.arch).flatMap((platform) => ["--platform", platform]),
    "--target",
    site,
    "--requirement",
    requirements,
  ];
  const { code, output } = await runProcess(python, args, options);
  if (code === 0) return;
  throw new WbError("WB6104", `${python} -m pip install: ${lastLines(output, SHOWN_LINES)}`, {
    details: { python },
  });
}

/**
 * Lays TensorFlow out as the package's deps/, as links to whole folders: the libraries look for NVIDIA's beside the folder that
 * they were opened from.
 */
export async function linkLibraries(folder: string): Promise<void> {
  const deps = join(packageFolderIn(folder), "deps");
  await rm(deps, { recursive: true, force: true });
  await mkdir(deps);
  const tensorflow = "../../../../site/tensorflow";
  await symlink(tensorflow, join(deps, "lib"));
  await symlink(`${tensorflow}/include`, join(deps, "include"));
}

/** Compiles the package's addon, and ours beside it. @throws WbError WB6106. */
export async function compileAddon(
  folder: string,
  compiler: string,
  options: ProcessOptions,
): Promise<void> {
  const packageFolder = packageFolderIn(folder);
  await mkdir(join(packageFolder, "lib", "napi-v8"), { recursive: true });
  await mkdir(join(folder, "objects"), { recursive: true });
  const commands = [
    bindingCommand(folder),
    quietCommand(folder),
    ...(process.arch === "x64" ? kernelCommands(folder) : []),
  ];
  for (const args of commands) {
    const { code, output } = await runProcess(compiler, args, options);
    if (code !== 0) {
      throw new WbError("WB6106", `${compiler}: ${lastLines(output, SHOWN_LINES)}`, {
        details: { compiler },
      });
    }
  }
  await rm(join(folder, "objects"), { recursive: true });
}

function addonFlags(folder: string): readonly string[] {
  return [
    "-shared",
    "-fPIC",
    "-O2",
    "-std=c++17",
    "-w",
    "-DNAPI_VERSION=8",
    "-DBUILDING_NODE_EXTENSION",
    `-I${join(folder, "node_modules", "node-api-headers", "include")}`,
  ];
}

function bindingCommand(folder: string): readonly string[] {
  const packageFolder = packageFolderIn(folder);
  return [
    ...addonFlags(folder),
    "-DNODE_GYP_MODULE_NAME=tfjs_binding",
    `-I${join(packageFolder, "deps", "include")}`,
    `-I${join(packageFolder, "..")}`,
    join(packageFolder, "binding", "tfjs_backend.cc"),
    join(packageFolder, "binding", "tfjs_binding.cc"),
    "-o",
    join(packageFolder, "lib", "napi-v8", "tfjs_binding.node"),
    `-L${join(packageFolder, "deps", "lib")}`,
    "-Wl,-rpath,$ORIGIN/../../deps/lib",
    "-l:libtensorflow_cc.so.2",
    "-l:libtensorflow_framework.so.2",
  ];
}

function quietCommand(folder: string): readonly string[] {
  const target = join(packageFolderIn(folder), "lib", "quiet.node");
  return [...addonFlags(folder), join(RECIPE, "quiet.cc"), "-o", target];
}

/** Instruction sets that native/kernels/variant.cc is compiled for, and their flags. */
const AVX2 = ["-mavx2", "-mfma", "-mf16c"];
const AVX512 = [...AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"];
const VARIANTS: readonly (readonly [string, readonly string[]])[] = [
  ["avx2", AVX2],
  ["avx512", AVX512],
  ["avx512_bf16", [...AVX512, "-mavx512bf16", "-mavx512vnni"]],
];

function kernelCommands(folder: string): readonly (readonly string[])[] {
  const packageFolder = packageFolderIn(folder);
  const source = join(RECIPE, "kernels");
  const object = (name: string): string => join(folder, "objects", `${name}.o`);
  const compile = ["-c", "-fPIC", "-O3", "-std=c++17", "-w"];
  const variants = VARIANTS.map(([name, flags]) => [
    ...compile,
    ...flags,
    `-DTARGET=${name}`,
    join(source, "variant.cc"),
    "-o",
    object(name),
  ]);
  const threads = [...compile, join(source, "threads.cc"), "-o", object("threads")];
  const link = [
    ...addonFlags(folder),
    `-I${join(packageFolder, "deps", "include")}`,
    join(source, "operations.cc"),
    ...VARIANTS.map(([name]) => object(name)),
    object("threads"),
    "-o",
    join(packageFolder, "lib", "kernels.node"),
    `-L${join(packageFolder, "deps", "lib")}`,
    "-Wl,-rpath,$ORIGIN/../deps/lib",
    "-l:libtensorflow_framework.so.2",
    "-pthread",
  ];
  return [...variants, threads, link];
}

/** What a package says of itself once it is loaded. */
export interface NativeProbe {
  readonly tensorflow: string;
  /** Whether TensorFlow sees one. */
  readonly gpu: boolean;
  /** The instruction set that our kernels use on the CPU; null where there are none for this machine. */
  readonly kernels: string | null;
}

/**
 * What a fresh process of Node says of the installed package. It multiplies through the binding, as the product does: the
 * package's own operations call functions of `node:util` that Node 23 removed.
 */
const PROBE = `
const tf = require(process.argv[1]);
const { binding } = tf.backend();
const path = require("node:path").join(process.argv[1], "lib", "kernels.node");
const addon = require("node:fs").existsSync(path) ? require(path) : undefined;
const kernels = addon?.instructionSets()[0] ?? null;
if (kernels !== null) addon.start(kernels, 1);
const left = binding.createTensor([1, 2], binding.TF_FLOAT, new Float32Array([1, 2]));
const right = binding.createTensor([2, 1], binding.TF_FLOAT, new Float32Array([3, 4]));
const no = (name) => ({ name, type: binding.TF_ATTR_BOOL, value: false });
const type = { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
const [{ id }] = binding.executeOp("MatMul", [no("transpose_a"), no("transpose_b"), type], [left, right], 1);
const product = binding.tensorDataSync(id)[0];
console.log("PROBE " + JSON.stringify({ product, version: binding.TF_Version, gpu: binding.isUsingGpuDevice(), kernels }));
`;

/**
 * Loads the package in a process of its own and multiplies once.
 * @throws WbError WB6107.
 */
export async function probePackage(
  packageFolder: string,
  options: ProcessOptions,
): Promise<NativeProbe> {
  const { output } = await runProcess(process.execPath, ["-e", PROBE, packageFolder], {
    ...options,
    environment: { TF_CPP_MIN_LOG_LEVEL: "2" },
  });
  const text = /^PROBE (.*)$/m.exec(output)?.[1];
  const report: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof report === "object" && report !== null && Reflect.get(report, "product") === 11) {
    const version: unknown = Reflect.get(report, "version");
    const gpu: unknown = Reflect.get(report, "gpu");
    const kernels: unknown = Reflect.get(report, "kernels");
    if (typeof version === "string") {
      const instructionSet = typeof kernels === "string" ? kernels : null;
      return { tensorflow: version, gpu: gpu === true, kernels: instructionSet };
    }
  }
  throw new WbError("WB6107", `${packageFolder}: ${lastLines(output, SHOWN_LINES)}`, {
    details: { path: packageFolder },
  });
}
