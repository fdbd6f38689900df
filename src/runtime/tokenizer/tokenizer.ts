import { WbError } from "../../errors/wb-error.ts";
import { modelFiles } from "../../formats/gguf/model-files.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import { openJsonTokenizer } from "./json-tokenizer.ts";
import { readTokenizerBytes } from "./read-text.ts";
import { isTiktoken, openTiktoken } from "./tiktoken.ts";
import { openVocabularyAndMerges, openVocabularyText } from "./vocabulary-files.ts";
import { openFastLlama } from "./fast-llama.ts";
import { openSentencePiece } from "./sentencepiece.ts";
import { sentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { readTokenizerSettings } from "./special-tokens.ts";
import type { TokenizerForm } from "./tokenizer-form.ts";
import { chooseTokenizerFile, noTokenizer, type TokenizerFile } from "./tokenizer-files.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

export type { Tokenizer } from "./tokenizer-interface.ts";

/**
 * Opens the tokenizer of a model, and the settings beside it where there are any.
 * @param place A model folder, or a GGUF file that holds its own.
 * @param form Which class LLaMA's SentencePiece model is read as; what the folder's files say when left out: fast where its
 * tokenizer_config.json names the fast class or it has a tokenizer.json, else slow.
 * @throws WbError WB3801 where there is none; WB3802, WB3803, WB4801.
 */
export async function openTokenizer(place: string, form?: TokenizerForm): Promise<Tokenizer> {
  const files = await modelFiles(place);
  const names = await files.names();
  const file = chooseTokenizerFile(names);
  if (file === undefined) throw noTokenizer(place, names);
  return openTokenizerFile(files, file, form);
}

/** Opens that file, whichever others there are. @throws WbError as `openTokenizer`. */
export async function openTokenizerFile(
  files: ModelFiles,
  file: TokenizerFile,
  form?: TokenizerForm,
): Promise<Tokenizer> {
  if (form !== undefined && file.kind !== "model") throw oneForm(files.pathOf(file.name), form);
  switch (file.kind) {
    case "tokenizer.json":
      return await openJsonTokenizer(files);
    case "vocabulary-and-merges":
      return await openVocabularyAndMerges(files);
    case "vocabulary":
      return await openVocabularyText(files);
    case "model":
      return await openModelFile(files, file.name, form);
    default:
      file satisfies never;
      throw new WbError("WB7001", "a tokenizer file of a kind that there is not");
  }
}

/** SentencePiece's model, or tiktoken's ranks under the same name. */
async function openModelFile(
  files: ModelFiles,
  name: string,
  form: TokenizerForm | undefined,
): Promise<Tokenizer> {
  const path = files.pathOf(name);
  const bytes = await readTokenizerBytes(files, name);
  if (isTiktoken(bytes)) {
    if (form !== undefined) throw oneForm(path, form);
    return openTiktoken(files, name);
  }
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
  const { model } = sentencePiece;
  const slow = sentencePieceTokenizer(sentencePiece, settings);
  if (!/^LlamaTokenizer(?:Fast)?$/.test(settings.tokenizerClass) || model.algorithm !== "bpe") {
    if (form === "fast") throw oneForm(path, form);
    return slow;
  }
  const fast = (): Promise<Tokenizer> => openFastLlama(files, path, model, settings);
  // The slow class never reads a tokenizer.json: a folder that has one is for the fast class, which both versions take then.
  const byFiles = (await files.names()).includes("tokenizer.json") ? "fast" : "slow";
  return (form ?? settings.form ?? byFiles) === "fast"
    ? { ...(await fast()), form: "fast", other: () => Promise.resolve(slow) }
    : { ...slow, form: "slow", other: fast };
}

function oneForm(path: string, form: TokenizerForm): WbError {
  return new WbError(
    "WB4801",
    `${path}: the ${form} class was asked for, and only a SentencePiece model whose tokenizer_config.json says LlamaTokenizer has two`,
    { details: { path } },
  );
}

/** Classes that move the ids of their SentencePiece model, or put other things around it than LLaMA's do. */
const OTHER_IDS = /^(?:XLMRoberta|XLNet|Albert|Camembert|MBart|T5|ErnieM|Barthez)/;

/** As `openTokenizer`, but undefined where ids must do: no tokenizer, or one of a kind that is not supported, if no class was asked for. */
export async function findTokenizer(
  place: string,
  form?: TokenizerForm,
): Promise<Tokenizer | undefined> {
  try {
    return await openTokenizer(place, form);
  } catch (error) {
    if (!(error instanceof WbError) || form !== undefined) throw error;
    if (error.code === "WB4801" || error.code === "WB3801") return undefined;
    throw error;
  }
}
