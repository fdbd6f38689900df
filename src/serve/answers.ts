import type { GenerationDefaults } from "../session/generation-config.ts";
import type { AtOnce } from "../session/at-once.ts";
import type { GeneratorOptions } from "../session/generator.ts";
import type { AnswerRequest, AnswerStep } from "./answer.ts";
import type { TokenChoice } from "./token-logprobs.ts";

/** What the server needs to know of a model that it has no hands on. */
export interface ModelFacts {
  readonly vocabSize: number;
  /** Tokens of prompt and answer at most. */
  readonly context: number;
  readonly atOnce: AtOnce;
  /** Ids that end an answer where a request names none. */
  readonly stopIds: readonly number[];
  readonly defaults: GenerationDefaults;
  /** What the user should know, one sentence each. */
  readonly notes: readonly string[];
}

/** A model that answers. */
export interface Answers {
  readonly facts: ModelFacts;
  /**
   * Generates one answer; what it takes is given back when listening ends.
   * @throws WbError of the runtime; the signal's reason.
   */
  answer(request: AnswerRequest): AsyncGenerator<AnswerStep, void, undefined>;
  /**
   * Each token of a prompt as a choice behind those before it; undefined for the first, which nothing is before.
   * @param top Likeliest tokens to tell of each.
   */
  score(
    prompt: readonly number[],
    top: number,
    signal: AbortSignal,
  ): Promise<readonly (TokenChoice | undefined)[]>;
  close(): Promise<void>;
}

/** How a model is opened to answer. */
export interface AnswersOptions extends Pick<
  GeneratorOptions,
  | "device"
  | "compute"
  | "activations"
  | "maxMemory"
  | "sourceLayout"
  | "verbose"
  | "signal"
  | "onLoad"
> {
  /** Tokens of prompt and answer at most; the model's own context when left out. */
  readonly context?: number | undefined;
  /** Texts that are generated at the same time, at most. */
  readonly batch: number;
}
