import type { FileSource } from "../../../sources/file.ts";
import { shownName } from "../../../tensor/shown-name.ts";
import type { StoredTensor } from "../../../tensor/table.ts";
import { openGguf } from "../read.ts";
import {
  damagedMatrix,
  readFloats,
  type ImportanceEntries,
  type ImportanceEntry,
} from "./entry.ts";

const SUMS = ".in_sum2";
const COUNTS = ".counts";

/**
 * Entries of the newer form, a GGUF file with two tensors for each of the model's (llama.cpp, tools/imatrix/imatrix.cpp, `save_imatrix`, and
 * common/imatrix-loader.cpp, `common_imatrix_load`, llama-cpp-python 0.3.36).
 * @throws WbError WB3513; those of the GGUF reader.
 */
export async function sumEntries(source: FileSource): Promise<ImportanceEntries> {
  const { label } = source;
  const { tensors } = await openGguf(source);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const entries = new Map<string, ImportanceEntry>();
  for (const [stored, counts] of byName)
    if (stored.endsWith(COUNTS) && !byName.has(partner(stored, COUNTS, SUMS)))
      throw damagedMatrix(label, counts.byteOffset, `${shownName(stored)} has no sums`);
  for (const [stored, sums] of byName) {
    if (!stored.endsWith(SUMS)) continue;
    const name = stored.slice(0, -SUMS.length);
    const counts = byName.get(partner(stored, SUMS, COUNTS));
    if (counts === undefined)
      throw damagedMatrix(label, sums.byteOffset, `${shownName(stored)} has no counts`);
    const [values, matrices] = [floatsIn(sums, label), floatsIn(counts, label)];
    if (matrices === 0 || values === 0 || values % matrices !== 0)
      throw damagedMatrix(
        label,
        sums.byteOffset,
        `${shownName(stored)} has ${values} sums and ${matrices} counts, which do not go together`,
      );
    const numbers = await readFloats(source, counts.byteOffset, matrices);
    entries.set(name, {
      name,
      begin: sums.byteOffset,
      values,
      counts: Array.from(numbers, (count) => wholeCount(count, counts, label)),
    });
  }
  if (entries.size > 0) return { entries, isEvenWithoutCount: true };
  throw damagedMatrix(label, 0, `no tensor is named *${SUMS}: this is no importance matrix`);
}

function partner(stored: string, own: string, other: string): string {
  return `${stored.slice(0, -own.length)}${other}`;
}

/** How many numbers a tensor of the file has. */
function floatsIn(
  { name, dtype, shape, byteOffset, byteOrder, quantised }: StoredTensor,
  label: string,
): number {
  if (dtype !== "F32" || quantised !== undefined || byteOrder !== "little")
    throw damagedMatrix(
      label,
      quantised?.begin ?? byteOffset,
      `${shownName(name)} is ${quantised?.type ?? `${byteOrder}-endian ${dtype}`}, expected little-endian F32`,
    );
  return shape.reduce((product, size) => product * size, 1);
}

/** Nearest, halves up, as C's `lround` does it for what is not below 0. */
function wholeCount(count: number, { name, byteOffset }: StoredTensor, label: string): number {
  if (count >= 0 && count < Infinity) return Math.floor(count + 0.5);
  throw damagedMatrix(label, byteOffset, `${shownName(name)} has a count that is ${count}`);
}
