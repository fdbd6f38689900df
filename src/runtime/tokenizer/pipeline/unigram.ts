import { WbError } from "../../../errors/wb-error.ts";
import type { JsonPart } from "./json-part.ts";
import { byteTokenIds, checkToken, MAX_TOKENS, type Subwords } from "./vocabulary.ts";

/** What a character that is in no token costs below the worst token: `K_UNK_PENALTY` of tokenizers and SentencePiece. */
const UNKNOWN_PENALTY = 10;

/** SentencePiece's unigram model: the tokens whose scores have the largest sum. @throws WbError WB3802. */
export function readUnigram(part: JsonPart): Subwords {
  const entries = part.list("vocab");
  if (entries.length > MAX_TOKENS) throw part.problem("vocab", `at most ${MAX_TOKENS} tokens`);
  const tokens: string[] = [];
  const scores = new Float64Array(entries.length);
  const idOf = new Map<string, number>();
  const trie = new Trie();
  for (const [id, entry] of entries.entries()) {
    const pair: readonly unknown[] = Array.isArray(entry) ? entry : [];
    const [token, score] = pair;
    if (typeof token !== "string" || typeof score !== "number")
      throw part.problem("vocab", `a token and its score at ${id}`);
    checkToken(token, part);
    tokens.push(token);
    scores[id] = score;
    idOf.set(token, id);
    trie.add(token, id);
  }
  const unkId = part.raw["unk_id"] == undefined ? undefined : part.count("unk_id");
  if (unkId !== undefined && unkId >= tokens.length)
    throw part.problem("unk_id", `an id below ${tokens.length}`);
  const lowest = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY);
  const lattice: Lattice = { trie, scores, unkId, unknownScore: lowest - UNKNOWN_PENALTY, part };
  const fallsBack = part.flag("byte_fallback", false);
  const encode = (text: string, ids: number[]): void => {
    for (const { from, to } of bestPieces(text, lattice)) {
      const piece = text.slice(from, to);
      const known = idOf.get(piece);
      const bytes = known === undefined && fallsBack ? byteTokenIds(piece, idOf) : undefined;
      if (known !== undefined) ids.push(known);
      else if (bytes === undefined) ids.push(unkId ?? 0);
      else for (const id of bytes) ids.push(id);
    }
  };
  return {
    kind: "Unigram",
    size: tokens.length,
    encode,
    idOf: (token) => idOf.get(token),
    tokenOf: (id) => tokens[id],
  };
}

interface Lattice {
  readonly trie: Trie;
  readonly scores: Float64Array;
  readonly unkId: number | undefined;
  readonly unknownScore: number;
  readonly part: JsonPart;
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Viterbi's algorithm in one pass forwards; of equal sums the one found first counts. Neighbouring unknown characters are one piece. */
function bestPieces(text: string, { trie, scores, unkId, unknownScore, part }: Lattice): Piece[] {
  const best = new Float64Array(text.length + 1);
  const from = new Int32Array(text.length + 1).fill(-1);
  const isUnknown = new Uint8Array(text.length + 1);
  const offer = (begin: number, end: number, score: number, unknown: number): void => {
    const sum = score + (best[begin] ?? 0);
    if ((from[end] ?? -1) >= 0 && sum <= (best[end] ?? 0)) return;
    best[end] = sum;
    from[end] = begin;
    isUnknown[end] = unknown;
  };
  for (let begin = 0; begin < text.length;) {
    const length = (text.codePointAt(begin) ?? 0) > 0xffff ? 2 : 1;
    let hasOne = false;
    trie.prefixes(text, begin, (end, id) => {
      offer(begin, end, scores[id] ?? 0, id === unkId ? 1 : 0);
      if (end === begin + length) hasOne = true;
    });
    if (!hasOne) {
      if (unkId === undefined)
        throw new WbError(
          "WB3802",
          `${part.file}: ${part.at}.unk_id: expected an id, since the text has characters that no token has`,
          { details: { path: part.file } },
        );
      offer(begin, begin + length, unknownScore, 1);
    }
    begin += length;
  }
  return backwards(text.length, from, isUnknown);
}

function backwards(end: number, from: Int32Array, isUnknown: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  for (let to = end; to > 0;) {
    let begin = from[to] ?? 0;
    if (isUnknown[to] === 1) while (begin > 0 && isUnknown[begin] === 1) begin = from[begin] ?? 0;
    pieces.push({ from: begin, to });
    to = begin;
  }
  return pieces.toReversed();
}

/** Tokens by their UTF-16 units. */
class Trie {
  readonly #children = new Map<number, number>();
  readonly #ids: (number | undefined)[] = [undefined];

  add(token: string, id: number): void {
    let node = 0;
    for (let index = 0; index < token.length; index++) {
      const key = node * 0x1_0000 + token.charCodeAt(index);
      let child = this.#children.get(key);
      if (child === undefined) {
        child = this.#ids.length;
        this.#ids.push(undefined);
        this.#children.set(key, child);
      }
      node = child;
    }
    this.#ids[node] = id;
  }

  /** Tokens that the text has at `begin`, the shortest first, each with where it ends. */
  prefixes(text: string, begin: number, onToken: (end: number, id: number) => void): void {
    let node: number | undefined = 0;
    for (let at = begin; at < text.length; at++) {
      node = this.#children.get(node * 0x1_0000 + text.charCodeAt(at));
      if (node === undefined) return;
      const id = this.#ids[node];
      if (id !== undefined) onToken(at + 1, id);
    }
  }
}
