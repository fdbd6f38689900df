import { MANIFEST } from "../../mapping/converted-folder.ts";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { exists, readText, type FileSystem } from "../staging/file-system.ts";
import { indexOf, removeStale } from "../run.ts";
import { progressOf, type Job, type Outcomes, type SideFile } from "../job.ts";
import type { ConvertSettings } from "../settings.ts";
import { refuseSource } from "../staging/target-folder.ts";
import type { TensorOutcome } from "../write/tensor.ts";
import { filesOfPart } from "./balance.ts";
import { completedBefore } from "../staging/completed.ts";
import { finishedFiles, type Finished } from "./receipt.ts";
import { isIntact } from "../staging/intact.ts";
import {
  COMMITTING,
  commit,
  inWorkplace,
  partsFolder,
  removeParts,
  type Workplace,
} from "./workplace.ts";

/**
 * Puts the finished files of all parts in place, with the index and the small files, the manifest last. Before that every file is
 * read back and held to its receipt. It may be run again whatever stopped it, and does no harm when it runs twice.
 * @param digest Of the plan.
 * @throws WbError WB3902 that names what is missing or damaged, WB2901, WB2902, WB2904, WB6001, WB6002, WB9001.
 */
export async function finishParts(job: Job, digest: string): Promise<Outcomes> {
  const { settings, outputs, target } = job;
  const { fileSystem, force } = settings;
  const sideFiles = await job.sideFiles();
  await refuseSource(target, job.sources);
  const folder = partsFolder(target, digest);
  const isReplacing = force && !(await exists(join(folder, COMMITTING)));
  const before = isReplacing ? undefined : await completedBefore(job);
  if (before !== undefined) {
    // What a process that was killed behind its last file left of it.
    if (await exists(folder)) await removeParts(target, folder, fileSystem);
    return before;
  }
  return inWorkplace(target, { digest, force }, fileSystem, async (workplace) => {
    const finished = await finishedFiles(workplace, outputs.files);
    await refuseIncomplete(job, finished);
    const outcomes = new Map<string, TensorOutcome>();
    for (const { tensors } of finished.values()) {
      for (const [name, outcome] of tensors) outcomes.set(name, outcome);
    }
    const manifest = { name: MANIFEST, content: job.manifest(outcomes) };
    const small = [...sideFiles, ...indexOf(outputs), manifest];
    await place(workplace, outputs.files, small, settings);
    return outcomes;
  });
}

/** @throws WbError WB3902. */
async function refuseIncomplete(
  { outputs: { files }, settings: { verify, signal, onProgress }, target }: Job,
  finished: ReadonlyMap<string, Finished>,
): Promise<void> {
  const missing = files.filter(({ name }) => !finished.has(name));
  const damaged: OutputPlan[] = [];
  const onBytes = progressOf(files, onProgress)("verify");
  for (const file of verify ? files : []) {
    const found = finished.get(file.name);
    if (found === undefined) continue;
    if (!(await isIntact(file, found.path, found.tensors, { signal, onBytes }))) damaged.push(file);
  }
  const wanted = [...missing, ...damaged];
  if (wanted.length === 0) return;
  const parts = partsOf(wanted, files, finished);
  const named = [
    ...missing.map(({ name }) => `${name} is missing`),
    ...damaged.map(({ name }) => `${name} is damaged`),
  ];
  const again = parts.length === 0 ? "" : `; run --part ${parts.join(", ")}`;
  throw new WbError(
    "WB3902",
    `${target}: of ${files.length} files ${wanted.length} are not there yet: ${named.join(", ")}${again}`,
    {
      details: {
        path: target,
        missing: missing.map(({ name }) => name),
        damaged: damaged.map(({ name }) => name),
        parts,
      },
    },
  );
}

/** The parts that hold some files, counted as most of the finished files were; none where nothing is finished. */
function partsOf(
  wanted: readonly OutputPlan[],
  files: readonly OutputPlan[],
  finished: ReadonlyMap<string, Finished>,
): readonly string[] {
  const counts = new Map<number, number>();
  for (const { part } of finished.values()) counts.set(part.of, (counts.get(part.of) ?? 0) + 1);
  const [usual] = [...counts].toSorted(([, left], [, right]) => right - left);
  if (usual === undefined) return [];
  const [of] = usual;
  const all = Array.from({ length: Math.min(of, files.length) }, (_unused, at) => at + 1);
  return all
    .filter((index) => filesOfPart(files, { index, of }).some((file) => wanted.includes(file)))
    .map((index) => `${index}/${of}`);
}

async function place(
  workplace: Workplace,
  files: readonly OutputPlan[],
  small: readonly SideFile[],
  { fileSystem, signal, force }: ConvertSettings,
): Promise<void> {
  const { target, folder, runner } = workplace;
  for (const { name, content } of small) await fileSystem.writeSmall(join(runner, name), content);
  signal?.throwIfAborted();
  await commit(workplace, fileSystem);
  await setManifestAside(workplace, small.at(-1)?.content, fileSystem);
  const names = [...files, ...small].map(({ name }) => name);
  if (force) await removeStale(target, names, fileSystem);
  for (const { name } of files) await move(join(folder, name), join(target, name), fileSystem);
  for (const { name } of small) await move(join(runner, name), join(target, name), fileSystem);
  await fileSystem.syncFolder(target);
  await fileSystem.remove(folder);
}

/** Takes the manifest of a model that is replaced away, but not that of this one, which another process may have put there. */
async function setManifestAside(
  { target, runner }: Workplace,
  mine: string | Uint8Array | undefined,
  fileSystem: FileSystem,
): Promise<void> {
  const manifest = join(target, MANIFEST);
  const text = await readText(manifest);
  // Taken aside even for a moment, it would go with the folder that the other process removes.
  if (text === undefined || text === mine) return;
  const aside = join(runner, `${basename(MANIFEST)}.old`);
  await fileSystem.rename(manifest, aside);
  if ((await readFile(aside, "utf8")) === mine) await fileSystem.rename(aside, manifest);
}

/** A rename that was done already, by another process or by a call whose answer was lost, is done. */
async function move(from: string, to: string, fileSystem: FileSystem): Promise<void> {
  try {
    await fileSystem.rename(from, to);
  } catch (error) {
    const isGone =
      error instanceof WbError && isSystemError(error.cause) && error.cause.code === "ENOENT";
    if (!isGone || !(await exists(to))) throw error;
  }
}
