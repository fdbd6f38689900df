import { dirname, join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import type { WeightIndex } from "./index-file.ts";
import { numberedName } from "./numbered.ts";
import type { Rank } from "./rank-file.ts";

/** Opens one file of weights. */
export type OpenFile = (path: string) => Promise<Checkpoint>;

/** One file of a checkpoint that has several. */
export interface CheckpointPart {
  readonly checkpoint: Checkpoint;
  /** Where the parts are those of ranks. */
  readonly rank?: Rank | undefined;
}

/** A difference between an index and its shards. */
export interface ShardProblem {
  readonly code: "WB3602" | "WB3603" | "WB3604";
  readonly message: string;
  readonly tensor?: string;
  readonly file: string;
}

/** Problems that one message lists; the rest are counted. */
const MAX_LISTED = 10;

/**
 * Opens all shards of an index as one checkpoint, and holds their headers against the index.
 * @throws WbError WB3602–WB3605, and what opening a shard throws.
 */
export async function openShards(index: WeightIndex, openFile: OpenFile): Promise<Checkpoint> {
  const parts = new Map<string, Checkpoint>();
  try {
    const missing: string[] = [];
    for (const file of index.files) {
      const shard = await openIfThere(join(dirname(index.path), file), openFile);
      if (shard === undefined) missing.push(file);
      else parts.set(file, shard);
    }
    const problems = compareIndex(index, parts, missing);
    const [first] = problems;
    if (first !== undefined) throw problemsError(index.path, first.code, problems);
    return joinCheckpoints(
      index.path,
      [...parts.values()].map((checkpoint) => ({ checkpoint })),
    );
  } catch (error) {
    await closeAll(parts.values());
    throw error;
  }
}

/** Numbered files beside an index, named as its shards are, which it does not name: of another set, or of another version. */
export function strayShards(index: WeightIndex, names: readonly string[]): readonly string[] {
  const named = new Set(index.files.map(seriesOf));
  return names.filter((name) => {
    const own = seriesOf(name);
    return own !== undefined && named.has(own) && !index.files.includes(name);
  });
}

function seriesOf(file: string): string | undefined {
  const place = numberedName(file);
  return place === undefined ? undefined : JSON.stringify([place.stem, place.ending]);
}

async function openIfThere(path: string, openFile: OpenFile): Promise<Checkpoint | undefined> {
  try {
    return await openFile(path);
  } catch (error) {
    const isMissing =
      (error instanceof WbError && error.code === "WB3001") ||
      (isSystemError(error) && error.code === "ENOENT");
    if (isMissing) return undefined;
    throw error;
  }
}

/**
 * Every difference between an index and the shards that could be opened: files and tensors that are missing, not named, or in
 * another file than the index says.
 */
export function compareIndex(
  index: WeightIndex,
  shards: ReadonlyMap<string, Checkpoint>,
  missing: readonly string[],
): readonly ShardProblem[] {
  const problems: ShardProblem[] = missing.map((file) => ({
    code: "WB3602",
    message: `shard ${file} is missing`,
    file,
  }));
  const heldBy = new Map<string, string>();
  for (const [file, { tensors }] of shards) {
    for (const { name } of tensors) {
      const before = heldBy.get(name);
      if (before === undefined) heldBy.set(name, file);
      else
        problems.push({
          code: "WB3604",
          message: `${name} is in ${before} and in ${file}`,
          tensor: name,
          file,
        });
      const place = index.fileOf.get(name);
      if (place === undefined) {
        problems.push({
          code: "WB3603",
          message: `${name} is in ${file}, but not in the index`,
          tensor: name,
          file,
        });
      }
    }
  }
  for (const [name, file] of index.fileOf) {
    const holder = heldBy.get(name);
    if (holder === file || !shards.has(file)) continue;
    const found = holder === undefined ? "in no shard" : `in ${holder}`;
    const message = `${name}: the index says ${file}, found ${found}`;
    problems.push({ code: "WB3603", message, tensor: name, file });
  }
  return problems;
}

function problemsError(
  path: string,
  code: ShardProblem["code"],
  problems: readonly ShardProblem[],
): WbError {
  const listed = problems.slice(0, MAX_LISTED).map(({ message }) => `  ${message}`);
  const rest = problems.length - listed.length;
  const lines = [...listed, ...(rest > 0 ? [`  and ${rest} more`] : [])];
  return new WbError(code, `${path}: the shards are not those of the index:\n${lines.join("\n")}`, {
    details: {
      path,
      files: [...new Set(problems.map(({ file }) => file))],
      tensors: problems.flatMap(({ tensor }) => (tensor === undefined ? [] : [tensor])),
    },
  });
}

/**
 * Several files as one table: shards of an index, or the parts of ranks, which may repeat names.
 * @param path What messages call the whole.
 * @throws WbError WB3604 when two files of one rank hold the same tensor, WB3605 when their formats differ.
 */
export function joinCheckpoints(path: string, parts: readonly CheckpointPart[]): Checkpoint {
  const [first] = parts;
  if (first === undefined)
    throw new WbError("WB3602", `${path}: no files of weights in it`, { details: { path } });
  const { format } = first.checkpoint;
  const tensors: StoredTensor[] = [];
  const skipped = new Map<string, { name: string; why: string }>();
  const metadata = new Map<string, string>();
  const holder = new Map<string, string>();
  for (const { checkpoint, rank } of parts) {
    if (checkpoint.format !== format) throw formatsDiffer(path, first.checkpoint, checkpoint);
    const place = rank === undefined ? "" : `tp${rank.tp}_pp${rank.pp}`;
    for (const tensor of checkpoint.tensors) {
      const key = `${place}/${tensor.name}`;
      const before = holder.get(key);
      if (before !== undefined) {
        throw new WbError(
          "WB3604",
          `${path}: tensor ${tensor.name} is in ${before} and in ${checkpoint.path}`,
          { details: { path, tensor: tensor.name, files: [before, checkpoint.path] } },
        );
      }
      holder.set(key, checkpoint.path);
      const storage = `${checkpoint.path}:${tensor.storage}`;
      tensors.push({ ...tensor, storage, ...(rank === undefined ? {} : { rank }) });
    }
    for (const entry of checkpoint.skipped) skipped.set(entry.name, entry);
    for (const [key, value] of checkpoint.metadata) metadata.set(key, value);
  }
  return {
    format,
    path,
    files: parts.flatMap(({ checkpoint }) => checkpoint.files),
    tensors,
    skipped: [...skipped.values()],
    metadata,
    notes: parts.flatMap(({ checkpoint }) => checkpoint.notes ?? []),
    close: () => closeAll(parts.map(({ checkpoint }) => checkpoint)),
  };
}

function formatsDiffer(path: string, left: Checkpoint, right: Checkpoint): WbError {
  return new WbError(
    "WB3605",
    `${path}: ${left.path} is ${left.format}, but ${right.path} is ${right.format}`,
    { details: { path } },
  );
}

async function closeAll(checkpoints: Iterable<Checkpoint>): Promise<void> {
  for (const checkpoint of checkpoints) await checkpoint.close();
}
