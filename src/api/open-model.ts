import { dirname, join } from "node:path";
import { isFolder, openCheckpoint, type OpenedCheckpoint } from "../checkpoint/open.ts";
import { readSmall } from "../checkpoint/places.ts";
import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../mapping/model-config.ts";
import { parseModelConfig } from "../mapping/parse-config.ts";

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
  const folder = (await isFolder(path)) ? path : dirname(path);
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

async function readOptional(path: string): Promise<string | undefined> {
  try {
    const bytes = await readSmall(path, MAX_CONFIG_BYTES);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB3002") throw error;
    throw new WbError("WB3701", error.message, { cause: error });
  }
}
