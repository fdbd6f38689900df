import { MANIFEST } from "../../mapping/converted-folder.ts";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import { exists, readText } from "./file-system.ts";
import { isIntact } from "./intact.ts";
import { isSameConversion } from "../manifest.ts";
import type { Outputs } from "../outputs.ts";
import { progressOf, type RunOptions } from "../run-options.ts";
import type { TensorOutcome } from "../write/file.ts";
import { writeTensor } from "../write/tensor.ts";

/**
 * What a target holds when this very conversion was completed before: the manifest is the one that the source gives, and every file
 * has its digests. Undefined for any other target. A process that is killed between its last change and its end is started again by
 * its scheduler, and should find that all is done.
 *
 * Nothing but the source itself can say that, so it is read once more; only where a manifest is in place.
 */
export async function completedBefore(
  outputs: Outputs,
  options: Omit<RunOptions, "resume">,
): Promise<ReadonlyMap<string, TensorOutcome> | undefined> {
  const { target, signal, onProgress } = options;
  const text = await readText(join(target, MANIFEST));
  if (text === undefined || !(await haveTheirLengths(outputs, target))) return undefined;
  const counter = progressOf(outputs.files, onProgress);
  const outcomes = await digestSource(outputs, signal, counter("convert"));
  if (!isSameConversion(options.manifest(outcomes), text)) return undefined;
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
  outputs: Outputs,
  signal: AbortSignal | undefined,
  onBytes: (count: number, item: string) => void,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const buffers = new BufferRing();
  const outcomes = new Map<string, TensorOutcome>();
  for (const tensor of outputs.tensors) {
    const how = {
      needsCrc32: false,
      buffers,
      signal,
      onBytes: (count: number) => {
        onBytes(count, tensor.name);
      },
    };
    outcomes.set(tensor.name, await writeTensor(tensor, how, () => undefined));
  }
  return outcomes;
}
