import { WbError } from "../../../errors/wb-error.ts";
import { openFileSource, type FileSource } from "../../../sources/file.ts";
import { GGUF_MAGIC } from "../header.ts";
import { checkSums, FLOAT_BYTES, readFloats, type ImportanceEntries } from "./entry.ts";
import { legacyEntries } from "./legacy.ts";
import { sumEntries } from "./sums.ts";

/** What llama-quantize is given to weigh a tensor's columns by. */
export interface ImportanceMatrix {
  readonly path: string;
  /** How many tensors it has something for. */
  readonly tensors: number;
  /** How many values it has for a tensor: its columns, times the matrices of a stack. Undefined where it has none. */
  sizeOf(tensor: string): number | undefined;
  /** Values `begin` to `end`, not included: mean squares of what the columns were multiplied by. */
  read(tensor: string, begin: number, end: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens an importance matrix in either of llama.cpp's forms. Every length is held against the file before anything is allocated for it, and every
 * value is looked at; values are read tensor by tensor, as they are asked for.
 * @throws WbError WB3513 for a damaged one, or a file that is none; those of the GGUF reader and of the system.
 */
export async function openImportanceMatrix(path: string): Promise<ImportanceMatrix> {
  const source = await openFileSource(path);
  try {
    const size = GGUF_MAGIC.byteLength;
    const isGguf = source.byteLength >= size && GGUF_MAGIC.equals(await source.read(0, size));
    const found = isGguf ? await sumEntries(source) : await legacyEntries(source);
    for (const entry of found.entries.values()) await checkSums(source, entry);
    return matrixOf(source, found);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function matrixOf(
  source: FileSource,
  { entries, isEvenWithoutCount }: ImportanceEntries,
): ImportanceMatrix {
  return {
    path: source.label,
    tensors: entries.size,
    sizeOf: (tensor) => entries.get(tensor)?.values,
    read: async (tensor, begin, end) => {
      const entry = entries.get(tensor);
      if (entry === undefined || end > entry.values)
        throw new WbError(
          "WB7001",
          `${source.label} has no values ${begin} to ${end} of ${tensor}`,
        );
      const sums = await readFloats(source, entry.begin + FLOAT_BYTES * begin, end - begin);
      const columns = entry.values / entry.counts.length;
      // float32, as llama-quantize divides: a quotient of two of them, rounded twice, is the same.
      return sums.map((sum, index) => {
        const count = entry.counts[Math.floor((begin + index) / columns)] ?? 0;
        if (count > 0) return sum / Math.fround(count);
        return isEvenWithoutCount ? 1 : sum;
      });
    },
    close: () => source.close(),
  };
}
