import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { readSmall } from "../../sources/places.ts";
import type { PipelineToken } from "./pipeline/added-tokens.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline, type PipelineParts } from "./pipeline/pipeline.ts";
import { pipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import {
  readTokenizerSettings,
  type AddedToken,
  type TokenizerSettings,
} from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

/** Largest tokenizer.json we read, in bytes; the largest published ones have about 40 MB. */
const MAX_JSON_BYTES = 256 * 2 ** 20;

/**
 * Opens tokenizer.json as transformers' fast classes do, with the settings beside it.
 * @throws WbError WB3801, WB3802, WB3803, WB4801.
 */
export async function openJsonTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, "tokenizer.json");
  const parts = readPipeline(new JsonPart(await readJson(path), path, "tokenizer"));
  return withSettings(folder, parts);
}

/** What transformers puts around the parts: the tokens and settings that the files beside them name. */
export async function withSettings(folder: string, parts: PipelineParts): Promise<Tokenizer> {
  const idOf = (content: string): number | undefined =>
    parts.tokens.find((token) => token.content === content)?.id ?? parts.subwords.idOf(content);
  const settings = await readTokenizerSettings(folder, idOf, { namesDefaults: false });
  const tokens = joined(parts.tokens, settings.addedTokens);
  // A flag that is written takes the place of the post-processor, as in transformers 5.
  const surroundings = settings.saysSurroundings ? undefined : parts.surroundings;
  return pipelineTokenizer(
    { ...parts, tokens, surroundings },
    { ...settings, addedTokens: tokens, ...(settings.saysSurroundings ? {} : NOTHING_ADDED) },
  );
}

/** Where nothing says it, transformers' fast classes add nothing. */
const NOTHING_ADDED: Pick<TokenizerSettings, "addBos" | "addEos"> = {
  addBos: false,
  addEos: false,
};

/** Those of tokenizer.json, and those that only the files beside it have. */
function joined(
  own: readonly PipelineToken[],
  others: readonly AddedToken[],
): readonly PipelineToken[] {
  const known = new Set(own.map(({ content }) => content));
  const more = others
    .filter(({ content }) => !known.has(content))
    .map((token) => ({ ...token, singleWord: false, normalized: !token.special }));
  return [...own, ...more];
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readSmall(path, MAX_JSON_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3801", `${path}: no such file`, { details: { path } });
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.parse(text);
  } catch (error) {
    throw new WbError("WB3802", `${path}: expected JSON`, { details: { path }, cause: error });
  }
}
