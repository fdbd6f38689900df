/** What came of one question. */
export interface Item {
  readonly task: string;
  /** Of the row in its file, from 0. */
  readonly index: number;
  /** The label that was chosen, or the answer that was found; null where none was. */
  readonly prediction: string | null;
  readonly answer: string;
  /** Null where only running the answer would tell. */
  readonly correct: boolean | null;
  /** Of each label: the mean cross-entropy of its text, in nats; the smallest wins. */
  readonly scores?: Readonly<Record<string, number>>;
  /** The generated text before the answer was looked for in it. */
  readonly raw?: string;
  /** Tokens on the left of its longest text that had no room; left out where all had. */
  readonly cut?: number;
  /** Worked examples that had no room; left out where all had. */
  readonly dropped?: number;
}

/** One line of a details file; fields in this order, so that equal items are equal lines. */
export function itemLine({
  task,
  index,
  prediction,
  answer,
  correct,
  scores,
  raw,
  cut,
  dropped,
}: Item): string {
  return JSON.stringify({ task, index, prediction, answer, correct, scores, raw, cut, dropped });
}

/** 100 · right / asked; null where there is none, or where it is not known of all. */
export function scoreOf(items: readonly Pick<Item, "correct">[]): number | null {
  if (items.length === 0 || items.some(({ correct }) => correct === null)) return null;
  return (100 * items.filter(({ correct }) => correct === true).length) / items.length;
}
