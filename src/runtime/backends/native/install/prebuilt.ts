import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isSystemError, WbError } from "../../../../errors/wb-error.ts";
import { packageFolderIn } from "./location.ts";

/** What an addon must be made of to stand for one that is compiled here. */
interface AddonRecipe {
  readonly tensorflow: string;
  readonly tfjsNode: string;
  /** SHA-256 over the sources of our addons. */
  readonly sources: string;
}

/** The description in the package beside the compiled addons; scripts/prebuild.mjs writes it. */
interface Description extends AddonRecipe {
  readonly platform: string;
  /** SHA-256 of each file, by its path below the folder of the TensorFlow.js package. */
  readonly files: Readonly<Record<string, string>>;
}

/** Addons that were compiled elsewhere, by the release of this version, for machines without a compiler. */
export interface Prebuilt {
  /** The package's name, as notes show it. */
  readonly name: string;
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The package of compiled addons for this platform, where it is installed beside this one and was made of the same sources for the same
 * TensorFlow; undefined where there is none such, and the addons are compiled.
 * @param from The file from whose place packages are looked for. @throws WbError WB6107 where its description is damaged.
 */
export async function findPrebuilt(
  recipe: AddonRecipe,
  from: string = import.meta.url,
): Promise<Prebuilt | undefined> {
  const platform = `${process.platform}-${process.arch}`;
  const name = `weighbridge-native-${platform}`;
  const path = resolved(`${name}/prebuilt.json`, from);
  if (path === undefined) return undefined;
  const described = descriptionIn(await readFile(path, "utf8"), path);
  const fits =
    described.platform === platform &&
    described.tensorflow === recipe.tensorflow &&
    described.tfjsNode === recipe.tfjsNode &&
    described.sources === recipe.sources;
  return fits ? { name, folder: dirname(path), files: described.files } : undefined;
}

/** Copies the addons to where the compiler would have put them. @throws WbError WB6107 when a file is not the one that was described. */
export async function placePrebuilt(prebuilt: Prebuilt, folder: string): Promise<void> {
  for (const [name, sha256] of Object.entries(prebuilt.files)) {
    const from = join(prebuilt.folder, name);
    const found = await digestOf(from);
    if (found !== sha256) throw damaged(from, `expected SHA-256 ${sha256}, found ${found}`);
    const to = join(packageFolderIn(folder), name);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
  }
}

async function digestOf(path: string): Promise<string> {
  try {
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return "no such file";
    throw error;
  }
}

function resolved(request: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(request);
  } catch {
    return undefined;
  }
}

function descriptionIn(text: string, path: string): Description {
  const value = parsed(text);
  if (!isDescription(value)) throw damaged(path, "expected what the release writes");
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A place below lib/ of the package, and nothing that leads out of it. */
const PLACE = /^lib\/(?:[\w-]+\/)*[\w.-]+\.node$/;

function isDescription(value: unknown): value is Description {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["platform", "tensorflow", "tfjsNode", "sources"];
  if (!texts.every((name) => typeof Reflect.get(value, name) === "string")) return false;
  const files: unknown = Reflect.get(value, "files");
  if (typeof files !== "object" || files === null) return false;
  const rows = Object.entries(files);
  return (
    rows.length > 0 &&
    rows.every(([name, sha256]) => PLACE.test(name) && /^[\da-f]{64}$/.test(String(sha256)))
  );
}

function damaged(path: string, what: string): WbError {
  return new WbError("WB6107", `${path}: ${what}`, {
    details: { path },
    hint: "Install that package again, or remove it: the addons are compiled then.",
  });
}
