import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isSystemError, WbError } from "../../../../errors/wb-error.ts";
import type { NativeVariant } from "./pins.ts";

/** The file that is written last, so that a folder that has it is complete. */
export const MARKER = "installed.json";

/** A TensorFlow.js package with a native addon. */
export interface NativePackage {
  /** "own": found where Node resolves packages from, installed by the user. */
  readonly origin: NativeVariant | "own";
  readonly folder: string;
  /** Folder of the package itself. */
  readonly packageFolder: string;
  /** As the marker says; undefined for the user's own, which only loading it tells. */
  readonly tensorflow: string | undefined;
}

/** Where installations are: WEIGHBRIDGE_NATIVE_FOLDER, else in the user's cache folder. */
export function nativeRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment["WEIGHBRIDGE_NATIVE_FOLDER"];
  if (named !== undefined && named !== "") return named;
  const cache = environment["XDG_CACHE_HOME"];
  const root = cache === undefined || cache === "" ? join(homedir(), ".cache") : cache;
  return join(root, "weighbridge", "native");
}

export function variantFolder(variant: NativeVariant): string {
  return join(nativeRoot(), variant);
}

export function packageFolderIn(folder: string): string {
  return join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu");
}

/** Every native package there is: installed ones first, then one of the user's own. */
export async function findNativePackages(): Promise<readonly NativePackage[]> {
  const found: NativePackage[] = [];
  for (const origin of ["cuda", "cpu"] as const) {
    const folder = variantFolder(origin);
    const tensorflow = await readMarker(join(folder, MARKER));
    if (tensorflow !== undefined) {
      found.push({ origin, folder, packageFolder: packageFolderIn(folder), tensorflow });
    }
  }
  const own = ownPackage();
  return own === undefined ? found : [...found, own];
}

/** @returns TensorFlow's version, or undefined when nothing complete is there. */
async function readMarker(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const marker: unknown = JSON.parse(text);
    const version: unknown =
      typeof marker === "object" && marker !== null ? Reflect.get(marker, "tensorflow") : undefined;
    if (typeof version === "string") return version;
  } catch (error) {
    throw new WbError("WB6107", `${path}: expected JSON`, { details: { path }, cause: error });
  }
  throw new WbError("WB6107", `${path}: expected the version of TensorFlow in it`, {
    details: { path },
  });
}

/** A package that the user has installed beside weighbridge or in the working directory. */
function ownPackage(): NativePackage | undefined {
  const bases = [join(process.cwd(), "package.json"), import.meta.url];
  for (const base of bases) {
    for (const name of ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"]) {
      const manifest = resolveOptional(base, `${name}/package.json`);
      if (manifest !== undefined) {
        const packageFolder = dirname(manifest);
        return { origin: "own", folder: packageFolder, packageFolder, tensorflow: undefined };
      }
    }
  }
  return undefined;
}

function resolveOptional(base: string, request: string): string | undefined {
  try {
    return createRequire(base).resolve(request);
  } catch (error) {
    if (
      isSystemError(error) &&
      /MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED/.test(error.code ?? "")
    ) {
      return undefined;
    }
    throw error;
  }
}
