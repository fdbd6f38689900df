import { TOKENIZER_MODELS } from "./side-files.ts";
import { MANIFEST } from "../mapping/converted-folder.ts";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findWeightSets } from "../formats/sets/folder.ts";
import { WbError } from "../errors/wb-error.ts";
import type { CastCounts } from "./values/cast.ts";
import { fileBytes } from "../formats/file-plan.ts";
import { TARGETS } from "../formats/target-formats.ts";
import { exists, freeBytes, type FileSystem } from "./staging/file-system.ts";
import { JournalWriter, planDigest, readJournal } from "./staging/journal.ts";
import { refuseRunning, releaseLock } from "./staging/lock.ts";
import type { Outputs } from "./outputs.ts";
import { completedBefore } from "./staging/completed.ts";
import type { Job, Outcomes, SideFile } from "./job.ts";
import {
  cleanUp,
  holdsParts,
  nearestFolder,
  refuseSource,
  STAGING,
  takeTarget,
  type Target,
} from "./staging/target-folder.ts";
import { checkRecords, refuseChanged, sourceStates } from "./write/source-guard.ts";
import { checkPublished } from "./write/published.ts";
import { writeFiles } from "./write/files.ts";

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
 * @throws WbError WB1901, WB2050, WB3011, WB2901–WB2904, WB6001, WB6002, WB9001.
 */
export async function runConversion(job: Job): Promise<Outcomes> {
  const { settings, outputs, sources } = job;
  const { fileSystem, force, resume, signal } = settings;
  const sideFiles = await job.sideFiles();
  await refuseSource(job.target, sources);
  const states = await sourceStates(sources);
  const texts = [...sideFiles.map(({ name }) => name), outputs.index?.text ?? ""];
  const digest = await planDigest(outputs.files, texts, sources);
  const staging = join(job.target, STAGING);
  if (resume && !force && !(await holdsOther(staging, digest))) {
    const before = await completedBefore(job);
    if (before !== undefined) {
      await removeLeftovers(staging, fileSystem);
      return before;
    }
  }
  // What an interrupted conversion staged is already taken off the free space, and would be asked for twice.
  if (!resume) await checkSpace(job.target, sizesOf(outputs, sideFiles));
  const target = await takeTarget(job.target, { force, resume, planDigest: digest }, fileSystem);
  const journal = new JournalWriter(target.staging, fileSystem);
  try {
    if (target.journal === undefined) await journal.begin(digest);
    const outcomes = await writeFiles(outputs.files, target, job, journal);
    await checkRecords(outputs.files, signal);
    await refuseChanged(states);
    const published = await checkPublished(sources, signal);
    const manifest = { name: MANIFEST, content: job.manifest(outcomes, published) };
    await place(job, target, journal, [...sideFiles, ...indexOf(outputs), manifest]);
    return outcomes;
  } catch (error) {
    // Work that --resume can go on with is kept: after an interruption, and once files were being put in place.
    const isKept = isInterruption(error, signal) || journal.isCommitting;
    await (isKept ? leave : cleanUp)(target, fileSystem, error);
    throw error;
  }
}

/** Whether a staging folder holds work that is not this conversion's. */
async function holdsOther(staging: string, digest: string): Promise<boolean> {
  if (!(await exists(staging))) return false;
  if (await holdsParts(staging)) return true;
  const journal = await readJournal(staging);
  return journal !== undefined && journal.planDigest !== digest;
}

/** Removes what a conversion that was killed behind its last file left of its staging folder. @throws WbError WB2904. */
async function removeLeftovers(staging: string, fileSystem: FileSystem): Promise<void> {
  if (!(await exists(staging))) return;
  await refuseRunning(staging);
  await fileSystem.remove(staging);
}

/** Leaves what was staged for --resume. */
async function leave(target: Target, fileSystem: FileSystem, failure: unknown): Promise<void> {
  try {
    await releaseLock(target.staging, fileSystem);
  } catch (error) {
    if (failure instanceof Error && failure.cause === undefined) failure.cause = error;
  }
}

function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || (error instanceof WbError && error.code === "WB9001");
}

function sizesOf(
  { files, index, tensors }: Outputs,
  sideFiles: readonly SideFile[],
): readonly number[] {
  const small = [...sideFiles.map(({ content }) => content), index?.text ?? ""];
  return [
    ...files.map(fileBytes),
    ...small.map((content) => Buffer.byteLength(content)),
    tensors.length * NOTES_BYTES,
  ];
}

/** @param sizes Of the files that will be written, in bytes. @throws WbError WB6001. */
export async function checkSpace(target: string, sizes: readonly number[]): Promise<void> {
  const needed = sizes.reduce(
    (sum, bytes) => sum + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES,
    2 * BLOCK_BYTES, // the target's and the staging folder's own
  );
  const free = await freeBytes(await nearestFolder(target));
  if (free >= needed) return;
  throw new WbError("WB6001", `${target}: needs ${needed} bytes, but only ${free} are free`, {
    details: { path: target, needed, free },
  });
}

/** The index of several files, as a file. */
export function indexOf({ index }: Outputs): readonly SideFile[] {
  return index === undefined ? [] : [{ name: index.name, content: index.text }];
}

/** @param small The manifest last. */
async function place(
  { settings, outputs }: Job,
  target: Target,
  journal: JournalWriter,
  small: readonly SideFile[],
): Promise<void> {
  const { fileSystem, signal, force } = settings;
  for (const { name, content } of small) {
    await fileSystem.remove(join(target.staging, name));
    await fileSystem.writeSmall(join(target.staging, name), content);
  }
  signal?.throwIfAborted();
  await journal.commit();
  await fileSystem.remove(join(target.folder, MANIFEST));
  const names = [...outputs.files.map(({ name }) => name), ...small.map(({ name }) => name)];
  if (force) await removeStale(target.folder, names, fileSystem);
  for (const name of names) {
    const staged = join(target.staging, name);
    if (await exists(staged)) await fileSystem.rename(staged, join(target.folder, name));
  }
  await fileSystem.syncFolder(target.folder);
  await fileSystem.remove(target.staging);
}

/** A shard's name, of any format that is written. */
const SHARD = new RegExp(
  `-\\d{5}-of-\\d{5}\\.(${Object.values(TARGETS)
    .map(({ extension }) => extension)
    .join("|")})$`,
);

/** Weights and tokenizers of the conversion that is replaced, which the new one does not have: they would be taken for part of it. */
export async function removeStale(
  folder: string,
  names: readonly string[],
  fileSystem: FileSystem,
): Promise<void> {
  const keep = new Set(names);
  const sets = (await findWeightSets(folder)).filter(
    ({ kind }) => kind === "file" || kind === "index",
  );
  const listed = await readdir(folder);
  const others = [
    ...listed.filter((name) => SHARD.test(name)),
    ...[...TOKENIZER_MODELS, "tokenizer.json"].filter((name) => listed.includes(name)),
  ];
  for (const name of [...sets.map((set) => set.name), ...others]) {
    if (!keep.has(name)) await fileSystem.remove(join(folder, name));
  }
}

/** Sum of what casting lost. */
export function totalCast(outcomes: Outcomes): CastCounts {
  const total: CastCounts = { overflow: 0, underflow: 0 };
  for (const { cast } of outcomes.values()) {
    total.overflow += cast.overflow;
    total.underflow += cast.underflow;
  }
  return total;
}
