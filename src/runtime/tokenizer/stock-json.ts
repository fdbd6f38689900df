import { mergesByScore } from "./merges-by-score.ts";
import { SPACE_SYMBOL } from "./decode-pieces.ts";
import type { Piece, SentencePieceModel } from "./sentencepiece-model.ts";
import type { AddedToken, TokenizerSettings } from "./special-tokens.ts";

/** tokenizer.json, or why there is none with the same ids. */
export type StockJson =
  { readonly json: Readonly<Record<string, unknown>> } | { readonly problem: string };

/**
 * What Hugging Face's tokenizers read of a SentencePiece model whose class is of its own, so that ids are equal: BPE that leaves texts
 * as they are but for spaces, with byte fallback.
 * @param settings What stands around a text, and the tokens that are cut out of it.
 */
export function stockJson(model: SentencePieceModel, settings: TokenizerSettings): StockJson {
  const problem = problemOf(model, settings);
  if (problem !== undefined) return { problem };
  const merges = mergesByScore(model);
  if (merges === undefined)
    return {
      problem: "pieces of equal scores overlap, and a list of merges has no order for them",
    };
  const hasNul = model.idOfPiece.has("\0");
  return {
    json: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: tokensOf(model, settings).map((token) => ({
        id: token.id,
        content: token.content,
        single_word: false,
        lstrip: token.lstrip,
        rstrip: token.rstrip,
        normalized: false,
        special: token.special,
      })),
      normalizer: replace(" ", SPACE_SYMBOL),
      pre_tokenizer: null,
      post_processor: surroundings(model, settings),
      decoder: {
        type: "Sequence",
        decoders: [
          ...(hasNul ? [replace(HIDDEN_NUL, "\0")] : []),
          replace(SPACE_SYMBOL, " "),
          { type: "ByteFallback" },
          { type: "Fuse" },
        ],
      },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: model.pieces[model.unkId]?.text,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: model.pieces.some(({ type }) => type === "byte"),
        ignore_merges: false,
        vocab: Object.fromEntries(
          model.pieces.map(({ text }, id) => [text === "\0" ? HIDDEN_NUL : text, id]),
        ),
        merges,
      },
    },
  };
}

/**
 * SentencePiece takes NUL for a byte since 0.2.0, though the model may have a piece of it. Under another name no text has that piece:
 * no merge makes it.
 */
const HIDDEN_NUL = "\0\0";

function replace(from: string, content: string): Readonly<Record<string, unknown>> {
  return { type: "Replace", pattern: { String: from }, content };
}

function problemOf(model: SentencePieceModel, settings: TokenizerSettings): string | undefined {
  if (model.algorithm !== "bpe") return "it is a Unigram model";
  if (model.changesTexts || model.addDummyPrefix || model.removeExtraWhitespaces)
    return "it changes texts before it cuts them";
  for (const piece of model.pieces) {
    const problem = pieceProblem(piece, model);
    if (problem !== undefined) return `${problem} ${JSON.stringify(piece.text)}`;
  }
  for (const { id, content } of settings.addedTokens) {
    if ((model.pieces[id]?.text ?? content) !== content)
      return `the token ${JSON.stringify(content)} has the id of another piece, ${id}`;
    const other = model.pieces.find(
      ({ text, type }) => type === "user-defined" && takesFrom(text, content),
    );
    if (other !== undefined)
      return `the piece ${JSON.stringify(other.text)} overlaps the token ${JSON.stringify(content)}`;
  }
  const added = settings.addedTokens
    .map(({ id }) => id)
    .filter((id) => id >= model.pieces.length)
    .toSorted((left, right) => left - right);
  // The library numbers them on from the vocabulary's end, whatever is written.
  const apart = added.find((id, index) => id !== model.pieces.length + index);
  return apart === undefined ? undefined : `the ids of added tokens have a gap before ${apart}`;
}

function pieceProblem({ text, type, score }: Piece, model: SentencePieceModel): string | undefined {
  const letters = Array.from(text);
  if (text.includes("\0"))
    return text === "\0" && model.pieces.some((piece) => piece.text === "<0x00>")
      ? undefined
      : "it has NUL in the piece";
  if (!Number.isFinite(score)) return "it has no finite score for the piece";
  switch (type) {
    case "unused":
      return "it has the unused piece";
    case "user-defined":
      return text.includes(SPACE_SYMBOL) ? "it has a space in the user-defined piece" : undefined;
    case "normal":
      // SentencePiece merges characters that are no pieces; the library has no symbol for them.
      return letters.length > 1 && !letters.every((letter) => isNormal(letter, model))
        ? "it has no piece for a character of"
        : undefined;
    case "unknown":
    case "control":
    case "byte":
      return letters.length === 1 ? `it has the ${type} piece of one character` : undefined;
    default:
      return type satisfies never;
  }
}

function isNormal(text: string, { idOfPiece, pieces }: SentencePieceModel): boolean {
  return pieces[idOfPiece.get(text) ?? -1]?.type === "normal";
}

/** Whether the leftmost and longest of both would take letters of a token that is cut out before the other. */
function takesFrom(piece: string, token: string): boolean {
  if (piece === token) return false;
  for (let at = 0; at < piece.length; at++) {
    if (piece.startsWith(token, at)) return true;
    if (at > 0 && token.startsWith(piece.slice(at))) return true;
  }
  return false;
}

/** Tokens that the class cuts out, and pieces that SentencePiece does. */
function tokensOf(
  { pieces }: SentencePieceModel,
  { addedTokens }: TokenizerSettings,
): readonly AddedToken[] {
  const ids = new Set(addedTokens.map(({ id }) => id));
  const own = pieces.flatMap(({ text: content, type }, id) =>
    type === "user-defined" && !ids.has(id)
      ? [{ id, content, special: false, lstrip: false, rstrip: false }]
      : [],
  );
  return [...addedTokens, ...own].toSorted((left, right) => left.id - right.id);
}

const FIRST = { Sequence: { id: "A", type_id: 0 } };
const SECOND = { Sequence: { id: "B", type_id: 0 } };

/** What InternLM's class puts around one text or two (tokenization_internlm.py, `build_inputs_with_special_tokens`). */
function surroundings(
  { pieces }: SentencePieceModel,
  { addBos, addEos, bosId, eosId, addedTokens }: TokenizerSettings,
): Readonly<Record<string, unknown>> | null {
  const bos = addBos && bosId !== undefined ? [bosId] : [];
  const eos = addEos && eosId !== undefined ? [eosId] : [];
  if (bos.length + eos.length === 0) return null;
  const nameOf = (id: number): string =>
    addedTokens.find((token) => token.id === id)?.content ?? pieces[id]?.text ?? String(id);
  const special = (id: number): unknown => ({ SpecialToken: { id: nameOf(id), type_id: 0 } });
  return {
    type: "TemplateProcessing",
    single: [...bos.map(special), FIRST, ...eos.map(special)],
    pair: [...bos.map(special), FIRST, SECOND, ...eos.map(special)],
    special_tokens: Object.fromEntries(
      [...bos, ...eos].map((id) => [
        nameOf(id),
        { id: nameOf(id), ids: [id], tokens: [nameOf(id)] },
      ]),
    ),
  };
}
