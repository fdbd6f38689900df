import type { Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import type { LogRow } from "../log-row.ts";

/**
 * What can be seen of a drawn token: its id, or, where a server tells texts alone, which text it is. Tokens of one text are one
 * outcome, and so are all that are not seen as a text: parts of characters, special tokens, none.
 */
export interface Outcomes {
  readonly count: number;
  /** The outcome of an id. */
  of(id: number): number;
}

/** Ids are told: each is an outcome, and so is the end, whichever id ends a text. */
export function outcomesOfIds(vocabSize: number, endIds: readonly number[]): Outcomes {
  const end = endIds[0] ?? 0;
  return { count: vocabSize, of: (id) => (endIds.includes(id) ? end : id) };
}

/** Texts are told. */
export interface TextOutcomes extends Outcomes {
  /** The outcome of a text as a server writes it. */
  ofText(text: string): number;
}

/** Outcomes of texts: a space before a word is left out by some servers, and does not tell two outcomes apart. */
export function outcomesOfTexts(tokenizer: Tokenizer, vocabSize: number): TextOutcomes {
  const places = new Map<string, number>([[UNSEEN, 0]]);
  const ids = Int32Array.from({ length: vocabSize }, (_unused, id) => {
    const key = keyOf(textOf(tokenizer, id));
    const place = places.get(key) ?? places.size;
    places.set(key, place);
    return place;
  });
  return {
    count: places.size,
    of: (id) => ids[id] ?? 0,
    ofText: (text) => places.get(keyOf(text)) ?? 0,
  };
}

const UNSEEN = "";

function keyOf(text: string): string {
  const word = text.trimStart();
  return word.includes("\uFFFD") ? UNSEEN : word;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(tokenizer: Tokenizer, id: number): string {
  try {
    return tokenizer.isSpecial(id) ? UNSEEN : utf8.decode(tokenizer.bytesOf(id));
  } catch {
    // A gap in the vocabulary: no token has this id.
    return UNSEEN;
  }
}

/** Probabilities of the outcomes. */
export function probabilities(row: LogRow, outcomes: Outcomes): Float64Array {
  const values = new Float64Array(outcomes.count);
  for (let id = 0; id < row.size; id++) {
    const at = outcomes.of(id);
    values[at] = (values[at] ?? 0) + Math.exp(row.logprob(id));
  }
  return values;
}
