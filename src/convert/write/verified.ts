import { stat } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { exists } from "../staging/file-system.ts";
import type { Target } from "../staging/target-folder.ts";
import { writeOutput, type TensorOutcome, type WriteFileOptions } from "./file.ts";

/**
 * Writes one output file into the staging folder, each tensor read back as soon as it was written, and makes sure that the file
 * is whole.
 * @throws WbError WB1901, WB6001, WB6002.
 */
export async function writeVerified(
  file: OutputPlan,
  target: Target,
  options: WriteFileOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const outcomes = await writeOutput(file, target, options);
  const staged = join(target.staging, file.name);
  const path = (await exists(staged)) ? staged : join(target.folder, file.name);
  const { size } = await stat(path);
  const tensors = file.segments.filter(({ kind }) => kind === "tensor").length;
  if (outcomes.size === tensors && size === fileBytes(file)) return outcomes;
  throw new WbError(
    "WB1901",
    `${path}: has ${size} bytes and ${outcomes.size} tensors as written, expected ${fileBytes(file)} and ${tensors}`,
  );
}
