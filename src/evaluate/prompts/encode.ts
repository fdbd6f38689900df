import type { Columns } from "../data/columns.ts";
import type { Way } from "../tasks/task.ts";
import { renderPrompt, type TurnMarks } from "./render.ts";

/** What texts become: ids with those that the tokenizer puts around them. */
export interface TextEncoder {
  encode(text: string): readonly number[];
  /** How many ids the tokenizer puts before every text; they stay when a text is cut. */
  readonly before: number;
}

/** A text of a question, ready for the model. */
export interface EncodedText {
  readonly ids: readonly number[];
  /** Tokens on the left that had no room. */
  readonly cut: number;
}

/** A question with all its texts. */
export interface EncodedQuestion {
  /** One for each label, in order; one where an answer is generated. */
  readonly texts: readonly EncodedText[];
  /** Worked examples that had room. */
  readonly examples: number;
}

/** Lengths in tokens. */
export interface Lengths {
  /** Examples are dropped, last first, while the text is longer. */
  readonly examples: number;
  /** The text is cut on the left to so many. */
  readonly text: number;
}

/**
 * Renders and encodes one question as OpenCompass does: examples that have no room are dropped from the end, for the labels that
 * follow, too, and what is still too long is cut on the left, behind what the tokenizer puts before it.
 */
export function encodeQuestion(
  way: Way,
  columns: Columns,
  examples: readonly Columns[],
  encoder: TextEncoder,
  lengths: Lengths,
  marks: TurnMarks | undefined,
): EncodedQuestion {
  let used = examples;
  const choices = way.kind === "ppl" ? [...way.choices.values()] : [undefined];
  const texts = choices.map((choice) => {
    const encode = (): readonly number[] =>
      encoder.encode(renderPrompt(way, columns, used, choice, marks));
    let ids = encode();
    while (used.length > 0 && ids.length > lengths.examples) {
      used = used.slice(0, -1);
      ids = encode();
    }
    return cutLeft(ids, lengths.text, encoder.before);
  });
  return { texts, examples: used.length };
}

function cutLeft(ids: readonly number[], length: number, before: number): EncodedText {
  const cut = Math.max(0, ids.length - length);
  if (cut === 0) return { ids, cut };
  const kept = Math.min(before, length);
  return { ids: [...ids.slice(0, kept), ...ids.slice(kept + cut)], cut };
}
