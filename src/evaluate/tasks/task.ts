/** One part of a dialogue: what a person says, or what the model answers. */
export type Turn = { readonly human: string } | { readonly bot: string };

/** The turn with another text. */
export function mapTurn(turn: Turn, change: (text: string) => string): Turn {
  return "human" in turn ? { human: change(turn.human) } : { bot: change(turn.bot) };
}

/** A prompt: a text, or turns, among which "{examples}" stands for the worked examples. */
export type PromptTemplate = string | readonly (Turn | "{examples}")[];

export const ROW_FORMATS = ["csv", "pandas-csv", "jsonl", "json"] as const;

/** Where rows are stored below the data folder, and how. */
export interface RowsFile {
  /** Relative to the data folder; may hold {name} and other fields of the subset. */
  readonly file: string;
  /**
   * "csv" without a header where `columns` names them, and so "pandas-csv", whose cells are what pandas makes of them; "jsonl" an object a
   * line; "json" an array, or an object of objects.
   */
  readonly format: (typeof ROW_FORMATS)[number];
  readonly columns: readonly string[] | undefined;
}

/** Worked examples that stand before each question. */
export interface Examples {
  readonly rows: RowsFile;
  /** The file's first so many rows. */
  readonly first: number;
  /** A text each, joined with a newline and followed by one; or a list of turns for each. */
  readonly template: string | readonly Turn[];
  /** A piece of its own behind the turns of each example, and one behind the last; none when empty. */
  readonly after: string;
  readonly end: string;
  /** Whether the questions are asked without examples, with a note, where their file is missing. */
  readonly optional: boolean;
}

export const TAKES = ["last-boxed", "gsm8k-answer", "gsm8k-reasoning"] as const;

/** A column that is made of others. */
export type Field =
  | { readonly template: string }
  /** The value of the column whose name is the value of this one: the text of the option that a letter names. */
  | { readonly named: string }
  | {
      /** Paths into the row such as "target.span1_text"; the first that holds something is taken. */
      readonly from: readonly string[];
      /** Between the parts where the value is a list. */
      readonly join: string;
      readonly map: ReadonlyMap<string, string> | undefined;
      readonly take: (typeof TAKES)[number] | undefined;
      /** What is taken where none holds anything; without it that is an error. */
      readonly otherwise: string | undefined;
    };

export const ANSWERS = [
  "whole",
  "first-capital",
  "first-capitals-a-d",
  "gsm8k",
  "last-number",
  "math",
  "agieval-math",
  "humaneval",
  "code-block",
] as const;
/** How the answer is found in a generated text. */
export type AnswerFrom = (typeof ANSWERS)[number];

export const METRICS = [
  "equal",
  "number-equal",
  "math-equal",
  "agieval-math-equal",
  "code",
] as const;
/** When an answer is right; "code" needs a sandbox to tell. */
export type Metric = (typeof METRICS)[number];

export const CONTINUATION_SCORES = ["sum", "character"] as const;

/** Only what follows a context is scored, as lm-evaluation-harness does. */
export interface Continuation {
  /** Template of the context, with which the prompt begins. */
  readonly context: string;
  /** The cross-entropies' sum, or that divided by the characters of the choice (acc_norm). */
  readonly by: (typeof CONTINUATION_SCORES)[number];
}

/** A label is chosen by the mean cross-entropy of the whole text, or by that of a continuation. */
export interface PplWay {
  readonly kind: "ppl";
  /** Template of the right answer, where it is not the task's. */
  readonly answer: string | undefined;
  readonly examples: Examples | undefined;
  readonly prompt: PromptTemplate;
  /** For each label, in order, what {choice} stands for in the prompt. */
  readonly choices: ReadonlyMap<string, string>;
  /** Undefined where the whole text is scored. */
  readonly continuation: Continuation | undefined;
}

/** A text is generated greedily, and the answer found in it. */
export interface GenWay {
  readonly kind: "gen";
  /** As in `PplWay`. */
  readonly answer: string | undefined;
  readonly examples: Examples | undefined;
  readonly prompt: PromptTemplate;
  readonly maxNewTokens: number;
  readonly answerFrom: AnswerFrom;
  readonly metric: Metric;
  /** Texts that end an answer and are no part of it. */
  readonly stop: readonly string[];
}

export type Way = PplWay | GenWay;

export const VARIANTS = ["base", "chat"] as const;
export type Variant = (typeof VARIANTS)[number];

/** One data set: where its rows are, what is asked of each, and what the right answer is. */
export interface Task {
  /** "mmlu/anatomy", "gsm8k". */
  readonly name: string;
  /** The group whose mean it is part of: "mmlu"; undefined where it stands alone. */
  readonly group: string | undefined;
  readonly rows: RowsFile;
  readonly fields: ReadonlyMap<string, Field>;
  /** Template of the right answer. */
  readonly answer: string;
  /** The row's own name where predictions are written for other programs. */
  readonly id: string | undefined;
  readonly base: Way | undefined;
  readonly chat: Way | undefined;
}
