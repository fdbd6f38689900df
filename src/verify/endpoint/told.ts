/** A log-probability that a server told. */
export interface ToldValue {
  readonly id: number;
  /** Nats. */
  readonly logprob: number;
}

/** What a server told of the token behind one place of a sequence. */
export interface ToldRow {
  /** Index of the last token before it: our logits of this position are held against it. */
  readonly position: number;
  /** Of the token that stands there and of the likeliest, each id once. */
  readonly values: readonly ToldValue[];
  /** The likeliest tokens, the likeliest first; undefined where none were told, or not all of them could be read. */
  readonly top: readonly number[] | undefined;
}

/** One prompt with its answer, as the server has them. */
export interface ToldSequence {
  readonly name: string;
  /** Token ids of the prompt, as the server read it, and of its answer, as far as they are known. */
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly rows: readonly ToldRow[];
}

/** How a server's count of a prompt's tokens differs from ours, where it does. */
export type PromptReading =
  | { readonly kind: "same" }
  | { readonly kind: "without-first"; readonly id: number }
  | { readonly kind: "with-first"; readonly id: number | undefined }
  | { readonly kind: "other"; readonly ours: number; readonly theirs: number };

/** What one answer to one prompt came to. */
export interface ReadAnswer {
  readonly reading: PromptReading;
  /** What the server told of how it reads the prompt. */
  readonly tells: "ids" | "count" | "nothing";
  /** The prompt's ids as the server has them; undefined where only their number is known, and it is another. */
  readonly promptIds: readonly number[] | undefined;
  readonly rows: readonly ToldRow[];
  /** Ids of the answer, as far as they could be read. */
  readonly answerIds: readonly number[];
  /** Whether the answer's ids were told as numbers, so that none of them was inferred. */
  readonly hasIds: boolean;
  /** Likeliest tokens whose text belongs to no id, or to several. */
  readonly unreadable: number;
}
