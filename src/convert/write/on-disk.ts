import { segmentBytes } from "../../formats/file-plan.ts";
import { openFileSource } from "../../sources/file.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";
import { startReadBack, type RangeDigest } from "./read-back.ts";

export interface OnDiskOptions {
  /** Which tensors are read; all when left out. */
  readonly wanted?: (name: string) => boolean;
  readonly needsCrc32: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A tensor of a written file, and what is on the disk in its place. */
export interface TensorOnDisk extends RangeDigest {
  readonly tensor: OutputTensor;
}

/** Bytes of a file. @throws WbError WB3001, WB6002. */
export async function sizeOnDisk(path: string): Promise<number> {
  const source = await openFileSource(path);
  await source.close();
  return source.byteLength;
}

/**
 * The tensors of a written file as they are on the disk; those that are past its end are left out.
 * @throws WbError WB3001, WB6002; the signal's reason.
 */
export async function* tensorsOnDisk(
  file: OutputPlan,
  path: string,
  { wanted = () => true, needsCrc32, signal }: OnDiskOptions,
): AsyncGenerator<TensorOnDisk, void, undefined> {
  const byteLength = await sizeOnDisk(path);
  const reader = startReadBack(path);
  try {
    let position = 0;
    for (const segment of file.segments) {
      const begin = position;
      position += segmentBytes(segment);
      if (segment.kind !== "tensor" || !wanted(segment.tensor.name) || position > byteLength)
        continue;
      signal?.throwIfAborted();
      yield { tensor: segment.tensor, ...(await reader.digest(begin, position, needsCrc32)) };
    }
  } finally {
    await reader.close();
  }
}
