import { WbError } from "../../errors/wb-error.ts";
import { chatglmTokenizer, isChatglm } from "./chatglm-tokenizer.ts";
import { cleanUpTokenization } from "./clean-up.ts";
import { decodeLlama, encodeLlama, isLlama, type LlamaSide } from "./llama-tokenizer.ts";
import { controlPieces, pieceBytes, undecidedBytes } from "./sentencepiece-pieces.ts";
import type { SentencePiece } from "./sentencepiece.ts";
import type { AddedToken, TokenizerSettings } from "./special-tokens.ts";
import type { DecodeOptions, Tokenizer } from "./tokenizer-interface.ts";
import { specialSplitter, type TextPart } from "./split-special.ts";

/** SentencePiece with what the model's slow Python class puts around it. */
export function sentencePieceTokenizer(
  sentencePiece: SentencePiece,
  settings: TokenizerSettings,
): Tokenizer {
  if (isChatglm(settings)) return chatglmTokenizer(sentencePiece, settings);
  const split = specialSplitter(settings.addedTokens);
  const addedById = new Map(settings.addedTokens.map((token) => [token.id, token]));
  const size = Math.max(
    sentencePiece.model.pieces.length,
    ...settings.addedTokens.map(({ id }) => id + 1),
  );
  const side: LlamaSide = { sentencePiece, settings, addedById };
  const piece = (id: number): string => {
    const text = addedById.get(id)?.content ?? sentencePiece.model.pieces[id]?.text;
    if (text !== undefined) return text;
    throw new WbError("WB3804", `token id ${id}: the tokenizer has ids 0 to ${size - 1}`, {
      details: { id, vocabSize: size },
    });
  };
  const asLlama = isLlama(settings, sentencePiece.model.addDummyPrefix);
  const joins = settings.tokenizerClass.startsWith("Gemma");
  return {
    settings,
    size,
    controlPieces: controlPieces(sentencePiece.model),
    encode(text, options = {}) {
      const withSpecials = options.addSpecialTokens ?? true;
      const ids =
        withSpecials && settings.addBos && settings.bosId !== undefined ? [settings.bosId] : [];
      const cut = (options.parseSpecialTokens ?? true) ? split : whole;
      const more =
        options.continues === true
          ? encodeBehind(sentencePiece, cut(text))
          : encodeLlama(side, text, cut);
      for (const id of more) ids.push(id);
      if (withSpecials && settings.addEos && settings.eosId !== undefined) ids.push(settings.eosId);
      return ids;
    },
    decode(ids, options = {}) {
      if (options.mode === "raw") return rawDecode(ids, sentencePiece, addedById, options);
      if (joins) return joinedDecode(ids, sentencePiece, addedById, options);
      if (asLlama) return decodeLlama(side, ids, options.skipSpecialTokens === true);
      return transformersDecode(ids, sentencePiece, addedById, options);
    },
    isSpecial: (id) => addedById.get(id)?.special === true,
    piece,
    idOf: (text) =>
      settings.addedTokens.find(({ content }) => content === text)?.id ??
      sentencePiece.model.idOfPiece.get(text),
    bytesOf: (id) => pieceBytes(sentencePiece.model, id, piece(id)),
    undecided: (ids) => undecidedBytes(sentencePiece.model, ids),
  };
}

/** Text in which no special tokens are looked for. */
function whole(text: string): readonly TextPart[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** Ids of text that stands behind other text. */
function encodeBehind(sentencePiece: SentencePiece, parts: readonly TextPart[]): number[] {
  return parts.flatMap((part, index) => {
    if (part.kind === "token") return [part.token.id];
    return index === 0 ? sentencePiece.encodeBare(part.text) : sentencePiece.encode(part.text);
  });
}

function rawDecode(
  ids: readonly number[],
  sentencePiece: SentencePiece,
  addedById: ReadonlyMap<number, AddedToken>,
  options: DecodeOptions,
): string {
  const skip = options.skipSpecialTokens === true;
  const pieces = sentencePiece.model.pieces.length;
  // Added tokens beyond the SentencePiece model have no piece; their text stands for them.
  let text = "";
  let run: number[] = [];
  for (const id of ids) {
    const token = addedById.get(id);
    if (skip && token?.special === true) continue;
    if (token !== undefined && id >= pieces) {
      text += sentencePiece.decode(run) + token.content;
      run = [];
    } else run.push(id);
  }
  return text + sentencePiece.decode(run);
}

/** As GemmaTokenizer's (transformers v4.57.0, models/gemma/tokenization_gemma.py): every added token spelled out, nothing put between. */
function joinedDecode(
  ids: readonly number[],
  sentencePiece: SentencePiece,
  addedById: ReadonlyMap<number, AddedToken>,
  options: DecodeOptions,
): string {
  let text = "";
  let run: number[] = [];
  for (const id of ids) {
    const token = addedById.get(id);
    if (token === undefined) {
      run.push(id);
      continue;
    }
    if (token.special && options.skipSpecialTokens === true) continue;
    text += sentencePiece.decode(run) + token.content;
    run = [];
  }
  return text + sentencePiece.decode(run);
}

/**
 * As InternLMTokenizer's and the slow LlamaTokenizer's `convert_tokens_to_string` (InternLM's
 * tokenization_internlm.py of 2023-07; transformers v4.36.2): one space before a special token unless another precedes
 * it, and the clean-up always, whatever `clean_up_tokenization_spaces` says.
 */
function transformersDecode(
  ids: readonly number[],
  sentencePiece: SentencePiece,
  addedById: ReadonlyMap<number, AddedToken>,
  options: DecodeOptions,
): string {
  let text = "";
  let run: number[] = [];
  let previousIsSpecial = false;
  for (const id of ids) {
    const token = addedById.get(id);
    if (token === undefined || (!token.special && id < sentencePiece.model.pieces.length)) {
      run.push(id);
      previousIsSpecial = false;
      continue;
    }
    if (token.special && options.skipSpecialTokens === true) continue;
    if (!previousIsSpecial) text += " ";
    text += sentencePiece.decode(run) + token.content;
    run = [];
    previousIsSpecial = true;
  }
  return cleanUpTokenization(text + sentencePiece.decode(run));
}
