import { WbError } from "../../errors/wb-error.ts";
import type { ModelFiles } from "../../sources/model-files.ts";

/** Largest tokenizer file we read, in bytes; the largest published tokenizer.json has about 40 MB. */
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20;

/** @throws WbError WB3801 where it is not there. */
export async function readTokenizerBytes(files: ModelFiles, name: string): Promise<Uint8Array> {
  const bytes = await files.read(name, MAX_TOKENIZER_BYTES);
  if (bytes !== undefined) return bytes;
  const path = files.pathOf(name);
  throw new WbError("WB3801", `${path}: no such file`, { details: { path } });
}

/** @throws WbError WB3801 where it is not there, WB3802 where it is not UTF-8. */
export async function readTokenizerText(files: ModelFiles, name: string): Promise<string> {
  const bytes = await readTokenizerBytes(files, name);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const path = files.pathOf(name);
    throw new WbError("WB3802", `${path}: expected UTF-8`, { details: { path }, cause: error });
  }
}
