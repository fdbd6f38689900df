import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { Problem } from "./problem.ts";

/** A normalizer may compose so many characters into one; Hangul has three. */
const COMPOSED = 4;

/** Refuses a text that cannot fit into the context whatever its tokens are, before it is tokenized. */
export type LengthCheck = (units: number, param: string) => void;

/** No token stands for more text than the longest piece of the vocabulary, white space apart. */
export function lengthCheck(tokenizer: Tokenizer, context: number): LengthCheck {
  let longest = 1;
  for (let id = 0; id < tokenizer.size; id++)
    longest = Math.max(longest, lengthOfPiece(tokenizer, id));
  const most = context * longest * COMPOSED;
  return (units, param) => {
    if (units <= most) return;
    throw new Problem(
      400,
      `${param}: ${units} characters beside white space are more than the model's context of ${context} tokens can hold`,
      { param, code: "context_length_exceeded" },
    );
  };
}

function lengthOfPiece(tokenizer: Tokenizer, id: number): number {
  try {
    return tokenizer.piece(id).length;
  } catch {
    // A number between pieces that stands for none.
    return 0;
  }
}

/** UTF-16 units that are no white space: normalizers close that up. */
export function solidUnits(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 32) count++;
  return count;
}
