import { readBpe } from "./bpe.ts";
import type { JsonPart } from "./json-part.ts";
import type { Subwords } from "./vocabulary.ts";
import { readUnigram } from "./unigram.ts";
import { readWordLevel, readWordPiece } from "./word-piece.ts";

/** @throws WbError WB3802, WB4801. */
export function readSubwords(part: JsonPart): Subwords {
  const type = part.optionalText("type") ?? typeWhereUnsaid(part);
  switch (type) {
    case "BPE":
      return readBpe(part);
    case "Unigram":
      return readUnigram(part);
    case "WordPiece":
      return readWordPiece(part);
    case "WordLevel":
      return readWordLevel(part);
    default:
      throw part.unsupported(`the model "${type}"`);
  }
}

/** Old files do not say it. */
function typeWhereUnsaid(part: JsonPart): string {
  if (Array.isArray(part.raw["vocab"])) return "Unigram";
  if ("merges" in part.raw) return "BPE";
  if ("continuing_subword_prefix" in part.raw) return "WordPiece";
  throw part.problem("type", "BPE, Unigram, WordPiece or WordLevel");
}
