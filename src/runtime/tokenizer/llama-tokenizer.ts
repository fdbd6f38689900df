import { cleanUpTokenization } from "./clean-up.ts";
import { decodePieces, SPACE_SYMBOL } from "./decode-pieces.ts";
import type { SentencePiece } from "./sentencepiece.ts";
import type { AddedToken, TokenizerSettings } from "./special-tokens.ts";
import type { TextPart } from "./split-special.ts";

/**
 * What the slow LlamaTokenizer does around SentencePiece (transformers v4.36.2, models/llama/tokenization_llama.py and
 * tokenization_utils.py, `_decode`), with which Alpaca and Vicuna were trained; Baichuan's class follows it.
 *
 * `legacy` puts SentencePiece's dummy prefix before every stretch of text between special tokens; not legacy, the
 * text gets one space in front and SentencePiece none.
 */
export interface LlamaSide {
  readonly sentencePiece: SentencePiece;
  readonly settings: TokenizerSettings;
  readonly addedById: ReadonlyMap<number, AddedToken>;
}

/** True for folders whose tokenizer is LlamaTokenizer, or one that follows it. */
export function isLlama({ tokenizerClass }: TokenizerSettings, addsDummyPrefix: boolean): boolean {
  if (/^(Llama|CodeLlama|Bai[Cc]huan)Tokenizer(Fast)?$/.test(tokenizerClass)) return true;
  // Meta's own folders have no tokenizer_config.json.
  return tokenizerClass === "" && addsDummyPrefix;
}

/** Ids of text, without what the tokenizer adds in front and behind. */
export function encodeLlama(
  { sentencePiece, settings }: LlamaSide,
  text: string,
  split: (text: string) => readonly TextPart[],
): number[] {
  if (settings.legacy)
    return split(text).flatMap((part) =>
      part.kind === "token" ? [part.token.id] : sentencePiece.encode(part.text),
    );
  if (text === "") return [];
  const unknown = sentencePiece.model.pieces[sentencePiece.model.unkId]?.text ?? "";
  const unknownLength = sentencePiece.encodeBare(unknown).length;
  const parts = split(SPACE_SYMBOL + text.replaceAll(SPACE_SYMBOL, " "));
  const ids = parts.flatMap((part) => {
    if (part.kind === "token") return [part.token.id];
    if (!part.text.startsWith(SPACE_SYMBOL) && !part.text.startsWith(" "))
      return sentencePiece.encodeBare(part.text);
    // SentencePiece drops a space at the very beginning: something is put before it, and taken away again.
    return sentencePiece.encodeBare(unknown + part.text).slice(unknownLength);
  });
  const space = sentencePiece.model.idOfPiece.get(SPACE_SYMBOL);
  const second = settings.addedTokens.find(({ id }) => id === ids[1]);
  return ids[0] === space && second?.special === true ? ids.slice(1) : ids;
}

export function decodeLlama(
  side: LlamaSide,
  ids: readonly number[],
  skipsSpecialTokens: boolean,
): string {
  const { addedById, settings } = side;
  const texts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    const text = run.length === 0 ? "" : runText(side, run);
    if (text !== "") texts.push(text);
    run = [];
  };
  for (const id of ids) {
    const token = addedById.get(id);
    if (token?.special === true && skipsSpecialTokens) continue;
    if (token?.special !== false) {
      run.push(id);
      continue;
    }
    flush();
    texts.push(token.content);
  }
  flush();
  const text = texts.join(" ");
  return settings.cleansUp ? cleanUpTokenization(text) : text;
}

/** `convert_tokens_to_string`: special tokens stand between what SentencePiece makes of the others. */
function runText(
  { sentencePiece, settings, addedById }: LlamaSide,
  run: readonly number[],
): string {
  const { legacy } = settings;
  const spaces = legacy ? {} : { dropsLeadingSpace: false };
  let text = "";
  let pieces: number[] = [];
  let isFirst = true;
  let previousIsSpecial = false;
  const flush = (): void => {
    if (pieces.length > 0)
      text += decodePieces(pieces, sentencePiece.model, { ...spaces, cutsFirst: isFirst });
    pieces = [];
    isFirst = false;
  };
  for (const [index, id] of run.entries()) {
    const token = addedById.get(id);
    if (token === undefined) {
      pieces.push(id);
      previousIsSpecial = false;
      continue;
    }
    if (!previousIsSpecial && index !== 0 && legacy) text += " ";
    flush();
    text += token.content;
    previousIsSpecial = true;
  }
  flush();
  return text;
}
