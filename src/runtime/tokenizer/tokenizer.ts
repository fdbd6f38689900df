import { WbError } from "../../errors/wb-error.ts";
import { modelFiles } from "../../formats/gguf/model-files.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import { openJsonTokenizer } from "./json-tokenizer.ts";
import { readTokenizerBytes } from "./read-text.ts";
import { isTiktoken, openTiktoken } from "./tiktoken.ts";
import { openVocabularyAndMerges, openVocabularyText } from "./vocabulary-files.ts";
import { openSentencePiece } from "./sentencepiece.ts";
import { sentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { readTokenizerSettings } from "./special-tokens.ts";
import { chooseTokenizerFile, noTokenizer, type TokenizerFile } from "./tokenizer-files.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

export type { Tokenizer } from "./tokenizer-interface.ts";

/**
 * Opens the tokenizer of a model, and the settings beside it where there are any.
 * @param place A model folder, or a GGUF file that holds its own.
 * @throws WbError WB3801 where there is none; WB3802, WB3803, WB4801.
 */
export async function openTokenizer(place: string): Promise<Tokenizer> {
  const files = await modelFiles(place);
  const names = await files.names();
  const file = chooseTokenizerFile(names);
  if (file === undefined) throw noTokenizer(place, names);
  return openTokenizerFile(files, file);
}

/** Opens that file, whichever others there are. @throws WbError as `openTokenizer`. */
export async function openTokenizerFile(
  files: ModelFiles,
  file: TokenizerFile,
): Promise<Tokenizer> {
  switch (file.kind) {
    case "tokenizer.json":
      return await openJsonTokenizer(files);
    case "vocabulary-and-merges":
      return await openVocabularyAndMerges(files);
    case "vocabulary":
      return await openVocabularyText(files);
    case "model":
      return await openModelFile(files, file.name);
    default:
      file satisfies never;
      throw new WbError("WB7001", "a tokenizer file of a kind that there is not");
  }
}

/** SentencePiece's model, or tiktoken's ranks under the same name. */
async function openModelFile(files: ModelFiles, name: string): Promise<Tokenizer> {
  const path = files.pathOf(name);
  const bytes = await readTokenizerBytes(files, name);
  if (isTiktoken(bytes)) return openTiktoken(files, name);
  const sentencePiece = await openSentencePiece(bytes, path);
  const settings = await readTokenizerSettings(files, (content) =>
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
export async function findTokenizer(place: string): Promise<Tokenizer | undefined> {
  try {
    return await openTokenizer(place);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    if (error.code === "WB4801" || error.code === "WB3801") return undefined;
    throw error;
  }
}
