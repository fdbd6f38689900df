import { createHash } from "node:crypto";
import {
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  statfs,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../../../../errors/wb-error.ts";
import { MARKER, nativeRoot, packageFolderIn, variantFolder } from "./location.ts";
import {
  pinsOf,
  TENSORFLOW_VERSION,
  TFJS_NODE_VERSION,
  type NativeVariant,
  type PinnedVariant,
} from "./pins.ts";
import { findPrebuilt, placePrebuilt, type Prebuilt } from "./prebuilt.ts";
import type { ProcessOptions } from "./process.ts";
import {
  checkPython,
  compileAddon,
  fetchPackage,
  fetchWheels,
  findCompiler,
  linkLibraries,
  probePackage,
  RECIPE,
} from "./steps.ts";

/** Which native build is installed, and how. */
export interface InstallNativeOptions {
  readonly variant: NativeVariant;
  /** The interpreter whose pip fetches the wheels; "python3" when left out. */
  readonly python?: string | undefined;
  /** Builds it anew also when it is there. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step as it begins. */
  readonly onStep?: ((done: number, total: number, what: string) => void) | undefined;
  /** Output of npm, pip and the compiler. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/** The native build that is installed now. */
export interface InstalledNative {
  readonly variant: NativeVariant;
  readonly folder: string;
  readonly tensorflow: string;
  readonly tfjsNode: string;
  /** Whether TensorFlow saw a GPU when it was tried. */
  readonly gpu: boolean;
  /** The instruction set that our kernels used when they were tried; null where there are none for this machine. */
  readonly kernels: string | null;
  /** False when a complete installation was there already. */
  readonly changed: boolean;
}

/** What an installation is complete with: these versions, and addons of these sources. */
interface Recipe {
  readonly tensorflow: string;
  readonly tfjsNode: string;
  /** SHA-256 over the sources of our addons. */
  readonly sources: string;
}

interface Step {
  /** Name of the marker of a step that need not be repeated; undefined for cheap ones. */
  readonly marker: string | undefined;
  readonly what: string;
  readonly run: () => Promise<void>;
}

/**
 * Builds @tensorflow/tfjs-node-gpu against a current TensorFlow: the package by npm without its install script, TensorFlow's
 * libraries from its wheel by pip, the addon by the compiler or, where it is installed, from the package that this version's release
 * compiled for the platform. All versions and digests are pinned. It is put together in a
 * folder beside the final one, whose finished steps another run takes over, and renamed when it has been tried.
 * @throws WbError WB6101–WB6107, WB6001.
 */
export async function installNative(options: InstallNativeOptions): Promise<InstalledNative> {
  const { variant, python = "python3", force = false } = options;
  const pins = pinsFor(variant);
  const folder = variantFolder(variant);
  const running: ProcessOptions = { signal: options.signal, onOutput: options.onOutput };
  const recipe = await currentRecipe();
  const present = await readInstalled(folder, variant, recipe);
  if (present?.complete === true && !force) return present.installed;
  await mkdir(nativeRoot(), { recursive: true });
  return withLock(`${folder}.lock`, async () => {
    const partial = `${folder}.partial`;
    if (force) await rm(partial, { recursive: true, force: true });
    // An installation of an older version of ours: what was fetched for it is used again.
    else if (present !== undefined) await moveUnlessThere(folder, partial);
    await mkdir(partial, { recursive: true });
    await checkPython(python, running);
    const prebuilt = await findPrebuilt(recipe);
    const addon =
      prebuilt === undefined ? await compiled(partial, running) : placed(partial, prebuilt);
    await checkDisk(pins);
    const key = pins.wheels.map(({ sha256 }) => sha256).join("\n");
    const steps: readonly Step[] = [
      {
        marker: `package-${TFJS_NODE_VERSION}`,
        what: `@tensorflow/tfjs-node-gpu ${TFJS_NODE_VERSION} by npm`,
        run: () => fetchPackage(partial, running),
      },
      {
        marker: "wheels",
        what: `TensorFlow ${TENSORFLOW_VERSION} by pip`,
        run: () => fetchWheels(partial, pins.wheels, python, running),
      },
      { marker: undefined, what: "libraries", run: () => linkLibraries(partial) },
      addon,
    ];
    await runSteps(partial, key, steps, options);
    const probe = await probePackage(packageFolderIn(partial), running);
    const installed: InstalledNative = {
      variant,
      folder,
      ...probe,
      tfjsNode: TFJS_NODE_VERSION,
      changed: true,
    };
    const { sources } = recipe;
    const marker = JSON.stringify({ ...installed, key, sources }, null, 2);
    await writeFile(join(partial, MARKER), `${marker}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
    return installed;
  });
}

/** @throws WbError WB6103 where no compiler is there. */
async function compiled(folder: string, options: ProcessOptions): Promise<Step> {
  const compiler = await findCompiler(options);
  const run = (): Promise<void> => compileAddon(folder, compiler, options);
  return { marker: undefined, what: `addon by ${compiler}`, run };
}

function placed(folder: string, prebuilt: Prebuilt): Step {
  const run = (): Promise<void> => placePrebuilt(prebuilt, folder);
  return { marker: undefined, what: `addon of ${prebuilt.name}`, run };
}

function pinsFor(variant: NativeVariant): PinnedVariant {
  const platform = `${process.platform}-${process.arch}`;
  const pins = pinsOf(platform, variant);
  if (pins !== undefined) return pins;
  throw new WbError(
    "WB6101",
    `${platform}: no ${variant} build of TensorFlow ${TENSORFLOW_VERSION} is pinned`,
    { details: { platform, variant } },
  );
}

async function runSteps(
  folder: string,
  key: string,
  steps: readonly Step[],
  { onStep, signal }: InstallNativeOptions,
): Promise<void> {
  for (const [index, { marker, what, run }] of steps.entries()) {
    signal?.throwIfAborted();
    onStep?.(index, steps.length, what);
    const path = marker === undefined ? undefined : join(folder, `${marker}.done`);
    if (path !== undefined && (await readOptional(path)) === key) continue;
    await run();
    if (path !== undefined) await writeFile(path, key);
  }
  onStep?.(steps.length, steps.length, "done");
}

async function readInstalled(
  folder: string,
  variant: NativeVariant,
  recipe: Recipe,
): Promise<{ readonly installed: InstalledNative; readonly complete: boolean } | undefined> {
  const text = await readOptional(join(folder, MARKER));
  if (text === undefined) return undefined;
  const marker: unknown = JSON.parse(text);
  if (typeof marker !== "object" || marker === null) return undefined;
  const complete = Object.entries(recipe).every(
    ([name, value]) => Reflect.get(marker, name) === value,
  );
  const gpu = Reflect.get(marker, "gpu") === true;
  const kernels: unknown = Reflect.get(marker, "kernels");
  const { tensorflow, tfjsNode } = recipe;
  return {
    installed: {
      variant,
      folder,
      tensorflow,
      tfjsNode,
      gpu,
      kernels: typeof kernels === "string" ? kernels : null,
      changed: false,
    },
    complete,
  };
}

async function currentRecipe(): Promise<Recipe> {
  const sources = createHash("sha256");
  const names = await readdir(RECIPE, { recursive: true });
  for (const name of names.filter((path) => /\.(cc|h)$/.test(path)).toSorted()) {
    sources.update(`${name}\n`).update(await readFile(join(RECIPE, name)));
  }
  return {
    tensorflow: TENSORFLOW_VERSION,
    tfjsNode: TFJS_NODE_VERSION,
    sources: sources.digest("hex"),
  };
}

async function moveUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isSystemError(error) || !/EEXIST|ENOTEMPTY/.test(error.code ?? "")) throw error;
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function checkDisk({ diskBytes }: PinnedVariant): Promise<void> {
  const { bavail, bsize } = await statfs(nativeRoot());
  const free = bavail * bsize;
  if (free >= diskBytes) return;
  throw new WbError(
    "WB6001",
    `${nativeRoot()}: expected ${diskBytes} bytes of free disk space, found ${free}`,
    {
      details: { path: nativeRoot(), needed: diskBytes, free },
      hint: "Free some space, or set WEIGHBRIDGE_NATIVE_FOLDER to a folder on another disk.",
    },
  );
}

/** Keeps two installations from writing into one folder; a lock whose process is gone is taken over. */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const owner = await readOptional(path);
  if (owner !== undefined && !isRunning(Number(owner))) await unlink(path);
  let handle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") {
      throw new WbError("WB6002", `${path}: another installation is running (process ${owner})`, {
        details: { path },
        hint: "Wait for it to end.",
        cause: error,
      });
    }
    throw error;
  }
  try {
    await handle.writeFile(String(process.pid));
    await handle.close();
    return await work();
  } finally {
    await unlink(path);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === "EPERM";
  }
}

/** Removes installations and what unfinished ones left. @returns the folders that were removed. */
export async function removeNative(): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const variant of ["cpu", "cuda"] as const) {
    for (const folder of [variantFolder(variant), `${variantFolder(variant)}.partial`]) {
      try {
        await statfs(folder);
      } catch (error) {
        if (isSystemError(error) && error.code === "ENOENT") continue;
        throw error;
      }
      await rm(folder, { recursive: true });
      removed.push(folder);
    }
  }
  return removed;
}
