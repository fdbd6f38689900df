import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openCheckpoint, type OpenedCheckpoint } from "../checkpoint/open.ts";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { parseModelConfig, type ModelConfig } from "../mapping/model-config.ts";

/** Largest config.json we read, in bytes; real ones have about 1 kB. */
const MAX_CONFIG_BYTES = 4 * 2 ** 20;

export interface OpenModelOptions {
  /** "none" ignores config.json and takes tensors as they lie; a family's name is checked against config.json. */
  readonly architecture?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The configuration beside a file or in a folder of weights. */
export interface FoundConfig {
  /** The folder that config.json and the tokenizer belong in. */
  readonly folder: string;
  /** As written; undefined when there is none or it is not wanted. */
  readonly configText: string | undefined;
  readonly configPath: string;
  /** Undefined for architecture "none", which is the default where there is no config.json. */
  readonly config: ModelConfig | undefined;
}

/** A checkpoint with the configuration beside it. */
export interface OpenedModel extends OpenedCheckpoint, FoundConfig {}

/**
 * Opens weights and the config.json beside them; reads headers only.
 * @param path A file of weights, an index, or a folder.
 * @throws WbError of the readers, WB3701, WB3705, WB4701, WB4702, WB2702.
 */
export async function openModel(
  path: string,
  options: OpenModelOptions = {},
): Promise<OpenedModel> {
  const opened = await openCheckpoint(path, { signal: options.signal });
  try {
    const found = await readConfig(path, options.architecture);
    const notes = [...opened.notes];
    if (found.config === undefined && options.architecture === undefined) {
      notes.push(
        `no config.json in ${found.folder}: tensors are taken as they lie (--architecture none)`,
      );
    }
    return { ...opened, notes, ...found };
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
}

/**
 * Reads the config.json that belongs to weights.
 * @param architecture As in `OpenModelOptions`.
 * @throws WbError WB3701, WB3705, WB4701, WB4702, WB2702.
 */
export async function readConfig(
  path: string,
  architecture: string | undefined,
): Promise<FoundConfig> {
  const folder = await folderOf(path);
  const configPath = join(folder, "config.json");
  const configText = architecture === "none" ? undefined : await readOptional(configPath);
  const config = configText === undefined ? undefined : parseModelConfig(configText, configPath);
  checkArchitecture(architecture, config, configPath);
  return { folder, configPath, configText, config };
}

/** The configuration, for what cannot do without. @throws WbError WB3705. */
export function requireConfig(model: OpenedModel): ModelConfig {
  if (model.config !== undefined) return model.config;
  throw new WbError(
    "WB3705",
    `${model.configPath}: no such file, and the model's dimensions are not known without it`,
  );
}

function checkArchitecture(
  wanted: string | undefined,
  config: ModelConfig | undefined,
  path: string,
): void {
  if (wanted === undefined || wanted === "none") return;
  if (config === undefined) {
    throw new WbError(
      "WB3705",
      `${path}: no such file; --architecture ${wanted} needs the model's dimensions`,
    );
  }
  if (wanted !== config.family && wanted !== config.architecture) {
    throw new WbError(
      "WB2702",
      `--architecture ${wanted}: ${path} says ${config.architecture} (${config.family})`,
    );
  }
}

async function folderOf(path: string): Promise<string> {
  const facts = await stat(path);
  return facts.isDirectory() ? path : dirname(path);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    const facts = await stat(path);
    if (!facts.isFile() || facts.size > MAX_CONFIG_BYTES) {
      throw new WbError(
        "WB3701",
        `${path}: expected a file of at most ${MAX_CONFIG_BYTES} bytes, found ${facts.size}`,
      );
    }
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}
