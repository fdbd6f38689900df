import type { Question, Questions } from "../data/questions.ts";
import type { Way } from "../tasks/task.ts";

/** Part `index` of `of`, counted from 1. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

/** Characters of a prompt that take as long as one token of an answer: a prompt's tokens, some four characters each, pass together. */
const CHARACTERS_A_NEW_TOKEN = 32;

/**
 * The questions of one part: neighbours, since they share the most, of every task that the part has some of. Parts are cut where their
 * costs, told from the lengths of texts, are about equal. The same for everyone who asks, so that parts need not speak to each other.
 */
export function questionsOfPart(
  asked: readonly Questions[],
  { index, of }: Part,
): readonly Questions[] {
  const costs = asked.map(({ questions, way }) =>
    questions.map((question) => costOf(question, way)),
  );
  const total = costs.flat().reduce((sum, cost) => sum + cost, 0);
  let before = 0;
  return asked.map((task, at) => ({
    ...task,
    questions: task.questions.filter((_question, position) => {
      const cost = costs[at]?.[position] ?? 0;
      // By a question's middle, so that each is of exactly one part.
      const part = Math.min(of, 1 + Math.floor(((2 * before + cost) * of) / (2 * total)));
      before += cost;
      return part === index;
    }),
  }));
}

function costOf({ columns }: Question, way: Way): number {
  const text = [...columns.values()].reduce((sum, { length }) => sum + length, 1);
  return way.kind === "ppl" ? text : text + way.maxNewTokens * CHARACTERS_A_NEW_TOKEN;
}
