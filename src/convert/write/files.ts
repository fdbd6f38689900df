import { BufferRing } from "../../mapping/buffer-ring.ts";
import { progressOf, type Job, type Outcomes } from "../job.ts";
import type { OutputPlan } from "../output-tensor.ts";
import type { Target } from "../staging/target-folder.ts";
import { writeOutput, type FileWriting } from "./file.ts";
import { openWritePool } from "./pool.ts";
import type { TensorOutcome } from "./tensor.ts";
import { refuseOther } from "./verified.ts";

/**
 * Writes some files of a conversion, one after another, each tensor read back as soon as it was written, and makes sure that each
 * file is whole. Threads that write have ended when this does, however it ends.
 * @param onFile Told of each file that is whole, before the next is begun.
 * @throws WbError WB1901, WB1902, WB6001, WB6002, WB9001.
 */
export async function writeFiles(
  files: readonly OutputPlan[],
  target: Target,
  { settings }: Job,
  journal: FileWriting["journal"],
  onFile?: (file: OutputPlan, tensors: Outcomes) => Promise<void>,
): Promise<Map<string, TensorOutcome>> {
  const counter = progressOf(files, settings.onProgress);
  const pool = openWritePool(files, settings);
  const buffers = new BufferRing();
  const counted = { onBytes: counter("convert"), onVerified: counter("verify") };
  const writing: FileWriting = { settings, journal, pool, buffers, ...counted };
  const all = new Map<string, TensorOutcome>();
  try {
    for (const file of files) {
      const tensors = await writeOutput(file, target, writing);
      await refuseOther(file, target, tensors);
      await onFile?.(file, tensors);
      for (const [name, outcome] of tensors) all.set(name, outcome);
    }
    return all;
  } catch (error) {
    // A thread that was stopped knows no reason.
    settings.signal?.throwIfAborted();
    throw error;
  } finally {
    await pool?.close();
  }
}
