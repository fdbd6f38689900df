import type { PlainError } from "../errors/wb-error.ts";
import type { AnswerRequest, AnswerStep } from "./answer.ts";
import type { AnswersOptions, ModelFacts } from "./answers.ts";
import type { TokenChoice } from "./token-logprobs.ts";

/** Settings of a model that can be sent. */
export type SentOptions = Omit<AnswersOptions, "signal" | "onLoad">;

/** What is asked of it; answers and scores are told apart by their numbers. */
export type AnswerQuestion =
  /** The first one. */
  | { readonly kind: "open"; readonly path: string; readonly options: SentOptions }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly request: Omit<AnswerRequest, "signal">;
    }
  | {
      readonly kind: "score";
      readonly id: number;
      readonly prompt: readonly number[];
      readonly top: number;
    }
  /** Nobody listens any more. */
  | { readonly kind: "leave"; readonly id: number }
  /** The last one: the model is closed, and the thread ends. */
  | { readonly kind: "close" };

/** What it tells. */
export type AnswerNews =
  | { readonly kind: "loading"; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly facts: ModelFacts }
  /** The model was not opened. */
  | { readonly kind: "refused"; readonly error: PlainError }
  | AnswerPart;

/** News of one question. */
export type AnswerPart =
  | { readonly kind: "step"; readonly id: number; readonly step: AnswerStep }
  | {
      readonly kind: "scores";
      readonly id: number;
      readonly choices: readonly (TokenChoice | undefined)[];
    }
  /** Nothing more comes, and nothing of it is left on the device. */
  | { readonly kind: "end"; readonly id: number; readonly error?: PlainError };
