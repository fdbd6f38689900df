import { WbError } from "../../../errors/wb-error.ts";
import type { JsonPart } from "./json-part.ts";
import { mergeAll, type Merges } from "./merge-pairs.ts";
import { byteTokenIds, readVocabulary, type Subwords } from "./vocabulary.ts";

/** Pre-tokens whose ids are kept. */
const MAX_CACHED = 20_000;
/** Longest pre-token that is kept, in UTF-16 units. */
const MAX_CACHED_LENGTH = 256;

/** How characters become the first symbols; as `tokenizers` names it. */
interface BpeSettings {
  readonly idOf: ReadonlyMap<string, number>;
  readonly merges: Merges;
  readonly unkId: number | undefined;
  readonly prefix: string;
  readonly suffix: string;
  readonly fusesUnknown: boolean;
  readonly fallsBackToBytes: boolean;
  readonly takesWholeWords: boolean;
}

/** Byte-pair encoding. @throws WbError WB3802, WB4801. */
export function readBpe(part: JsonPart): Subwords {
  const dropout = part.raw["dropout"];
  if (dropout !== null && dropout !== undefined && dropout !== 0)
    throw part.unsupported("dropout, which draws other ids each time,");
  const { idOf, tokenOf } = readVocabulary(part);
  const unknown = part.optionalText("unk_token");
  const prefix = part.optionalText("continuing_subword_prefix") ?? "";
  const settings: BpeSettings = {
    idOf,
    merges: readMerges(part, idOf, prefix),
    unkId: unknown === undefined ? undefined : idOf.get(unknown),
    prefix,
    suffix: part.optionalText("end_of_word_suffix") ?? "",
    fusesUnknown: part.flag("fuse_unk", false),
    fallsBackToBytes: part.flag("byte_fallback", false),
    takesWholeWords: part.flag("ignore_merges", false),
  };
  const cache = new Map<string, readonly number[]>();
  const encode = (text: string, ids: number[]): void => {
    const whole = settings.takesWholeWords ? idOf.get(text) : undefined;
    const found = whole === undefined ? (cache.get(text) ?? encodeWord(text, settings)) : [whole];
    for (const id of found) ids.push(id);
    if (whole !== undefined || text.length > MAX_CACHED_LENGTH) return;
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(text, found);
  };
  if (unknown !== undefined && settings.unkId === undefined)
    throw part.problem("unk_token", "a token of the vocabulary");
  return {
    kind: "BPE",
    size: idOf.size,
    encode,
    idOf: (token) => idOf.get(token),
    tokenOf: (id) => tokenOf.get(id),
  };
}

function encodeWord(text: string, settings: BpeSettings): readonly number[] {
  return mergeAll(firstSymbols(text, settings), settings.merges);
}

/** A symbol a character; what the vocabulary has not becomes bytes, the unknown token, or nothing. */
function firstSymbols(text: string, settings: BpeSettings): number[] {
  const { idOf, unkId, prefix, suffix } = settings;
  const symbols: number[] = [];
  // The unknown token is added once another symbol follows it, so that several can become one.
  let isUnknownPending = false;
  let at = 0;
  for (const character of text) {
    const isFirst = at === 0;
    at += character.length;
    const symbol = `${isFirst ? "" : prefix}${character}${at === text.length ? suffix : ""}`;
    const id = idOf.get(symbol);
    if (id !== undefined) {
      if (isUnknownPending && unkId !== undefined) symbols.push(unkId);
      isUnknownPending = false;
      symbols.push(id);
      continue;
    }
    const bytes = settings.fallsBackToBytes ? byteTokenIds(symbol, idOf) : undefined;
    if (bytes !== undefined) {
      symbols.push(...bytes);
      continue;
    }
    if (unkId === undefined) continue;
    if (isUnknownPending && !settings.fusesUnknown) symbols.push(unkId);
    isUnknownPending = true;
  }
  if (isUnknownPending && unkId !== undefined) symbols.push(unkId);
  return symbols;
}

/** "left right" as old files have it, or [left, right]. */
function readMerges(part: JsonPart, idOf: ReadonlyMap<string, number>, prefix: string): Merges {
  const rankOf = new Map<number, number>();
  const results: number[] = [];
  let width = 1;
  for (const id of idOf.values()) width = Math.max(width, id + 1);
  const require = (token: string): number => {
    const id = idOf.get(token);
    if (id !== undefined) return id;
    throw new WbError(
      "WB3802",
      `${part.file}: ${part.at}.merges: "${token.slice(0, 40)}" is no token of the vocabulary`,
      { details: { path: part.file } },
    );
  };
  for (const [rank, merge] of part.list("merges").entries()) {
    const pair: readonly unknown[] =
      typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const [left, right] = pair;
    if (pair.length !== 2 || typeof left !== "string" || typeof right !== "string")
      throw part.problem("merges", `two tokens in merge ${rank}`);
    // Of two merges of the same pair the later counts, as in a map that is filled in order.
    rankOf.set(require(left) * width + require(right), rank);
    results.push(require(left + right.slice(prefix.length)));
  }
  return { rankOf, results, width };
}
