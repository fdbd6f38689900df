import { WbError } from "../errors/wb-error.ts";
import { findAnswer, isRight } from "./answers/find-answer.ts";
import { generateAnswers } from "./answers/generate-answers.ts";
import type { Questions } from "./data/questions.ts";
import type { Item } from "./item.ts";
import { labelItem, withoutRoom } from "./label-item.ts";
import type { Evaluation } from "./open-evaluation.ts";
import { encodeQuestion, type EncodedQuestion } from "./prompts/encode.ts";
import type { TurnMarks } from "./prompts/render.ts";
import { planPrefixes } from "./scores/prefix-plan.ts";
import { scoreTexts, type Passing } from "./scores/score-texts.ts";
import { continuationScore, textScore } from "./scores/text-score.ts";
import type { GenWay, PplWay } from "./tasks/task.ts";

export interface AskOptions {
  /** Of a chat model. */
  readonly marks: TurnMarks | undefined;
  /** Over the task's own. */
  readonly maxNewTokens: number | undefined;
  /** Whether a prefix that texts have in common is computed once, where that keeps every bit. */
  readonly isShared: boolean;
  /** Told of tokens that have passed, of the task's at most. */
  readonly onTokens?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens of texts and prompts; those of answers are the same either way and not among them. */
export interface TokenCounts {
  /** Passed the model. */
  readonly computed: number;
  /** In all texts: what OpenCompass computes. */
  readonly whole: number;
}

/** A task that is ready: its texts are encoded. */
export interface Asking {
  readonly asked: Questions;
  readonly encoded: readonly EncodedQuestion[];
  /** New tokens of an answer at most; 0 where labels are scored. */
  readonly maxNewTokens: number;
}

/**
 * Renders and encodes the questions of one task.
 * @throws WbError WB2923 where answers leave no room for prompts, WB3923 for a text of no token that could be scored.
 */
export function prepare(
  asked: Questions,
  { encoder, maxLength }: Pick<Evaluation, "encoder" | "maxLength">,
  { marks, maxNewTokens }: Pick<AskOptions, "marks" | "maxNewTokens">,
): Asking {
  const { way, examples, questions, task } = asked;
  const room = way.kind === "gen" ? (maxNewTokens ?? way.maxNewTokens) : 0;
  const text = maxLength - room;
  if (text < 1)
    throw new WbError(
      "WB2923",
      `${task.name}: answers of ${room} tokens leave no room for a prompt in ${maxLength}; give a smaller --max-new-tokens`,
      { details: { asked: room, context: maxLength } },
    );
  const encoded = questions.map(({ columns }) =>
    encodeQuestion(way, columns, examples, encoder, { examples: maxLength, text }, marks),
  );
  const least = way.kind === "ppl" ? 2 : 1;
  const empty = encoded.findIndex(({ texts }) => texts.some(({ ids }) => ids.length < least));
  if (empty === -1) return { asked, encoded, maxNewTokens: room };
  throw new WbError(
    "WB3923",
    `${task.name}: row ${questions[empty]?.index}: expected a text of at least ${least} tokens, found fewer`,
    { details: { task: task.name, path: task.rows.file, rows: questions.length, bad: 1 } },
  );
}

/**
 * Asks the model the questions of one task; gives each as it is answered, in the order that shares most, and at last the tokens that
 * passed the model.
 */
export async function* ask(
  evaluation: Evaluation,
  asking: Asking,
  options: AskOptions,
): AsyncGenerator<Item, number> {
  const { way } = asking.asked;
  return way.kind === "ppl"
    ? yield* askLabels(evaluation, asking, way, options)
    : yield* askAnswers(evaluation, asking, way, options);
}

async function* askLabels(
  evaluation: Evaluation,
  { asked, encoded }: Asking,
  way: PplWay,
  { isShared, onTokens, signal }: AskOptions,
): AsyncGenerator<Item, number> {
  const { runtime, keepsBits, padId } = evaluation;
  const labels = [...way.choices.keys()];
  const owners = encoded.flatMap(({ texts }, question) =>
    texts.map((_, label) => ({ question, label })),
  );
  const texts = encoded.flatMap((question) => question.texts.map(({ ids }) => ids));
  const plan = planPrefixes(texts, isShared && keepsBits);
  const open = new Map<number, Map<string, number>>();
  let done = 0;
  const walk = scoreTexts(runtime.decoder, texts, plan, {
    passing: passingOf(keepsBits, isShared),
    onTokens: (tokens) => {
      done += tokens;
      onTokens?.(done, plan.computed);
    },
    signal,
  });
  for await (const { text, entropies } of walk) {
    const owner = owners[text];
    const question = asked.questions[owner?.question ?? -1];
    if (owner === undefined || question === undefined)
      throw new WbError("WB7001", "a text of no question");
    const scores = open.get(owner.question) ?? new Map<string, number>();
    open.set(owner.question, scores);
    const scored = encoded[owner.question]?.texts[owner.label]?.continuation;
    const score =
      scored === undefined
        ? textScore(texts[text] ?? [], entropies, padId)
        : continuationScore(entropies, scored);
    scores.set(labels[owner.label] ?? "", score);
    if (scores.size < labels.length) continue;
    open.delete(owner.question);
    yield labelItem(asked, question, encoded[owner.question], labels, scores);
  }
  return plan.computed;
}

function passingOf(keepsBits: boolean, isShared: boolean): Passing {
  if (!keepsBits) return "whole";
  return isShared ? "together" : "parts";
}

async function* askAnswers(
  evaluation: Evaluation,
  { asked, encoded, maxNewTokens }: Asking,
  way: GenWay,
  { marks, isShared, onTokens, signal }: AskOptions,
): AsyncGenerator<Item, number> {
  const { runtime, tokenizer, defaults, stopIds, keepsBits } = evaluation;
  const prompts = encoded.map(({ texts }) => texts[0]?.ids ?? []);
  const most =
    planPrefixes(prompts, isShared && keepsBits).computed + prompts.length * maxNewTokens;
  let [computed, done] = [0, 0];
  const answers = generateAnswers(runtime.decoder, tokenizer, prompts, {
    maxNewTokens,
    stopIds,
    defaults,
    // OpenCompass cuts at the first character of the mark.
    stop: [...way.stop, marks?.bot.end.slice(0, 1) ?? ""].filter((mark) => mark !== ""),
    isShared: isShared && keepsBits,
    onTokens: (tokens) => {
      done += tokens;
      onTokens?.(Math.min(done, most), most);
    },
    signal,
  });
  for await (const { prompt, text, computed: own } of answers) {
    computed += own;
    const question = asked.questions[prompt];
    if (question === undefined) throw new WbError("WB7001", "an answer to no question");
    const found = findAnswer(way.answerFrom, text);
    yield {
      task: asked.task.name,
      index: question.index,
      prediction: found ?? null,
      answer: question.answer,
      correct: isRight(way.metric, found, question.answer),
      raw: text,
      ...withoutRoom(asked, encoded[prompt]),
    };
  }
  return computed;
}
