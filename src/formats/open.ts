import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { leftOut } from "../tensor/left-out.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { detectFormat, type DetectedFormat } from "./detect.ts";
import { chooseWeightSet } from "./sets/folder.ts";
import { MAX_INDEX_BYTES, oversized, parseIndex, type WeightIndex } from "./sets/index-file.ts";
import { openGguf } from "./gguf/read.ts";
import { openNpz } from "./numpy/npz.ts";
import { openDcp } from "./dcp/read.ts";
import { openPaddleBinary } from "./paddle/binary.ts";
import { openPaddle } from "./paddle/read.ts";
import { selectNames } from "./names/select-names.ts";
import type { NameOptions } from "./names/name-rules.ts";
import { WHOLE_FILE } from "./pytorch/choose-state.ts";
import type { PytorchOptions } from "./pytorch/table.ts";
import { openPytorch } from "./pytorch/read.ts";
import { openSafetensors } from "./safetensors/read.ts";
import { numberedName } from "./sets/numbered.ts";
import { joinCheckpoints, openShards, strayShards, type CheckpointPart } from "./sets/shards.ts";
import {
  isDistributedPart,
  FLOAT32,
  refuseDistributed,
  takesZero,
} from "./sets/training-folder.ts";
import type { WeightSet, ZeroFiles } from "./sets/weight-set.ts";
import { openZero } from "./zero/read.ts";
import { listPlace, localPlace, openPlace } from "../sources/places.ts";
import { isRemote } from "../sources/remote/place.ts";
import { isRemoteFolder } from "../sources/remote/remote-files.ts";
import { pathError, type FileSource } from "../sources/file.ts";

/** Which of a file's tensors are meant, and under what names; all of it is optional. */
export interface Selection extends NameOptions {
  /** A path of keys in a pickled file to the state that is taken; "." takes the file as it is. */
  readonly select?: string | undefined;
  /** Takes the tensors of a file that names other globals than weights need; those stay unread, and nothing is called. */
  readonly dataOnly?: boolean | undefined;
  /** Takes sparse tensors, and those that torch has quantised, as the values that they stand for. */
  readonly dense?: boolean | undefined;
}

/** How weights are opened. */
export interface OpenOptions {
  readonly selection?: Selection | undefined;
  /** Opens without a `select` that is not there, and says so in `unmatched`. */
  readonly lenient?: boolean | undefined;
  /** Takes tensors that torch has quantised as their values, whatever the selection says of sparse ones. */
  readonly dequantise?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An opened checkpoint, and what its choice was. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What the user should know of the choice that was made; one sentence each. */
  readonly notes: readonly string[];
  /** Options of the selection that fitted nothing in this checkpoint. */
  readonly unmatched: readonly string[];
}

/**
 * Opens weights of any format: a file, an index with its shards, or a folder. The format is told by content, and only headers
 * are read.
 * @throws WbError of the format's reader; WB3001, WB3006 for what is not there.
 */
export async function openCheckpoint(
  path: string,
  options: OpenOptions = {},
): Promise<OpenedCheckpoint> {
  const { select } = options.selection ?? {};
  if (options.lenient !== true || select === undefined) return openSelected(path, options);
  try {
    return await openSelected(path, options);
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB2710") throw error;
    const selection = { ...options.selection, select: undefined };
    const opened = await openSelected(path, { ...options, selection });
    return { ...opened, unmatched: [...opened.unmatched, `--select ${select}`] };
  }
}

async function openSelected(path: string, options: OpenOptions): Promise<OpenedCheckpoint> {
  if (!(await isFolder(path)))
    return selected(await openFile(path, options), options, partNotes(path));
  const { set, notes } = await chooseWeightSet(path);
  return selected(await openWeightSet(set, options), options, notes);
}

