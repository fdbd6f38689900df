import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { checkSpace } from "../run.ts";
import { progressOf, type Job, type Outcomes } from "../job.ts";
import { refuseSource } from "../staging/target-folder.ts";
import type { ConvertSettings } from "../settings.ts";
import { writeFiles } from "../write/files.ts";
import { checkRecords, refuseChanged, sourceStates } from "../write/source-guard.ts";
import type { TensorOutcome } from "../write/tensor.ts";
import { filesOfPart, type Part } from "./balance.ts";
import { isIntact } from "../staging/intact.ts";
import { finishedFiles, handIn, type Finished } from "./receipt.ts";
import { inWorkplace, type Workplace } from "./workplace.ts";

export interface PartOutcome {
  readonly files: readonly OutputPlan[];
  /** Names of those that were written before, by whomever. */
  readonly kept: readonly string[];
  readonly outcomes: Outcomes;
}

/**
 * Writes the files of one part, each whole or not at all, into the target's staging folder. Files that are there already are read
 * back and kept; those that were damaged are written again. Whatever ends it, it may be run again, anywhere.
 * @param digest Of the plan.
 * @throws WbError WB1901, WB2901, WB2902, WB2904, WB6001, WB6002, WB9001.
 */
export async function runPart(job: Job, part: Part, digest: string): Promise<PartOutcome> {
  const { settings, target } = job;
  const { fileSystem, force } = settings;
  await refuseSource(target, job.sources);
  const files = filesOfPart(job.outputs.files, part);
  const how = { digest, force };
  return inWorkplace(target, how, fileSystem, async (workplace) => {
    const kept = await keepable(workplace, files, settings);
    const missing = files.filter(({ name }) => !kept.has(name));
    await checkSpace(target, missing.map(fileBytes));
    const outcomes = await writeMissing(workplace, part, missing, job);
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
  { verify, signal, onProgress }: ConvertSettings,
): Promise<ReadonlyMap<string, Finished>> {
  const finished = new Map(await finishedFiles(workplace, files));
  if (!verify) return finished;
  const onBytes = progressOf(files, onProgress)("verify");
  for (const file of files) {
    const found = finished.get(file.name);
    if (found === undefined) continue;
    if (!(await isIntact(file, found.path, found.tensors, { signal, onBytes })))
      finished.delete(file.name);
  }
  return finished;
}

/** A file that is not finished is begun anew: nobody need read what was noted of its tensors. */
const NO_JOURNAL = { tensor: () => Promise.resolve() };

async function writeMissing(
  workplace: Workplace,
  part: Part,
  missing: readonly OutputPlan[],
  job: Job,
): Promise<Map<string, TensorOutcome>> {
  const { signal, fileSystem } = job.settings;
  const { runner } = workplace;
  const place = { folder: runner, staging: runner, isNew: true, journal: undefined };
  const states = await sourceStates(job.sources);
  return writeFiles(missing, place, job, NO_JOURNAL, async (file, tensors) => {
    await checkRecords([file], signal);
    await refuseChanged(states);
    await handIn(workplace, file, { part, tensors }, fileSystem);
  });
}
