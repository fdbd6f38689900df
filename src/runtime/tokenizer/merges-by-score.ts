import type { SentencePieceModel } from "./sentencepiece-model.ts";

/** Two symbols that become one piece. */
interface Merge {
  readonly left: string;
  readonly right: string;
  readonly piece: string;
}

/**
 * Merges in the order in which SentencePiece makes them (google/sentencepiece v0.2.0, src/bpe_model.cc): the piece of the highest
 * score first, and of equal ones the one further left in the text. A list of ranks does not know where in a text a pair stands: of
 * two merges with one score that want the same symbol, the one that has it on its right is the one further left, and comes first.
 * @returns Undefined where two pieces of one score want that of each other, which no list can say.
 */
export function mergesByScore(
  model: SentencePieceModel,
): readonly (readonly [string, string])[] | undefined {
  const pieces = model.pieces
    .filter(({ type }) => type === "normal")
    .toSorted((one, other) => other.score - one.score);
  const all: (readonly [string, string])[] = [];
  // A vocabulary has 200 000 merges: only those of one score are held with what their order needs.
  let at = 0;
  while (at < pieces.length) {
    const score = pieces[at]?.score;
    const group: Merge[] = [];
    do {
      for (const merge of splitsOf(pieces[at]?.text ?? "", model)) group.push(merge);
      at++;
    } while (pieces[at]?.score === score);
    const ordered = leftmostFirst(group);
    if (ordered === undefined) return undefined;
    for (const { left, right } of ordered) all.push([left, right]);
  }
  return all;
}

/** Every way to make a piece of two. Cuts are between code points. */
function splitsOf(piece: string, model: SentencePieceModel): Merge[] {
  const merges: Merge[] = [];
  const isNormal = (text: string): boolean =>
    model.pieces[model.idOfPiece.get(text) ?? -1]?.type === "normal";
  let left = "";
  for (const letter of piece) {
    const right = piece.slice(left.length);
    if (left !== "" && isNormal(left) && isNormal(right)) merges.push({ left, right, piece });
    left += letter;
  }
  return merges;
}

/** Merges of one score; the few of one are compared pair by pair. */
function leftmostFirst(group: readonly Merge[]): readonly Merge[] | undefined {
  const waiting = [...group];
  const ordered: Merge[] = [];
  while (waiting.length > 0) {
    const isBehind = (merge: Merge, other: Merge): boolean =>
      other !== merge && other.right === merge.left;
    const free = waiting.findIndex((merge) => !waiting.some((other) => isBehind(merge, other)));
    // A piece that repeats itself ("aaa" of "a" and "aa") waits for its own other half: either order gives the same piece.
    const next =
      free >= 0
        ? free
        : waiting.findIndex(
            (merge) =>
              !waiting.some((other) => other.piece !== merge.piece && isBehind(merge, other)),
          );
    const [merge] = next < 0 ? [] : waiting.splice(next, 1);
    if (merge === undefined) return undefined;
    ordered.push(merge);
  }
  return ordered;
}