/** The checkpoint under the names that are meant. Closes it when the rules do not fit. */
async function selected(
  opened: Checkpoint,
  { selection = {} }: OpenOptions,
  before: readonly string[],
): Promise<OpenedCheckpoint> {
  try {
    const { checkpoint, notes, unmatched } = selectNames(
      opened,
      selection,
      selection.select === WHOLE_FILE,
    );
    return { checkpoint, notes: [...before, ...(opened.notes ?? []), ...notes], unmatched };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What a single file's name says of the parts that belong to it. */
export function partNotes(path: string): readonly string[] {
  const place = numberedName(basename(path));
  if (place === undefined || place.count < 2) return [];
  return [leftOut(`the other shards of ${place.count} to which ${path} belongs by its name`)];
}

/**
 * Opens one of the sets that `findWeightSets` found.
 * @throws WbError WB3602 where a part is missing, and what opening its files throws.
 */
export async function openWeightSet(
  set: WeightSet,
  options: OpenOptions = {},
): Promise<Checkpoint> {
  if (set.missing.length > 0) {
    throw new WbError(
      "WB3602",
      `${set.path}: of ${set.name} these are missing: ${set.missing.slice(0, MAX_LISTED).join(", ")}${set.missing.length > MAX_LISTED ? ` and ${set.missing.length - MAX_LISTED} more` : ""}`,
      { details: { path: set.path, files: set.missing } },
    );
  }
  if (set.zero !== undefined && takesZero(set, options.selection?.select))
    return openZeroSet(set.zero, options);
  if (set.kind === "file" || set.kind === "index") return openFile(set.path, options);
  if (set.kind === "dcp")
    return openDcp(set.path, { select: options.selection?.select, signal: options.signal });
  const parts: CheckpointPart[] = [];
  try {
    for (const { path, rank } of set.parts)
      parts.push({ checkpoint: await openFile(path, options), rank });
    return joinCheckpoints(set.path, parts);
  } catch (error) {
    for (const { checkpoint } of parts) await checkpoint.close();
    throw error;
  }
}

/** @throws WbError WB2710 for any other selection than that of all float32 weights. */
function openZeroSet(
  zero: ZeroFiles,
  { selection = {}, signal }: OpenOptions,
): Promise<Checkpoint> {
  const { select, dataOnly } = selection;
  if (select !== undefined && select !== FLOAT32)
    throw new WbError(
      "WB2710",
      `${zero.folder}: --select ${select}: ZeRO 3 holds its weights in parts; they are taken together, as ${FLOAT32}`,
      { details: { path: zero.folder, select, choices: [FLOAT32] } },
    );
  return openZero(zero, {
    ...(dataOnly === true ? { allow: () => true, opaque: true } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Missing files that one message lists; the rest are counted. */
const MAX_LISTED = 10;

/** Opens one file, or an index with the shards that it names. */
async function openFile(path: string, options: OpenOptions): Promise<Checkpoint> {
  const opened = await openOne(path, options);
  if (opened.kind === "checkpoint") return opened.checkpoint;
  const { index } = opened;
  const joined = await openShards(index, (shard) => openShard(shard, index, options));
  const strays = strayShards(index, await listPlace(dirname(index.path)));
  if (strays.length === 0) return joined;
  const more = strays.length > MAX_LISTED ? ` and ${strays.length - MAX_LISTED} more` : "";
  const note = leftOut(
    `${index.path} names other shards than these: ${strays.slice(0, MAX_LISTED).join(", ")}${more}`,
  );
  return { ...joined, notes: [...(joined.notes ?? []), note] };
}

/** A shard is a file of weights: an index that names an index could name itself. */
export async function openShard(
  path: string,
  index: WeightIndex,
  options: OpenOptions = {},
): Promise<Checkpoint> {
  const opened = await openOne(path, options);
  if (opened.kind === "checkpoint") return opened.checkpoint;
  throw new WbError("WB3601", `${index.path}: names ${path} as a shard, which is an index itself`, {
    details: { path: index.path },
  });
}

type Opened =
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly kind: "index"; readonly index: WeightIndex };

async function openOne(path: string, options: OpenOptions): Promise<Opened> {
  if (isDistributedPart(path)) refuseDistributed(path);
  const source = await openPlace(path, options.signal);
  try {
    const format = await detectFormat(source);
    if (format !== "index")
      return { kind: "checkpoint", checkpoint: await openAs(format, source, options) };
    if (source.byteLength > MAX_INDEX_BYTES) throw oversized(path, source.byteLength);
    const bytes = await source.read(0, source.byteLength);
    await source.close();
    return { kind: "index", index: parseIndex(bytes, path) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openAs(
  format: Exclude<DetectedFormat, "index">,
  source: FileSource,
  options: OpenOptions,
): Promise<Checkpoint> {
  const { selection = {}, signal } = options;
  const quantised = options.dequantise === true ? "quantised" : undefined;
  const pickle: PytorchOptions = {
    select: selection.select,
    dense: selection.dense === true ? "all" : quantised,
    names: selection,
    ...(selection.dataOnly === true ? { allow: () => true, opaque: true } : {}),
    ...(signal === undefined ? {} : { signal }),
  };
  switch (format) {
    case "safetensors":
      return openSafetensors(source);
    case "npz":
      return openNpz(source, { dataOnly: selection.dataOnly });
    case "gguf":
      return openGguf(source);
    case "paddle-binary":
      return openPaddleBinary(source, selection.select);
    case "paddle":
      return openPaddle(source, pickle);
    default:
      return openPytorch(source, format, pickle);
  }
}

/** @throws WbError WB3001, WB6002. */
export async function isFolder(path: string): Promise<boolean> {
  const place = await localPlace(path);
  if (isRemote(place)) return isRemoteFolder(place);
  try {
    return (await stat(place)).isDirectory();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw pathError(path, "file or folder", "looked at", error);
  }
}
