import { join } from "node:path";
import type { FilePlan } from "./file-plan.ts";
import { exists } from "./file-system.ts";
import type { Target } from "./target-folder.ts";
import { Verification } from "./verification.ts";
import { writeOutput, type TensorOutcome, type WriteFileOptions } from "./write-file.ts";

export interface WriteVerifiedOptions extends Omit<WriteFileOptions, "onTensor"> {
  /** Whether what was written is read back and compared. */
  readonly verify: boolean;
  /** Told the bytes as they are read back. */
  onVerified(count: number, item: string): void;
}

/**
 * Writes one output file into the staging folder, and reads it back while it is being written.
 * @throws WbError WB1901, WB6001, WB6002.
 */
export async function writeVerified(
  file: FilePlan,
  target: Target,
  options: WriteVerifiedOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const { signal } = options;
  const onBytes = (count: number, item: string): void => {
    options.onVerified(count, item);
  };
  const verification = options.verify ? new Verification(file, { signal, onBytes }) : undefined;
  try {
    const outcomes = await writeOutput(file, target, {
      ...options,
      onTensor: (path, tensor, begin) => verification?.written(path, tensor, begin),
    });
    const staged = join(target.staging, file.name);
    const path = (await exists(staged)) ? staged : join(target.folder, file.name);
    await verification?.finish(path, outcomes);
    return outcomes;
  } finally {
    await verification?.close();
  }
}
