import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { sizeOnDisk, tensorsOnDisk } from "../write/on-disk.ts";
import type { TensorOutcome } from "../write/tensor.ts";

export interface IntactOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes of each tensor that was found as expected. */
  onBytes(count: number, item: string): void;
}

/** Whether a file, read back, holds exactly the tensors that are expected. @throws WbError WB3001, WB6002. */
export async function isIntact(
  file: OutputPlan,
  path: string,
  expected: ReadonlyMap<string, TensorOutcome>,
  options: IntactOptions,
): Promise<boolean> {
  const tensors = file.segments.filter(({ kind }) => kind === "tensor").length;
  if (tensors !== expected.size || (await sizeOnDisk(path)) !== fileBytes(file)) return false;
  const { signal } = options;
  for await (const found of tensorsOnDisk(file, path, { needsCrc32: false, signal })) {
    const { name, byteLength } = found.tensor;
    if (found.sha256 !== expected.get(name)?.sha256) return false;
    options.onBytes(byteLength, name);
  }
  return true;
}
