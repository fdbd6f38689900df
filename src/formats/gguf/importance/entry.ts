import { WbError } from "../../../errors/wb-error.ts";
import type { FileSource } from "../../../sources/file.ts";
import { shownName } from "../../../tensor/shown-name.ts";

/** What a file has for one tensor: sums of squared activations, one for each column, one matrix of a stack after the other. */
export interface ImportanceEntry {
  readonly name: string;
  /** Byte of the first sum, a little-endian float32. */
  readonly begin: number;
  readonly values: number;
  /** Of the matrices of a stack, over how many tokens or calls their sums were made. */
  readonly counts: readonly number[];
}

/** A file's entries by their tensors' names in GGUF. */
export interface ImportanceEntries {
  readonly entries: ReadonlyMap<string, ImportanceEntry>;
  /** Whether a matrix without a count weighs all columns alike; else its sums are taken as they are. */
  readonly isEvenWithoutCount: boolean;
}

export const FLOAT_BYTES = 4;

/** Bytes that are looked at in one go. */
const BAND_BYTES = 2 ** 20;

/** @throws WbError WB3513 for a sum that is not a finite number of at least 0. */
export async function checkSums(source: FileSource, entry: ImportanceEntry): Promise<void> {
  const end = entry.begin + FLOAT_BYTES * entry.values;
  for (let begin = entry.begin; begin < end; begin += BAND_BYTES) {
    const bytes = await source.read(begin, Math.min(BAND_BYTES, end - begin));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += FLOAT_BYTES) {
      const sum = view.getFloat32(at, true);
      if (sum >= 0 && sum < Infinity) continue;
      throw damagedMatrix(
        source.label,
        begin + at,
        `${shownName(entry.name)} has a sum of squares that is ${sum}`,
      );
    }
  }
}

/** So many little-endian floats from byte `begin` on. */
export async function readFloats(
  source: FileSource,
  begin: number,
  length: number,
): Promise<Float32Array> {
  const bytes = await source.read(begin, FLOAT_BYTES * length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length }, (_unused, index) =>
    view.getFloat32(FLOAT_BYTES * index, true),
  );
}

export function damagedMatrix(path: string, offset: number, problem: string): WbError {
  return new WbError("WB3513", `${path}: byte ${offset}: ${problem}`, {
    details: { path, offset },
  });
}
