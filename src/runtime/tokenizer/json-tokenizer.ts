import { WbError } from "../../errors/wb-error.ts";
import type { RawConfig } from "../../model/config/fields.ts";
import type { PipelineToken } from "./pipeline/added-tokens.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline, type PipelineParts } from "./pipeline/pipeline.ts";
import { pipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import {
  readTokenizerSettings,
  type AddedToken,
  type TokenizerSettings,
} from "./special-tokens.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import { readTokenizerText } from "./read-text.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

/**
 * Opens tokenizer.json as transformers' fast classes do, with the settings beside it.
 * @throws WbError WB3801, WB3802, WB3803, WB4801.
 */
export async function openJsonTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const name = "tokenizer.json";
  const json = await readJson(files, name);
  const parts = readPipeline(new JsonPart(json, files.pathOf(name), "tokenizer"));
  return withSettings(files, parts);
}

/**
 * What transformers puts around the parts: the tokens and settings that the files beside them name.
 * @param defaults Fields of tokenizer_config.json that the class has where the file does not have them.
 */
export async function withSettings(
  files: ModelFiles,
  parts: PipelineParts,
  defaults: RawConfig = {},
): Promise<Tokenizer> {
  const idOf = (content: string): number | undefined =>
    parts.tokens.find((token) => token.content === content)?.id ?? parts.subwords.idOf(content);
  const settings = await readTokenizerSettings(files, idOf, { namesDefaults: false, defaults });
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

async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const text = await readTokenizerText(files, name);
  try {
    return JSON.parse(text);
  } catch (error) {
    const path = files.pathOf(name);
    throw new WbError("WB3802", `${path}: expected JSON`, { details: { path }, cause: error });
  }
}
