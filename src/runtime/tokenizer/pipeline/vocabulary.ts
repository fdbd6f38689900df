import { isRecord } from "../../../model/config/fields.ts";
import type { JsonPart } from "./json-part.ts";

/** Most tokens in a vocabulary; the largest published ones have about 300 000. */
export const MAX_TOKENS = 4_000_000;

/** Longest token, in UTF-16 units; the longest published ones are runs of some hundred spaces. It bounds the time for a text. */
const MAX_TOKEN_LENGTH = 1024;

/** What cuts a pre-token into tokens: BPE, Unigram, WordPiece or WordLevel. */
export interface Subwords {
  readonly kind: "BPE" | "Unigram" | "WordPiece" | "WordLevel";
  /** Number of different tokens, which is not always one more than the largest id. */
  readonly size: number;
  /** Adds the ids of a pre-token. */
  encode(text: string, ids: number[]): void;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

export interface Vocabulary {
  readonly idOf: ReadonlyMap<string, number>;
  readonly tokenOf: ReadonlyMap<number, string>;
}

/** `{ token: id }`. @throws WbError WB3802. */
export function readVocabulary(part: JsonPart): Vocabulary {
  const value = part.raw["vocab"];
  if (!isRecord(value)) throw part.problem("vocab", "an object of ids by token");
  return vocabularyOf(Object.entries(value), part);
}

export function vocabularyOf(
  entries: readonly (readonly [string, unknown])[],
  part: JsonPart,
): Vocabulary {
  if (entries.length > MAX_TOKENS) throw part.problem("vocab", `at most ${MAX_TOKENS} tokens`);
  const idOf = new Map<string, number>();
  const tokenOf = new Map<number, string>();
  for (const [token, id] of entries) {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0 || id >= 2 ** 31)
      throw part.problem("vocab", `a whole number for ${JSON.stringify(token.slice(0, 40))}`);
    checkToken(token, part);
    idOf.set(token, id);
    tokenOf.set(id, token);
  }
  return { idOf, tokenOf };
}

export function checkToken(token: string, part: JsonPart): void {
  if (token.length > MAX_TOKEN_LENGTH)
    throw part.problem("vocab", `tokens of at most ${MAX_TOKEN_LENGTH} characters`);
}

const encoder = new TextEncoder();

/** Ids of the byte tokens `<0x41>` of a text's UTF-8; undefined where one is missing. */
export function byteTokenIds(
  text: string,
  idOf: ReadonlyMap<string, number>,
): readonly number[] | undefined {
  const ids: number[] = [];
  for (const byte of encoder.encode(text)) {
    const id = idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
