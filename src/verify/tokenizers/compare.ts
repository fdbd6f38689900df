import { WbError } from "../../errors/wb-error.ts";
import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { comparedTexts } from "./texts.ts";
import { listed } from "../listed.ts";

/** A tokenizer, and what messages call it. */
export interface NamedTokenizer {
  readonly name: string;
  readonly tokenizer: Tokenizer;
}

/** A text whose ids differ. */
interface DifferingText {
  readonly text: string;
  readonly isPlain: boolean;
  readonly left: readonly number[];
  readonly right: readonly number[];
}

/** What two tokenizers make of the same ids and texts. */
export interface TokenizerComparison {
  readonly left: NamedTokenizer;
  readonly right: NamedTokenizer;
  readonly texts: number;
  readonly differing: readonly DifferingText[];
  /** Ids that stand for another piece on each side. */
  readonly otherPieces: readonly {
    readonly id: number;
    readonly left: string;
    readonly right: string;
  }[];
}

/**
 * Holds two tokenizers against each other, id for id and text for text; pure.
 * @param addsSpecialTokens Whether what each puts before and behind a text is compared, too.
 */
export function compareTokenizers(
  left: NamedTokenizer,
  right: NamedTokenizer,
  addsSpecialTokens: boolean,
): TokenizerComparison {
  const texts = comparedTexts([left.tokenizer, right.tokenizer]);
  const options = { addSpecialTokens: addsSpecialTokens };
  const differing = texts.flatMap(({ text, isPlain }): readonly DifferingText[] => {
    const [ours, theirs] = [left, right].map((one) => one.tokenizer.encode(text, options));
    if (ours === undefined || theirs === undefined || ours.join() === theirs.join()) return [];
    return [{ text, isPlain, left: ours, right: theirs }];
  });
  const ids = Math.min(left.tokenizer.size, right.tokenizer.size);
  const otherPieces = Array.from({ length: ids }, (_, id) => id).flatMap((id) => {
    const [ours, theirs] = [left, right].map((one) => pieceOf(one.tokenizer, id));
    if (ours === undefined || theirs === undefined || ours === theirs) return [];
    return [{ id, left: ours, right: theirs }];
  });
  return { left, right, texts: texts.length, differing, otherPieces };
}

/** Undefined for an id that a tokenizer has nothing for. */
function pieceOf(tokenizer: Tokenizer, id: number): string | undefined {
  try {
    return tokenizer.piece(id);
  } catch (error) {
    if (error instanceof WbError && error.code === "WB3804") return undefined;
    throw error;
  }
}

/** True where two tokenizers are not the same one: other pieces, or other ids of a plain text. */
export function isAnotherTokenizer({ differing, otherPieces }: TokenizerComparison): boolean {
  return otherPieces.length > 0 || differing.some(({ isPlain }) => isPlain);
}

/** What differs, in one sentence; undefined where nothing does. */
export function differenceText(comparison: TokenizerComparison): string | undefined {
  const { left, right, texts, differing, otherPieces } = comparison;
  const [piece] = otherPieces;
  const first = differing.find(({ isPlain }) => isPlain) ?? differing[0];
  if (piece === undefined && first === undefined) return undefined;
  const parts = [
    ...(first === undefined
      ? [`the ids of all ${texts} texts are the same`]
      : [
          `${differing.length} of ${texts} texts have other ids: ${JSON.stringify(first.text)} is ${shown(first.left)} in ${left.name}, ${shown(first.right)} in ${right.name}${surroundings(first)}`,
        ]),
    ...(piece === undefined
      ? []
      : [
          `${otherPieces.length} ids stand for other pieces: ${piece.id} is ${JSON.stringify(piece.left)} in ${left.name}, ${JSON.stringify(piece.right)} in ${right.name}`,
        ]),
    ...sizes(left, right),
  ];
  return parts.join("; ");
}

/** Sizes and added tokens, where they are not the same. */
function sizes(left: NamedTokenizer, right: NamedTokenizer): readonly string[] {
  const [ours, theirs] = [left.tokenizer, right.tokenizer];
  const [added, otherAdded] = [ours, theirs].map(
    ({ settings }) => new Set(settings.addedTokens.map(({ content }) => content)),
  );
  const lacking = [...(added ?? [])].filter((token) => otherAdded?.has(token) !== true);
  const more = [...(otherAdded ?? [])].filter((token) => added?.has(token) !== true);
  return [
    ...(ours.size === theirs.size
      ? []
      : [`${left.name} has ${ours.size} ids, ${right.name} ${theirs.size}`]),
    ...(lacking.length === 0 ? [] : [`only ${left.name} adds ${listed(lacking, SHOWN)}`]),
    ...(more.length === 0 ? [] : [`only ${right.name} adds ${listed(more, SHOWN)}`]),
  ];
}

/** Ids and tokens of a message. */
const SHOWN = 6;

function shown(ids: readonly number[]): string {
  if (ids.length === 0) return "nothing";
  return `${ids.slice(0, SHOWN).join(", ")}${ids.length > SHOWN ? ", …" : ""}`;
}

function surroundings({ left, right }: DifferingText): string {
  return left.slice(1).join() === right.join() || right.slice(1).join() === left.join()
    ? " (one id more at the beginning: a beginning-of-sequence id on one side only?)"
    : "";
}
