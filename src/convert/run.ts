import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findWeightSets } from "../checkpoint/folder.ts";
import { WbError } from "../errors/wb-error.ts";
import { BufferRing } from "../mapping/read-assembly.ts";
import type { CastCounts } from "./cast.ts";
import { fileBytes } from "./file-plan.ts";
import { exists, freeBytes, type FileSystem } from "./file-system.ts";
import { JournalWriter, planDigest } from "./journal.ts";
import { releaseLock } from "./lock.ts";
import type { Outputs } from "./outputs.ts";
import { nearestFolder, refuseSource, takeTarget, type Target } from "./target-folder.ts";
import { Verification } from "./verification.ts";
import { writeOutput, type TensorOutcome } from "./write-file.ts";

/** A small file that goes beside the weights. */
export interface SideFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** The manifest's name; it is put in place last, so that a folder with one is complete. */
export const MANIFEST = "weighbridge.manifest.json";

export interface RunOptions {
  readonly target: string;
  /** Files that are read; the target may not be among them or beside them. */
  readonly sources: readonly string[];
  readonly sideFiles: readonly SideFile[];
  /** The manifest's text, from the digests of what was written. */
  readonly manifest: (outcomes: ReadonlyMap<string, TensorOutcome>) => string;
  readonly verify: boolean;
  readonly force: boolean;
  readonly resume: boolean;
  readonly fileSystem: FileSystem;
  readonly signal?: AbortSignal | undefined;
  /** Bytes written so far, then bytes read back. */
  readonly onProgress: (
    phase: "convert" | "verify",
    done: number,
    total: number,
    item: string,
  ) => void;
}

/** Bytes of the unit in which file systems give space to files. */
const BLOCK_BYTES = 4096;

/** Bytes that one tensor takes in the manifest and in the journal: its names, dtype, shape and digest, twice. */
const NOTES_BYTES = 1024;

/**
 * Writes all outputs so that a half file never stands under a final name:
 *
 * everything is written into a staging folder inside the target, flushed and read back; then the old manifest is removed, the
 * files are renamed into place one by one, and the manifest last. Until the renames begin, an old target is untouched; a folder
 * with a manifest is complete. An interruption keeps what was staged, for `resume`; any other failure removes it.
 * @throws WbError WB1901, WB2901–WB2904, WB6001, WB6002, WB9001.
 */
export async function runConversion(
  outputs: Outputs,
  options: RunOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const { fileSystem } = options;
  await refuseSource(options.target, options.sources);
  const texts = [...options.sideFiles.map(({ name }) => name), outputs.index?.text ?? ""];
  const digest = await planDigest(outputs.files, texts, options.sources);
  const { force, resume } = options;
  await checkSpace(outputs, options);
  const target = await takeTarget(
    options.target,
    { force, resume, planDigest: digest },
    fileSystem,
  );
  const journal = new JournalWriter(target.staging, fileSystem);
  try {
    if (target.journal === undefined) await journal.begin(digest);
    const outcomes = await writeAll(outputs, target, journal, options);
    await place(outputs, target, journal, options, outcomes);
    return outcomes;
  } catch (error) {
    // Work that --resume can go on with is kept: after an interruption, and once files were being put in place.
    const isKept = isInterruption(error, options.signal) || journal.isCommitting;
    await (isKept ? leave : cleanUp)(target, fileSystem, error);
    throw error;
  }
}

/** Leaves what was staged for --resume. */
async function leave(target: Target, fileSystem: FileSystem, failure: unknown): Promise<void> {
  try {
    await releaseLock(target.staging, fileSystem);
  } catch (error) {
    if (failure instanceof Error && failure.cause === undefined) failure.cause = error;
  }
}

/** Leaves nothing behind; where even that fails, the first failure is the one to tell. */
async function cleanUp(target: Target, fileSystem: FileSystem, failure: unknown): Promise<void> {
  try {
    await fileSystem.remove(target.staging);
    if (target.isNew) await fileSystem.removeEmptyFolder(target.folder);
  } catch (error) {
    if (failure instanceof Error && failure.cause === undefined) failure.cause = error;
  }
}

function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || (error instanceof WbError && error.code === "WB9001");
}

