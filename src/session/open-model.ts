import { dirname, join } from "node:path";
import {
  isFolder,
  openCheckpoint,
  type OpenedCheckpoint,
  type Selection,
} from "../formats/open.ts";
import { modelHome } from "../formats/model-home.ts";
import { refuseUnmatched } from "../formats/names/select-names.ts";
import { refuseQuantised } from "../mapping/refuse-quantised.ts";
import { dequantise } from "../mapping/computed/dequantise.ts";
import { quantisationFacts } from "../mapping/computed/facts.ts";
import type { CastDtype } from "../mapping/step.ts";
import { fitNames } from "../mapping/fit-names.ts";
import { fromGguf } from "../mapping/from-gguf.ts";
import { readSmall } from "../sources/places.ts";
import { WbError } from "../errors/wb-error.ts";
import { ConfigFields } from "../model/config/fields.ts";
import { withOptionalParts } from "../mapping/optional-parts.ts";
import { hasOwnHead } from "../mapping/own-head.ts";
import { metaConfig } from "../model/config/meta-params.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { parseModelConfig, resolveModelConfig } from "../model/config/parse.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { readGgufConfig } from "./gguf-config.ts";

/** Largest config.json we read, in bytes; real ones have about 1 kB. */
const MAX_CONFIG_BYTES = 4 * 2 ** 20;

