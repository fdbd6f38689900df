import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { packageFolderIn } from "./native-location.ts";
import { WHEEL_PYTHON, wheelPlatforms, type PinnedWheel } from "./native-pins.ts";
import { lastLines, runProcess, type ProcessOptions } from "./native-process.ts";

/** The folder of this package that holds the pinned lock file and the helper's source. */
const RECIPE = join(import.meta.dirname, "../../native");

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
  throw new WbError("WB6102", `${python} -m pip: ${startFailure ?? lastLines(output, 3)}`);
}

/** The first C++ compiler that runs: CXX, c++, g++, clang++. @throws WbError WB6103. */
export async function findCompiler(options: ProcessOptions): Promise<string> {
  const named = process.env["CXX"];
  const candidates = named === undefined || named === "" ? ["c++", "g++", "clang++"] : [named];
  for (const candidate of candidates) {
    const { code } = await runProcess(candidate, ["--version"], options);
    if (code === 0) return candidate;
  }
  throw new WbError("WB6103", `no C++ compiler among ${candidates.join(", ")}`);
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
  throw new WbError("WB6104", `${python} -m pip install: ${lastLines(output, SHOWN_LINES)}`);
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

/** Compiles the package's addon, and the helper beside it. @throws WbError WB6106. */
export async function compileAddon(
  folder: string,
  compiler: string,
  options: ProcessOptions,
): Promise<void> {
  const packageFolder = packageFolderIn(folder);
  const target = join(packageFolder, "lib", "napi-v8");
  await mkdir(target, { recursive: true });
  const common = [
    "-shared",
    "-fPIC",
    "-O2",
    "-std=c++17",
    "-w",
    "-DNAPI_VERSION=8",
    "-DNODE_GYP_MODULE_NAME=tfjs_binding",
    "-DBUILDING_NODE_EXTENSION",
    `-I${join(folder, "node_modules", "node-api-headers", "include")}`,
  ];
  const binding = [
    `-I${join(packageFolder, "deps", "include")}`,
    `-I${join(packageFolder, "..")}`,
    join(packageFolder, "binding", "tfjs_backend.cc"),
    join(packageFolder, "binding", "tfjs_binding.cc"),
    "-o",
    join(target, "tfjs_binding.node"),
    `-L${join(packageFolder, "deps", "lib")}`,
    "-Wl,-rpath,$ORIGIN/../../deps/lib",
    "-l:libtensorflow_cc.so.2",
    "-l:libtensorflow_framework.so.2",
  ];
  const quiet = [join(RECIPE, "quiet.cc"), "-o", join(packageFolder, "lib", "quiet.node")];
  for (const args of [binding, quiet]) {
    const { code, output } = await runProcess(compiler, [...common, ...args], options);
    if (code !== 0) {
      throw new WbError("WB6106", `${compiler}: ${lastLines(output, SHOWN_LINES)}`);
    }
  }
}

/** What a fresh process of Node says of the installed package. */
const PROBE = `
const tf = require(process.argv[1]);
const { binding } = tf.backend();
const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()[0];
console.log("PROBE " + JSON.stringify({ product, version: binding.TF_Version, gpu: binding.isUsingGpuDevice() }));
`;

/**
 * Loads the package in a process of its own and multiplies once.
 * @returns TensorFlow's version and whether it sees a GPU.
 * @throws WbError WB6107.
 */
export async function probePackage(
  packageFolder: string,
  options: ProcessOptions,
): Promise<{ readonly tensorflow: string; readonly gpu: boolean }> {
  const { output } = await runProcess(process.execPath, ["-e", PROBE, packageFolder], {
    ...options,
    environment: { TF_CPP_MIN_LOG_LEVEL: "2" },
  });
  const text = /^PROBE (.*)$/m.exec(output)?.[1];
  const report: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof report === "object" && report !== null && Reflect.get(report, "product") === 11) {
    const version: unknown = Reflect.get(report, "version");
    const gpu: unknown = Reflect.get(report, "gpu");
    if (typeof version === "string") return { tensorflow: version, gpu: gpu === true };
  }
  throw new WbError("WB6107", `${packageFolder}: ${lastLines(output, SHOWN_LINES)}`);
}
