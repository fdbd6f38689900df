import type { Columns } from "../data/columns.ts";
import type { Way } from "../tasks/task.ts";
import { stripEnd } from "../answers/python.ts";
import { fill } from "./fill.ts";
import { renderPrompt, type TurnMarks } from "./render.ts";

/** What texts become: ids with those that the tokenizer puts around them. */
export interface TextEncoder {
  encode(text: string): readonly number[];
  /** How many ids the tokenizer puts before every text; they stay when a text is cut. */
  readonly before: number;
  /** The begin-of-sequence token, or the end's where there is none: what a continuation of nothing follows. */
  readonly first?: number | undefined;
}

/** A text of a question, ready for the model. */
export interface EncodedText {
  readonly ids: readonly number[];
  /** Tokens on the left that had no room. */
  readonly cut: number;
  /** Where only a continuation is scored. */
  readonly continuation?: ScoredContinuation;
}

/** The part of a text that is scored. */
export interface ScoredContinuation {
  /** Index of its first token in the text, at least 1. */
  readonly from: number;
  /** Characters by which its score is divided; 1 for a sum. */
  readonly per: number;
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
  const continuation = way.kind === "ppl" ? way.continuation : undefined;
  const texts = choices.map((choice) => {
    if (continuation !== undefined) {
      const whole = renderPrompt(way, columns, used, choice, marks);
      const context = { ...way, prompt: continuation.context };
      const before = renderPrompt(context, columns, used, choice, marks);
      const said = Array.from(fill(choice ?? "", columns)).length;
      const per = continuation.by === "sum" ? 1 : said;
      return encodeContinuation({ whole, before, per }, encoder, lengths.text);
    }
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

/**
 * @param before The context, with which the whole text begins.
 * @param per What the score is divided by.
 * As lm-evaluation-harness encodes a pair (`_encode_pair` of 0.4.13): white space at the context's end belongs to the continuation, whose
 * tokens are those of the whole text behind as many as the context has. The last token is not put in, so that one more has room; what
 * is too long is cut on the left, begin-of-sequence tokens with it.
 */
function encodeContinuation(
  { whole, before, per }: { readonly whole: string; readonly before: string; readonly per: number },
  encoder: TextEncoder,
  length: number,
): EncodedText {
  const encoded = encoder.encode(whole);
  // What follows an empty context is put behind a token of the harness's own where the tokenizer puts none.
  const isAlone = before === "" && encoder.before === 0 && encoder.first !== undefined;
  const ids = isAlone && encoded[0] !== encoder.first ? [encoder.first, ...encoded] : encoded;
  const cut = Math.max(0, ids.length - (length + 1));
  const from = Math.max(1, encoder.encode(stripEnd(before)).length - cut);
  return { ids: ids.slice(cut), cut, continuation: { from, per } };
}

function cutLeft(ids: readonly number[], length: number, before: number): EncodedText {
  const cut = Math.max(0, ids.length - length);
  if (cut === 0) return { ids, cut };
  const kept = Math.min(before, length);
  return { ids: [...ids.slice(0, kept), ...ids.slice(kept + cut)], cut };
}