async function checkSpace(
  { files, index, tensors }: Outputs,
  { target, sideFiles, resume }: RunOptions,
): Promise<void> {
  // What an interrupted conversion staged is already taken off the free space, and would be asked for twice.
  if (resume) return;
  const small = [...sideFiles.map(({ content }) => content), index?.text ?? ""];
  const sizes = [
    ...files.map(fileBytes),
    ...small.map((content) => Buffer.byteLength(content)),
    tensors.length * NOTES_BYTES,
  ];
  const needed = sizes.reduce(
    (sum, bytes) => sum + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES,
    2 * BLOCK_BYTES, // the target's and the staging folder's own
  );
  const free = await freeBytes(await nearestFolder(target));
  if (free >= needed) return;
  throw new WbError("WB6001", `${target}: needs ${needed} bytes, but only ${free} are free`, {
    details: { needed, free },
  });
}

async function writeAll(
  outputs: Outputs,
  target: Target,
  journal: JournalWriter,
  options: RunOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const total = outputs.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const counter = (phase: "convert" | "verify"): ((count: number, item: string) => void) => {
    let done = 0;
    return (count, item) => {
      done += count;
      options.onProgress(phase, done, total, item);
    };
  };
  const { fileSystem, signal } = options;
  const buffers = new BufferRing();
  const all = new Map<string, TensorOutcome>();
  const onWritten = counter("convert");
  const onVerified = counter("verify");
  for (const file of outputs.files) {
    const verification = options.verify
      ? new Verification(file, { signal, onBytes: onVerified })
      : undefined;
    try {
      const outcomes = await writeOutput(file, target, {
        fileSystem,
        journal,
        buffers,
        signal,
        onBytes: onWritten,
        onTensor: (path, tensor, begin) => verification?.written(path, tensor, begin),
      });
      const staged = join(target.staging, file.name);
      const path = (await exists(staged)) ? staged : join(target.folder, file.name);
      await verification?.finish(path, outcomes);
      for (const [name, outcome] of outcomes) all.set(name, outcome);
    } finally {
      await verification?.close();
    }
  }
  return all;
}

async function place(
  outputs: Outputs,
  target: Target,
  journal: JournalWriter,
  options: RunOptions,
  outcomes: ReadonlyMap<string, TensorOutcome>,
): Promise<void> {
  const { fileSystem } = options;
  const small: SideFile[] = [...options.sideFiles];
  if (outputs.index !== undefined)
    small.push({ name: outputs.index.name, content: outputs.index.text });
  small.push({ name: MANIFEST, content: options.manifest(outcomes) });
  for (const { name, content } of small) {
    await fileSystem.remove(join(target.staging, name));
    await fileSystem.writeSmall(join(target.staging, name), content);
  }
  options.signal?.throwIfAborted();
  await journal.commit();
  await fileSystem.remove(join(target.folder, MANIFEST));
  const names = [...outputs.files.map(({ name }) => name), ...small.map(({ name }) => name)];
  if (options.force) await removeStale(target, names, fileSystem);
  for (const name of names) {
    const staged = join(target.staging, name);
    if (await exists(staged)) await fileSystem.rename(staged, join(target.folder, name));
  }
  await fileSystem.syncFolder(target.folder);
  await fileSystem.remove(target.staging);
}

/** Weight files of the conversion that is replaced, which the new one does not have: they would be taken for part of it. */
async function removeStale(
  target: Target,
  names: readonly string[],
  fileSystem: FileSystem,
): Promise<void> {
  const keep = new Set(names);
  const sets = (await findWeightSets(target.folder)).filter(({ kind }) => kind !== "ranks");
  const shards = (await readdir(target.folder)).filter((name) =>
    /-\d{5}-of-\d{5}\.(safetensors|bin|pdparams)$/.test(name),
  );
  for (const name of [...sets.map((set) => set.name), ...shards]) {
    if (!keep.has(name)) await fileSystem.remove(join(target.folder, name));
  }
}

/** Sum of what casting lost. */
export function totalCast(outcomes: ReadonlyMap<string, TensorOutcome>): CastCounts {
  const total: CastCounts = { overflow: 0, underflow: 0 };
  for (const { cast } of outcomes.values()) {
    total.overflow += cast.overflow;
    total.underflow += cast.underflow;
  }
  return total;
}
