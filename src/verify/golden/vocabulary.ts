import type { Golden } from "./read.ts";

/** A golden as far as it and the model have the same tokens. */
export interface CommonVocabulary {
  readonly golden: Golden;
  /** Undefined where both have as many tokens. */
  readonly note: string | undefined;
  /** True where the golden has tokens whose logits differ among themselves, and the model has not: they are no padding. */
  readonly lacksTokens: boolean;
}

/** Cuts a golden's logits to the first tokens, where the model has fewer; says what the other side has more. */
export function commonVocabulary(golden: Golden, vocabSize: number): CommonVocabulary {
  const { vocabSize: theirs } = golden;
  if (theirs === vocabSize) return { golden, note: undefined, lacksTokens: false };
  if (theirs < vocabSize) {
    const note = `the model has ${vocabSize - theirs} tokens more than the golden's ${theirs}: the logits of the first ${theirs} are compared`;
    return { golden, note, lacksTokens: false };
  }
  const lacksTokens = golden.prompts.some(({ logits }) => hasOwnValues(logits, theirs, vocabSize));
  const note = `the golden has ${theirs - vocabSize} tokens more than the model's ${vocabSize}, ${lacksTokens ? "with logits of their own" : "all with the same logit"}`;
  const prompts = golden.prompts.map((prompt) => ({
    ...prompt,
    logits: firstColumns(prompt.logits, theirs, vocabSize),
    exactLogits:
      prompt.exactLogits === undefined
        ? undefined
        : firstColumns(prompt.exactLogits, theirs, vocabSize),
  }));
  return { golden: { ...golden, vocabSize, prompts }, note, lacksTokens };
}

/** Whether the logits behind the first `width` of a row differ from each other. */
function hasOwnValues(logits: Float32Array, vocab: number, width: number): boolean {
  return logits.some((value, index) => {
    const token = index % vocab;
    return token > width && value !== logits[index - token + width];
  });
}

/** The first columns of [rows, vocab]. */
export function firstColumns(values: Float32Array, vocab: number, width: number): Float32Array {
  if (vocab === width) return values;
  const rows = values.length / vocab;
  const cut = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    cut.set(values.subarray(row * vocab, row * vocab + width), row * width);
  return cut;
}
