import { openFileSource } from "../../sources/file.ts";
import { fileBytes, segmentBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { startReadBack } from "../write/read-back.ts";
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
  const source = await openFileSource(path);
  await source.close();
  const tensors = file.segments.filter(({ kind }) => kind === "tensor").length;
  if (tensors !== expected.size || source.byteLength !== fileBytes(file)) return false;
  const reader = startReadBack(path);
  try {
    let position = 0;
    for (const segment of file.segments) {
      const begin = position;
      position += segmentBytes(segment);
      if (segment.kind !== "tensor") continue;
      const { name, byteLength } = segment.tensor;
      options.signal?.throwIfAborted();
      const { sha256 } = await reader.digest(begin, position, false);
      if (sha256 !== expected.get(name)?.sha256) return false;
      options.onBytes(byteLength, name);
    }
    return true;
  } finally {
    await reader.close();
  }
}
