import { dirname } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { homeOf, modelFiles } from "./gguf/model-files.ts";
import { isFolder } from "./open.ts";
import { chooseWeightSet } from "./sets/folder.ts";

/**
 * Where a model's small files are: its folder, or the GGUF file that holds its own tokenizer.
 * @param path A file of weights, an index or a folder.
 */
export async function modelHome(path: string): Promise<string> {
  if (!(await isFolder(path))) return homeOf(path);
  const weights = await ggufIn(path);
  if (weights === undefined) return path;
  const home = await homeOf(weights);
  return home === weights ? weights : path;
}

/** The GGUF file that a folder's weights are, or the first of them; undefined where its weights are others or none. */
async function ggufIn(folder: string): Promise<string | undefined> {
  try {
    const { set } = await chooseWeightSet(folder);
    if (set.framework !== "gguf") return undefined;
    return set.parts[0]?.path ?? set.path;
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
}

/** The home that a conversion takes the small files from, and what is to be said of it. */
export async function carriedFrom(
  home: string,
): Promise<{ readonly home: string; readonly notes: readonly string[] }> {
  try {
    await modelFiles(home);
    return { home, notes: [] };
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB4801") throw error;
    return { home: dirname(home), notes: [`the tokenizer is not written: ${error.message}`] };
  }
}
