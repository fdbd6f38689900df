import { WbError } from "../../errors/wb-error.ts";
import type { RawConfig } from "../../model/config/fields.ts";
import type { PipelineToken } from "./pipeline/added-tokens.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline, withTokens, type PipelineParts } from "./pipeline/pipeline.ts";
import { pipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import { readTokenizerSettings, type TokenizerSettings } from "./special-tokens.ts";
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
  // A token that no file has an id of gets the next one when it is added.
  const settings = await readTokenizerSettings(files, (content) => idOf(content) ?? UNPLACED, {
    namesDefaults: false,
    defaults,
  });
  const all = withTokens(parts, changedTokens(parts.tokens, settings));
  const idIn = (name: "bos" | "eos" | "pad"): number | undefined =>
    all.tokens.find(({ content }) => content === settings.specialTokens[`${name}_token`])?.id ??
    settings[`${name}Id`];
  // A flag that is written takes the place of the post-processor, as in transformers 5.
  const surroundings = settings.saysSurroundings ? undefined : parts.surroundings;
  return pipelineTokenizer(
    { ...all, surroundings },
    {
      ...settings,
      addedTokens: all.tokens,
      bosId: idIn("bos"),
      eosId: idIn("eos"),
      padId: idIn("pad"),
      ...(settings.saysSurroundings ? {} : NOTHING_ADDED),
    },
  );
}

/** Where nothing says it, transformers' fast classes add nothing. */
const NOTHING_ADDED: Pick<TokenizerSettings, "addBos" | "addEos"> = {
  addBos: false,
  addEos: false,
};

/** The id of a token that the vocabulary does not have, until it is placed. */
const UNPLACED = -1;

/**
 * Tokens that transformers adds to those of tokenizer.json: what the files beside it list in another way than it does, and what they
 * name alone.
 */
function changedTokens(
  own: readonly PipelineToken[],
  { addedTokens, specialTokens }: TokenizerSettings,
): readonly PipelineToken[] {
  const named = new Set(Object.values(specialTokens));
  const known = new Map(own.map((token) => [token.content, token]));
  return addedTokens
    .map((token) => ({
      ...token,
      singleWord: token.singleWord ?? false,
      normalized: token.normalized ?? !token.special,
    }))
    .filter((token) => {
      const other = known.get(token.content);
      if (other === undefined) return true;
      return token.listed === true && FLAGS.some((flag) => token[flag] !== other[flag]);
    })
    .map((token) => ({ ...token, special: token.special || named.has(token.content) }));
}

const FLAGS = ["special", "lstrip", "rstrip", "singleWord", "normalized"] as const;

async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const text = await readTokenizerText(files, name);
  try {
    return JSON.parse(text);
  } catch (error) {
    const path = files.pathOf(name);
    throw new WbError("WB3802", `${path}: expected JSON`, { details: { path }, cause: error });
  }
}