export interface OpenModelOptions {
  /** "none" ignores config.json and takes tensors as stored; a family's name is checked against config.json. */
  readonly architecture?: string | undefined;
  /** Takes the configuration's word for a head that is stored although it is tied; else the two matrices are compared. */
  readonly headersOnly?: boolean | undefined;
  /** Takes quantised matrices as the values that they stand for. */
  readonly dequantize?: CastDtype | undefined;
  /** Which of the file's tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  /** Leaves options of the selection that fit nothing to the caller, who opens more than one checkpoint with them. */
  readonly lenient?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The configuration beside a file or in a folder of weights. */
export interface FoundConfig {
  /** Where the configuration and the tokenizer are: a folder, or the GGUF file that holds its own. */
  readonly folder: string;
  /** As written; undefined when there is none or it is not wanted. */
  readonly configText: string | undefined;
  readonly configPath: string;
  /** Undefined for architecture "none", which is the default where there is no config.json. */
  readonly config: ModelConfig | undefined;
  /** What the configuration leaves open and was taken to be so; one sentence each. */
  readonly notes: readonly string[];
}

/** A checkpoint with the configuration beside it. */
export interface OpenedModel extends OpenedCheckpoint, FoundConfig {}

/**
 * Opens weights and the configuration beside them; reads headers only, and a head that is stored beside tied embeddings.
 * @param path A file of weights, an index, or a folder.
 * @throws WbError of the readers, WB3701, WB3705, WB4701, WB4702, WB2702.
 */
export async function openModel(
  path: string,
  options: OpenModelOptions = {},
): Promise<OpenedModel> {
  const { signal, selection } = options;
  const isPlain = options.dequantize !== undefined;
  const how = { signal, selection, lenient: options.lenient, dequantise: isPlain };
  const stored = await openCheckpoint(path, how);
  try {
    if (options.lenient !== true) refuseUnmatched(stored.unmatched, path);
    const described = await readConfig(path, options.architecture, stored.checkpoint);
    const read = { ...stored, checkpoint: asNamed(stored.checkpoint, described.config) };
    const plain = isPlain ? await dequantised(read, path) : read;
    if (described.config !== undefined) refuseQuantised(plain.checkpoint);
    const opened = fitted(plain, described.config);
    const found = withParts(described, opened.checkpoint);
    const notes = [...opened.notes, ...found.notes];
    if (found.config === undefined && options.architecture === undefined) {
      notes.push(asStoredNote(found.folder));
    }
    const isOwn =
      found.config !== undefined &&
      options.headersOnly !== true &&
      (await hasOwnHead(opened.checkpoint, found.config));
    if (!isOwn || found.config === undefined) return { ...opened, ...found, notes };
    notes.push(
      `${found.configPath} ties lm_head to the embeddings, but the weights have another: it is used, as transformers does`,
    );
    return { ...opened, ...found, config: { ...found.config, tieWordEmbeddings: false }, notes };
  } catch (error) {
    await stored.checkpoint.close();
    throw error;
  }
}

/** The folder that describes weights: theirs. */
export async function folderOf(path: string): Promise<string> {
  return (await isFolder(path)) ? path : dirname(path);
}

/** What only the names of weights tell of their configuration. */
function withParts(found: FoundConfig, checkpoint: Checkpoint): FoundConfig {
  if (found.config === undefined) return found;
  return { ...found, config: withOptionalParts(found.config, checkpoint) };
}

/** @throws WbError WB2702 where nothing is quantised, WB4706 where something is that is not recognised. */
async function dequantised(opened: OpenedCheckpoint, path: string): Promise<OpenedCheckpoint> {
  const folder = await folderOf(path);
  const facts = quantisationFacts(await readOptional(join(folder, "config.json")));
  const made = await dequantise(opened.checkpoint, facts);
  const isDone = opened.checkpoint.tensors.some(({ form }) => form?.kind === "quantised");
  if (made === undefined && isDone) return opened;
  if (made === undefined && facts.method !== undefined)
    throw new WbError(
      "WB4706",
      `${path}: config.json says that ${facts.method} quantised it, and none of its tensors is in a form whose values are computed here`,
      { details: { path } },
    );
  if (made === undefined)
    throw new WbError("WB2702", `${path}: --dequantize: nothing in it is quantised`);
  return { ...opened, checkpoint: made.checkpoint, notes: [...opened.notes, made.note] };
}

/** GGUF's tensors as the family's names have them. */
export function asNamed(checkpoint: Checkpoint, config: ModelConfig | undefined): Checkpoint {
  if (checkpoint.format !== "gguf" || config === undefined) return checkpoint;
  return { ...checkpoint, tensors: fromGguf(checkpoint.tensors, config) };
}

/** What is said where there is no configuration. */
export function asStoredNote(folder: string): string {
  return `no config.json in ${folder}: tensors are taken as stored (--architecture none)`;
}

/** The checkpoint under the names of its configuration's family, where there is one. */
function fitted(opened: OpenedCheckpoint, config: ModelConfig | undefined): OpenedCheckpoint {
  if (config === undefined) return opened;
  const { checkpoint, notes } = fitNames(opened.checkpoint, config);
  return { ...opened, checkpoint, notes: [...opened.notes, ...notes] };
}

/**
 * Reads the config.json that belongs to weights, or the params.json of Meta's own files.
 * @param architecture As in `OpenModelOptions`.
 * @param weights Those that it describes, where they could be opened: params.json leaves sizes to them, GGUF describes itself.
 * @throws WbError WB3701, WB3705, WB4701, WB4702, WB2702.
 */
export async function readConfig(
  path: string,
  architecture: string | undefined,
  weights: Weights | undefined,
): Promise<FoundConfig> {
  const folder = weights?.format === "gguf" ? await modelHome(path) : await folderOf(path);
  const found =
    architecture === "none"
      ? {
          configPath: join(folder, "config.json"),
          configText: undefined,
          config: undefined,
          notes: [],
        }
      : weights?.format === "gguf"
        ? await ownConfig(weights)
        : await findConfig(folder, weights?.tensors);
  checkArchitecture(architecture, found.config, found.configPath);
  return { folder, ...found };
}

type Weights = Pick<Checkpoint, "format" | "path" | "metadata" | "tensors">;

async function ownConfig(weights: Weights): Promise<Omit<FoundConfig, "folder">> {
  const { path } = weights;
  const fields = await readGgufConfig(weights);
  return {
    configPath: path,
    configText: `${JSON.stringify(fields, undefined, 2)}\n`,
    config: resolveModelConfig(new ConfigFields(fields, path)),
    notes: [`${path}: the configuration is that of its metadata`],
  };
}

/** Others call files of theirs params.json, too. Where the weights could not be opened, nothing tells. */
function isMeta(tensors: readonly StoredTensor[] | undefined): boolean {
  return tensors?.some(({ name }) => name === "tok_embeddings.weight") ?? true;
}

async function findConfig(
  folder: string,
  tensors: readonly StoredTensor[] | undefined,
): Promise<Omit<FoundConfig, "folder">> {
  const configPath = join(folder, "config.json");
  const configText = await readOptional(configPath);
  if (configText !== undefined) {
    return { configPath, configText, config: parseModelConfig(configText, configPath), notes: [] };
  }
  const paramsPath = join(folder, "params.json");
  const params = isMeta(tensors) ? await readOptional(paramsPath) : undefined;
  if (params === undefined) return { configPath, configText, config: undefined, notes: [] };
  if (tensors === undefined) {
    const note = `${paramsPath}: not read, since it leaves sizes to the tensors`;
    return { configPath: paramsPath, configText: params, config: undefined, notes: [note] };
  }
  const { fields, note } = metaConfig(params, paramsPath, tensors);
  const config = resolveModelConfig(new ConfigFields(fields, paramsPath));
  return { configPath: paramsPath, configText: params, config, notes: [note] };
}

/** The configuration of a model that is opened for nothing else. @throws WbError as `openModel`. */
export async function configOf(
  path: string,
  selection?: Selection,
): Promise<ModelConfig | undefined> {
  const how = { headersOnly: true, selection, lenient: true };
  const { checkpoint, config } = await openModel(path, how);
  await checkpoint.close();
  return config;
}

/** The configuration, for what cannot do without. @throws WbError WB3705. */
export function requireConfig(model: OpenedModel): ModelConfig {
  if (model.config !== undefined) return model.config;
  throw new WbError(
    "WB3705",
    `${model.configPath}: no such file, and the model's dimensions are not known without it`,
    { details: { path: model.configPath } },
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
      { details: { path } },
    );
  }
  if (wanted !== config.family && wanted !== config.architecture) {
    throw new WbError(
      "WB2702",
      `--architecture ${wanted}: ${path} says ${config.architecture} (${config.family})`,
      {
        details: { path, option: "--architecture" },
        hint: "Leave --architecture out, or give none to take tensors as stored.",
      },
    );
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    const bytes = await readSmall(path, MAX_CONFIG_BYTES);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB3002") throw error;
    throw new WbError("WB3701", error.message, { details: { path }, cause: error });
  }
}
