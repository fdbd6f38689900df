import { dirname, join } from "node:path";
import type { ErrorCode } from "../errors/codes.ts";
import { WbError } from "../errors/wb-error.ts";
import { byteCount } from "../tensor/shape.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { detectFormat } from "./detect.ts";
import { chooseWeightSet } from "./sets/folder.ts";
import { MAX_INDEX_BYTES, oversized, parseIndex, type WeightIndex } from "./sets/index-file.ts";
import { isFolder, openCheckpoint, openShard, openWeightSet, partNotes } from "./open.ts";
import { compareIndex, joinCheckpoints } from "./sets/shards.ts";
import { openPlace } from "../sources/places.ts";

/** One thing that is wrong with a file or with how files fit together. */
export interface FileProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly tensor?: string;
  readonly file?: string;
}

export interface CheckpointSurvey {
  /** What could be opened, closed by the caller; undefined when nothing could. */
  readonly checkpoint: Checkpoint | undefined;
  readonly problems: readonly FileProblem[];
  readonly notes: readonly string[];
}

/**
 * Opens as much of a checkpoint as can be opened, and gathers what is wrong instead of stopping at the first fault.
 * @throws WbError for what is no fault of the files: a path that is not there, unsafe or unsupported content, the system.
 */
export async function surveyCheckpoint(path: string): Promise<CheckpointSurvey> {
  const { target, notes, open } = await resolve(path);
  try {
    const index = await readIndex(target);
    if (index !== undefined) return { ...(await surveyShards(index)), notes };
    return { checkpoint: await open(), problems: [], notes };
  } catch (error) {
    const problem = problemOf(error, target);
    return { checkpoint: undefined, problems: [problem], notes };
  }
}

/** The file that a path stands for, and how it is opened. */
async function resolve(path: string): Promise<{
  readonly target: string;
  readonly notes: readonly string[];
  readonly open: () => Promise<Checkpoint>;
}> {
  if (!(await isFolder(path))) {
    const open = async (): Promise<Checkpoint> => (await openCheckpoint(path)).checkpoint;
    return { target: path, notes: partNotes(path), open };
  }
  const { set, notes } = await chooseWeightSet(path);
  return { target: set.path, notes, open: () => openWeightSet(set) };
}

/** Undefined when the path is a folder or a file of weights. */
async function readIndex(path: string): Promise<WeightIndex | undefined> {
  if (await isFolder(path)) return undefined;
  const source = await openPlace(path);
  try {
    if ((await detectFormat(source)) !== "index") return undefined;
    if (source.byteLength > MAX_INDEX_BYTES) throw oversized(path, source.byteLength);
    return parseIndex(await source.read(0, source.byteLength), path);
  } finally {
    await source.close();
  }
}

async function surveyShards(index: WeightIndex): Promise<Omit<CheckpointSurvey, "notes">> {
  const shards = new Map<string, Checkpoint>();
  const missing: string[] = [];
  const problems: FileProblem[] = [];
  for (const file of index.files) {
    const path = join(dirname(index.path), file);
    try {
      shards.set(file, await openShard(path, index));
    } catch (error) {
      if (error instanceof WbError && error.code === "WB3001") missing.push(file);
      else if (isFault(error)) problems.push(problemOf(error, path));
      else {
        await closeAll(shards);
        throw error;
      }
    }
  }
  problems.push(...compareIndex(index, shards, missing));
  const isWhole = shards.size === index.files.length;
  if (isWhole) problems.push(...sizeProblems(index, shards));
  try {
    const parts = [...shards.values()].map((checkpoint) => ({ checkpoint }));
    // Names that no shard has are known already; a table of half the model would only repeat them.
    const checkpoint = isWhole ? joinCheckpoints(index.path, parts) : undefined;
    if (checkpoint === undefined) await closeAll(shards);
    return { checkpoint, problems };
  } catch (error) {
    await closeAll(shards);
    const problem = problemOf(error, index.path);
    const isKnown = problems.some(({ code }) => code === problem.code);
    return { checkpoint: undefined, problems: isKnown ? problems : [...problems, problem] };
  }
}

function sizeProblems(
  index: WeightIndex,
  shards: ReadonlyMap<string, Checkpoint>,
): readonly FileProblem[] {
  if (index.totalSize === undefined) return [];
  let bytes = 0;
  for (const { tensors } of shards.values()) {
    for (const { shape, dtype } of tensors) bytes += byteCount(shape, dtype) ?? 0;
  }
  if (bytes === index.totalSize) return [];
  const message = `total_size is ${index.totalSize}, but the shards' tensors have ${bytes} bytes`;
  return [{ code: "WB3606", message: `${index.path}: ${message}`, file: index.path }];
}

async function closeAll(shards: ReadonlyMap<string, Checkpoint>): Promise<void> {
  for (const shard of shards.values()) await shard.close();
}

function isFault(error: unknown): error is WbError {
  return error instanceof WbError && error.code.startsWith("WB3");
}

/** A fault of the file as a problem; anything else is thrown on. */
function problemOf(error: unknown, file: string): FileProblem {
  if (!isFault(error)) throw error;
  const tensor = "tensor" in error.details ? error.details.tensor : undefined;
  return {
    code: error.code,
    message: error.message,
    file,
    ...(typeof tensor === "string" ? { tensor } : {}),
  };
}
