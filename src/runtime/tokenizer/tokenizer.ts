import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { openJsonTokenizer } from "./json-tokenizer.ts";
import { openSentencePiece } from "./sentencepiece.ts";
import { sentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { readTokenizerSettings } from "./special-tokens.ts";
import { chooseTokenizerFile, noTokenizer, type TokenizerFile } from "./tokenizer-files.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

export type { DecodeOptions, Tokenizer } from "./tokenizer-interface.ts";

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
  if (file.kind === "tokenizer.json") return openJsonTokenizer(folder);
  const sentencePiece = await openSentencePiece(join(folder, file.name));
  const settings = await readTokenizerSettings(folder, (content) =>
    sentencePiece.model.idOfPiece.get(content),
  );
  return sentencePieceTokenizer(sentencePiece, settings);
}

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
