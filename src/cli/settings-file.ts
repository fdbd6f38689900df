import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, parse, resolve, sep } from "node:path";
import { parseStrictJson, type JsonNode } from "../formats/safetensors/strict-json.ts";
import { isSystemError, WbError } from "../errors/wb-error.ts";

/** The file of settings in the working directory; WEIGHBRIDGE_CONFIG names another. */
export const CONFIG_FILE = "weighbridge.config.json";

/** Largest settings file that is read, in bytes: every option of every command takes less than 8 KiB. */
const MAX_CONFIG_BYTES = 64 * 2 ** 10;

/** Files that make their folder a model's: what frameworks, tokenizers and adapters name theirs. */
const OF_A_MODEL =
  /^(config\.original\.json|generation_config\.json|model_index\.json|adapter_config\.json|params\.json|tokenizer(_config)?\.json|tokenizer\.model|weighbridge\.manifest\.json|.*\.(safetensors|bin|pt|pth|ckpt|pdparams|pdiparams|gguf|ggml|h5|keras|onnx|msgpack|nemo|distcp)(\.index\.json)?)$/i;

/** Recorded logits are kept beside a project's settings, and are no model. */
const NOT_OF_A_MODEL = /^(golden|logits)/i;

/** The keys of a model's config.json; other tools have files of that name. */
const MODEL_CONFIG = /"(model_type|architectures|_class_name)"/;

/** A settings file, found and read, not yet checked. */
export interface SettingsFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The settings file of a command line, or why one that is there is not read. */
export type FoundSettingsFile =
  | { readonly kind: "none" }
  | { readonly kind: "read"; readonly file: SettingsFile }
  | { readonly kind: "not-read"; readonly path: string; readonly why: string };

/**
 * The settings file: the one that WEIGHBRIDGE_CONFIG names, which must exist, or that of the working directory. One that is
 * in or below a model's folder may have come with the model, and is never read: refused where it was named, else left out.
 * @param places Paths that the command line names: a file's folder and a folder are a model's. Asked only where there is a file.
 * @throws WbError WB2002.
 */
export function findSettingsFile(
  environment: Readonly<Record<string, string | undefined>>,
  workingFolder: string,
  places: () => readonly string[],
): FoundSettingsFile {
  const named = environment["WEIGHBRIDGE_CONFIG"];
  const path = resolve(workingFolder, named ?? CONFIG_FILE);
  const real = realPath(path);
  if (real === undefined) {
    if (named === undefined) return { kind: "none" };
    throw new WbError("WB2002", `${path}: WEIGHBRIDGE_CONFIG names it, and there is no such file`, {
      details: { path },
    });
  }
  const models = places().map((place) => resolve(workingFolder, place));
  const why = strangeOrigin([...new Set([path, real])], models);
  if (why === undefined) return { kind: "read", file: { path, values: readSettings(path) } };
  if (named === undefined) return { kind: "not-read", path, why };
  throw new WbError("WB2002", `${path}: ${why}`, {
    details: { path },
    hint: "A settings file in or below a model's folder is never read: keep yours elsewhere.",
  });
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isSystemError(error) && ["ENOENT", "ENOTDIR"].includes(error.code ?? "")) return undefined;
    throw new WbError("WB2002", `${path}: cannot be read`, {
      details: { path },
      cause: error,
    });
  }
}

/** Why a file may have come with a model: it is in or below a folder that is one. */
function strangeOrigin(paths: readonly string[], places: readonly string[]): string | undefined {
  const models = places.flatMap(modelFolder);
  for (const path of paths) {
    const folder = dirname(path);
    const model = models.find((candidate) => isWithin(folder, candidate));
    if (model !== undefined) return `it is in ${model}, which the command line names`;
    for (const above of foldersUpFrom(folder)) {
      const mark = markOfModel(above);
      if (mark !== undefined) return `it is in the folder of a model: ${join(above, mark)}`;
    }
  }
  return undefined;
}

/** The folder that a path on the command line means, by its real name; none for what is not there. */
function modelFolder(place: string): readonly string[] {
  const real = realPath(place);
  if (real === undefined) return [];
  return [isFolder(real) ? real : dirname(real)];
}

function isFolder(path: string): boolean {
  return namesIn(path) !== undefined;
}

function isWithin(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`);
}

/** A folder and those above it; home and temporary folders collect files of all kinds and are no model's. */
function* foldersUpFrom(folder: string): Generator<string> {
  const ends = new Set(
    [homedir(), tmpdir(), parse(folder).root].map((end) => realPath(end) ?? end),
  );
  for (let at = folder; !ends.has(at); at = dirname(at)) yield at;
}

/** The file that shows a folder to be a model's. */
function markOfModel(folder: string): string | undefined {
  const names = namesIn(folder) ?? [];
  const mark = names.find((name) => OF_A_MODEL.test(name) && !NOT_OF_A_MODEL.test(name));
  if (mark !== undefined) return mark;
  if (!names.includes("config.json")) return undefined;
  return isModelConfig(join(folder, "config.json")) ? "config.json" : undefined;
}

/** A config.json that cannot be read is trusted as little as a model's. */
function isModelConfig(path: string): boolean {
  try {
    return MODEL_CONFIG.test(new TextDecoder().decode(readStart(path)));
  } catch (error) {
    if (error instanceof WbError) return true;
    throw error;
  }
}

function namesIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** @throws WbError WB2002 where it is no plain file, too large, or no JSON object without a key twice. */
function readSettings(path: string): Readonly<Record<string, unknown>> {
  const bytes = readStart(path);
  if (bytes === undefined)
    throw new WbError("WB2002", `${path}: expected a plain file`, { details: { path } });
  if (bytes.byteLength > MAX_CONFIG_BYTES) {
    throw new WbError("WB2002", `${path}: larger than ${MAX_CONFIG_BYTES} bytes`, {
      details: { path },
    });
  }
  const node = parseStrictJson(bytes, { label: path, code: "WB2002", tooManyCode: "WB2002" });
  if (node.kind !== "object")
    throw new WbError("WB2002", `${path}: expected a JSON object`, { details: { path } });
  return plainObject(node);
}

/**
 * A plain file's bytes, one more than the limit at most; undefined for a folder, a pipe or a device, which are told before
 * anything is read.
 */
function readStart(path: string): Uint8Array | undefined {
  let file: number;
  try {
    // Without O_NONBLOCK a pipe would be waited for here.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new WbError("WB2002", `${path}: cannot be read`, {
      details: { path },
      cause: error,
    });
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return undefined;
    const bytes = new Uint8Array(Math.min(stats.size, MAX_CONFIG_BYTES + 1));
    // One small file at start-up: to wait for it in a thread takes longer than to read it.
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.byteLength, 0));
  } finally {
    closeSync(file);
  }
}

function plainObject(
  node: Extract<JsonNode, { kind: "object" }>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...node.members].map(([key, value]) => [key, plain(value)]));
}

function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object":
      return plainObject(node);
    case "array":
      return node.items.map(plain);
    case "number":
      return Number(node.text);
    case "string":
    case "boolean":
      return node.value;
    case "null":
      return null;
    default:
      return node satisfies never;
  }
}
