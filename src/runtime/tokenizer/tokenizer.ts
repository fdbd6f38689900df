import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { openJsonTokenizer } from "./json-tokenizer.ts";
import { isTiktokenFile, openTiktoken } from "./tiktoken.ts";
import { openVocabularyAndMerges, openVocabularyText } from "./vocabulary-files.ts";
import { openSentencePiece } from "./sentencepiece.ts";
import { sentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { readTokenizerSettings } from "./special-tokens.ts";
import { chooseTokenizerFile, noTokenizer, type TokenizerFile } from "./tokenizer-files.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

export type { Tokenizer } from "./tokenizer-interface.ts";

/**
 * Opens the tokenizer of a model folder, and the settings beside it where there are any.
 * @throws WbError WB3801 where there is none; WB3802, WB3803, WB4801.
 */
export async function openTokenizer(folder: string): Promise<Tokenizer> {
  const names = await namesIn(folder);
  const file = chooseTokenizerFile(names);
  if (file === undefined) throw noTokenizer(folder, names);
  return openTokenizerFile(folder, file);
}

/** Opens that file of the folder, whichever others there are. @throws WbError as `openTokenizer`. */
export async function openTokenizerFile(folder: string, file: TokenizerFile): Promise<Tokenizer> {
  switch (file.kind) {
    case "tokenizer.json":
      return await openJsonTokenizer(folder);
    case "vocabulary-and-merges":
      return await openVocabularyAndMerges(folder);
    case "vocabulary":
      return await openVocabularyText(folder);
    case "model":
      return await openModelFile(folder, file.name);
    default:
      file satisfies never;
      throw new WbError("WB7001", "a tokenizer file of a kind that there is not");
  }
}

/** SentencePiece's model, or tiktoken's ranks under the same name. */
async function openModelFile(folder: string, name: string): Promise<Tokenizer> {
  const path = join(folder, name);
  if (await isTiktokenFile(path)) return openTiktoken(folder, name);
  const sentencePiece = await openSentencePiece(path);
  const settings = await readTokenizerSettings(folder, (content) =>
    sentencePiece.model.idOfPiece.get(content),
  );
  if (name !== "tokenizer.model" && OTHER_IDS.test(settings.tokenizerClass))
    throw new WbError(
      "WB4801",
      `${path}: the ids of ${settings.tokenizerClass} are not those of its SentencePiece model; its tokenizer.json is needed`,
      { details: { path } },
    );
  return sentencePieceTokenizer(sentencePiece, settings);
}

/** Classes that move the ids of their SentencePiece model, or put other things around it than LLaMA's do. */
const OTHER_IDS = /^(?:XLMRoberta|XLNet|Albert|Camembert|MBart|T5|ErnieM|Barthez)/;

/** As `openTokenizer`, but undefined where ids must do: no tokenizer, or one of a kind that is not supported. */
export async function findTokenizer(folder: string): Promise<Tokenizer | undefined> {
  try {
    return await openTokenizer(folder);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    if (error.code === "WB4801" || error.code === "WB3801") return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
