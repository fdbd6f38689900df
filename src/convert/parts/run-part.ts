import { BufferRing } from "../../mapping/buffer-ring.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import type { Outputs } from "../outputs.ts";
import { checkSpace } from "../run.ts";
import { progressOf, type RunOptions } from "../run-options.ts";
import { refuseSource } from "../staging/target-folder.ts";
import type { TensorOutcome } from "../write/file.ts";
import { withWritePool } from "../write/pool.ts";
import { checkRecords, refuseChanged, sourceStates } from "../write/source-guard.ts";
import { writeVerified } from "../write/verified.ts";
import { filesOfPart, type Part } from "./balance.ts";
import { isIntact } from "../staging/intact.ts";
import { finishedFiles, handIn, type Finished } from "./receipt.ts";
import { inWorkplace, type Workplace } from "./workplace.ts";

export type RunPartOptions = Omit<RunOptions, "sideFiles" | "manifest" | "resume">;

export interface PartOutcome {
  readonly files: readonly OutputPlan[];
  /** Names of those that were written before, by whomever. */
  readonly kept: readonly string[];
  readonly outcomes: ReadonlyMap<string, TensorOutcome>;
}

/**
 * Writes the files of one part, each whole or not at all, into the target's staging folder. Files that are there already are read
 * back and kept; those that were damaged are written again. Whatever ends it, it may be run again, anywhere.
 * @param digest Of the plan.
 * @throws WbError WB1901, WB2901, WB2902, WB2904, WB6001, WB6002, WB9001.
 */
export async function runPart(
  outputs: Outputs,
  part: Part,
  digest: string,
  options: RunPartOptions,
): Promise<PartOutcome> {
  const { fileSystem, target } = options;
  await refuseSource(target, options.sources);
  const files = filesOfPart(outputs.files, part);
  const how = { digest, force: options.force };
  return inWorkplace(target, how, fileSystem, async (workplace) => {
    const kept = await keepable(workplace, files, options);
    const missing = files.filter(({ name }) => !kept.has(name));
    await checkSpace(target, missing.map(fileBytes));
    const outcomes = await writeMissing(workplace, part, missing, options);
    for (const { tensors } of kept.values()) {
      for (const [name, outcome] of tensors) outcomes.set(name, outcome);
    }
    return { files, kept: [...kept.keys()], outcomes };
  });
}

/** Finished files of the part whose bytes are still those that were written. */
async function keepable(
  workplace: Workplace,
  files: readonly OutputPlan[],
  options: RunPartOptions,
): Promise<ReadonlyMap<string, Finished>> {
  const finished = new Map(await finishedFiles(workplace, files));
  const { verify, signal } = options;
  if (!verify) return finished;
  const onBytes = progressOf(files, options.onProgress)("verify");
  for (const file of files) {
    const found = finished.get(file.name);
    if (found === undefined) continue;
    if (!(await isIntact(file, found.path, found.tensors, { signal, onBytes })))
      finished.delete(file.name);
  }
  return finished;
}

async function writeMissing(
  workplace: Workplace,
  part: Part,
  missing: readonly OutputPlan[],
  options: RunPartOptions,
): Promise<Map<string, TensorOutcome>> {
  const { fileSystem, signal, verify, onProgress } = options;
  const { runner } = workplace;
  const all = new Map<string, TensorOutcome>();
  const counter = progressOf(missing, onProgress);
  const how = {
    // A file that is not finished is begun anew: nobody need read what was noted of its tensors.
    journal: { tensor: () => Promise.resolve() },
    buffers: new BufferRing(),
    onBytes: counter("convert"),
    onVerified: counter("verify"),
    fileSystem,
    signal,
    verify,
  };
  const states = await sourceStates(options.sources);
  await withWritePool({ files: missing, fileSystem, signal }, async (pool) => {
    for (const file of missing) {
      const place = { folder: runner, staging: runner, isNew: true, journal: undefined };
      const tensors = await writeVerified(file, place, { ...how, pool });
      await checkRecords([file], signal);
      await refuseChanged(states);
      await handIn(workplace, file, { part, tensors }, fileSystem);
      for (const [name, outcome] of tensors) all.set(name, outcome);
    }
  });
  return all;
}
