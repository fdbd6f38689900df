import type { AnswerFrom, Metric } from "../tasks/task.ts";
import { agievalMathAnswer } from "./agieval-math.ts";
import { firstCapital, firstCapitalsAToD } from "./capital.ts";
import { codeBlock } from "./code-block.ts";
import { gsm8kAnswer } from "./gsm8k.ts";
import { humanevalBody } from "./humaneval.ts";
import { mathEqual } from "./math-equal.ts";
import { mathAnswer } from "./minerva.ts";
import { isSameNumber, lastNumber } from "./numbers.ts";

/** How an answer is found in a generated text; undefined where there is none. */
const FINDERS: Readonly<Record<AnswerFrom, (text: string) => string | undefined>> = {
  whole: (text) => text,
  "first-capital": firstCapital,
  "first-capitals-a-d": firstCapitalsAToD,
  gsm8k: gsm8kAnswer,
  "last-number": lastNumber,
  math: mathAnswer,
  "agieval-math": agievalMathAnswer,
  humaneval: humanevalBody,
  "code-block": codeBlock,
};

export function findAnswer(from: AnswerFrom, text: string): string | undefined {
  return FINDERS[from](text);
}

/** Whether an answer is right; null where only running it would tell. */
export function isRight(metric: Metric, found: string | undefined, answer: string): boolean | null {
  switch (metric) {
    case "equal":
      return found === answer;
    case "number-equal":
      return found === answer || isSameNumber(found, answer);
    case "math-equal":
      return mathEqual(found, answer, false);
    case "agieval-math-equal":
      return mathEqual(found, answer, true);
    case "code":
      return null;
    default:
      return metric satisfies never;
  }
}
