import type { FileSource } from "../../../sources/file.ts";
import { shownName } from "../../../tensor/shown-name.ts";
import {
  damagedMatrix,
  FLOAT_BYTES,
  type ImportanceEntries,
  type ImportanceEntry,
} from "./entry.ts";

/** Tensors at most: the largest models have a few thousand. */
const MAX_ENTRIES = 1_048_576;
/** Bytes of a name at most: ggml's names have 63. */
const MAX_NAME_BYTES = 1024;
const COUNT_BYTES = 4;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Entries of llama-imatrix's own form (llama.cpp, common/imatrix-loader.cpp, `common_imatrix_load_legacy`, llama-cpp-python 0.3.36): a number
 * of entries; for each the name, a number of calls, a number of values, the values; then maybe chunks and the name of a text. The form has no
 * mark of its own, so that it must account for every byte of the file.
 * @throws WbError WB3513.
 */
export async function legacyEntries(source: FileSource): Promise<ImportanceEntries> {
  const { label, byteLength } = source;
  let at = 0;
  const take = async (bytes: number, what: string): Promise<Buffer> => {
    if (bytes > byteLength - at)
      throw damagedMatrix(
        label,
        at,
        `${what} needs ${bytes} bytes, but only ${byteLength - at} are left`,
      );
    const read = await source.read(at, bytes);
    at += bytes;
    return Buffer.from(read.buffer, read.byteOffset, read.byteLength);
  };
  const count = async (least: number, most: number, what: string): Promise<number> => {
    const begin = at;
    const value = (await take(COUNT_BYTES, what)).readInt32LE();
    if (value >= least && value <= most) return value;
    throw damagedMatrix(label, begin, `${what} is ${value}, expected ${least} to ${most}`);
  };
  const text = async (most: number, what: string): Promise<string> => {
    const bytes = await take(await count(0, most, `the length of ${what}`), what);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw damagedMatrix(label, at - bytes.byteLength, `${what} is not UTF-8`);
    }
  };
  const total = await count(1, MAX_ENTRIES, "the number of entries");
  const entries = new Map<string, ImportanceEntry>();
  for (let index = 0; index < total; index++) {
    const begin = at;
    const name = await text(MAX_NAME_BYTES, "a name");
    if (entries.has(name))
      throw damagedMatrix(label, begin, `the entry ${shownName(name)} is there twice`);
    const calls = await count(-(2 ** 31), 2 ** 31 - 1, `the calls of ${shownName(name)}`);
    const left = Math.floor((byteLength - at - COUNT_BYTES) / FLOAT_BYTES);
    const values = await count(1, Math.max(1, left), `the number of values of ${shownName(name)}`);
    entries.set(name, { name, begin: at, values, counts: [calls] });
    at += FLOAT_BYTES * values;
  }
  if (at < byteLength) await count(-(2 ** 31), 2 ** 31 - 1, "the number of chunks");
  if (at < byteLength) await text(byteLength - at - COUNT_BYTES, "the name of the text");
  if (at !== byteLength)
    throw damagedMatrix(label, at, `${byteLength - at} bytes are left behind the last entry`);
  return { entries, isEvenWithoutCount: false };
}
