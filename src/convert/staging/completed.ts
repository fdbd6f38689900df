import { MANIFEST } from "../../mapping/converted-folder.ts";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import { exists, readText } from "./file-system.ts";
import { isIntact } from "./intact.ts";
import { isSameConversion } from "../manifest.ts";
import type { Outputs } from "../outputs.ts";
import { progressOf, type Job, type Outcomes } from "../job.ts";
import { writeTensor, type TensorOutcome } from "../write/tensor.ts";

/**
 * What a target holds when this very conversion was completed before: the manifest is the one that the source gives, and every file
 * has its digests. Undefined for any other target. A process that is killed between its last change and its end is started again by
 * its scheduler, and should find that all is done.
 *
 * Nothing but the source itself can say that, so it is read once more; only where a manifest is in place.
 */
export async function completedBefore(job: Job): Promise<Outcomes | undefined> {
  const { outputs, settings, target } = job;
  const { signal } = settings;
  const text = await readText(join(target, MANIFEST));
  if (text === undefined || !(await haveTheirLengths(outputs, target))) return undefined;
  const counter = progressOf(outputs.files, settings.onProgress);
  const outcomes = await digestSource(job, counter("convert"));
  if (!isSameConversion(job.manifest(outcomes), text)) return undefined;
  const onBytes = counter("verify");
  for (const file of outputs.files) {
    const expected = new Map<string, TensorOutcome>();
    for (const segment of file.segments) {
      const name = segment.kind === "tensor" ? segment.tensor.name : "";
      const outcome = outcomes.get(name);
      if (outcome !== undefined) expected.set(name, outcome);
    }
    const path = join(target, file.name);
    if (!(await isIntact(file, path, expected, { signal, onBytes }))) return undefined;
  }
  return outcomes;
}

async function haveTheirLengths({ files }: Outputs, target: string): Promise<boolean> {
  for (const file of files) {
    const path = join(target, file.name);
    if (!(await exists(path)) || (await stat(path)).size !== fileBytes(file)) return false;
  }
  return true;
}

/** What the source's tensors would be written as. */
async function digestSource(
  { outputs, settings }: Job,
  onBytes: (count: number, item: string) => void,
): Promise<Outcomes> {
  const writing = { settings, buffers: new BufferRing(), onBytes, onVerified: () => undefined };
  const outcomes = new Map<string, TensorOutcome>();
  for (const tensor of outputs.tensors)
    outcomes.set(tensor.name, await writeTensor(tensor, false, writing, () => undefined));
  return outcomes;
}
