import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isSystemError } from "../../errors/wb-error.ts";
import type { FileSource } from "../../sources/file.ts";
import { folderFiles, madeFiles, type ModelFiles } from "../../sources/model-files.ts";
import { openPlace } from "../../sources/places.ts";
import { isRemote } from "../../sources/remote/place.ts";
import { GGUF_MAGIC, readGgufHeader } from "./header.ts";
import { hasTokenizer, readTokenizerFacts } from "./tokenizer/facts.ts";
import { tokenizerFiles } from "./tokenizer/files.ts";

/**
 * The small files of a model.
 * @param place A folder, or a GGUF file, whose metadata amounts to them.
 * @throws WbError WB3511, WB4801, WB5511 for a GGUF file's metadata.
 */
export async function modelFiles(place: string): Promise<ModelFiles> {
  const made = await reading(place, async (source) => {
    const header = await readGgufHeader(source);
    if (!hasTokenizer(header)) return undefined;
    return madeFiles(place, tokenizerFiles(await readTokenizerFacts(source, header)));
  });
  return made ?? folderFiles(place);
}

/** What `modelFiles` is asked for of a file of weights: the file itself where it is GGUF with a tokenizer, else its folder. */
export async function homeOf(path: string): Promise<string> {
  const found = await reading(path, async (source) => hasTokenizer(await readGgufHeader(source)));
  return found === true ? path : dirname(path);
}

/** Undefined where there is no GGUF file of that path. */
async function reading<T>(
  path: string,
  read: (source: FileSource) => Promise<T>,
): Promise<T | undefined> {
  if (!(await mayBeFile(path))) return undefined;
  const source = await openPlace(path);
  try {
    const size = GGUF_MAGIC.byteLength;
    if (source.byteLength < size || !GGUF_MAGIC.equals(await source.read(0, size)))
      return undefined;
    return await read(source);
  } finally {
    await source.close();
  }
}

/** A server is not asked for what is a folder by its name. */
async function mayBeFile(path: string): Promise<boolean> {
  if (isRemote(path)) return path.endsWith(".gguf");
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
