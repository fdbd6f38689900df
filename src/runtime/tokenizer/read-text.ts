import { WbError } from "../../errors/wb-error.ts";
import { readSmall } from "../../sources/places.ts";

/** Largest tokenizer file we read, in bytes; the largest published tokenizer.json has about 40 MB. */
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20;

/** @throws WbError WB3801 where it is not there, WB3802 where it is not UTF-8. */
export async function readTokenizerText(path: string): Promise<string> {
  const bytes = await readSmall(path, MAX_TOKENIZER_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3801", `${path}: no such file`, { details: { path } });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new WbError("WB3802", `${path}: expected UTF-8`, { details: { path }, cause: error });
  }
}
