import { insideBoxed, lastBoxed } from "../answers/boxed.ts";
import type { TAKES } from "../tasks/task.ts";

/** Parts of a stored answer; undefined where it has none. */
export const TAKE: Readonly<Record<(typeof TAKES)[number], (text: string) => string | undefined>> =
  {
    /** What the last \boxed{…} of a solution holds. */
    "last-boxed": (text) => {
      const boxed = lastBoxed(text);
      return boxed === undefined ? undefined : insideBoxed(boxed);
    },
    /** GSM8K writes the number behind "#### ". */
    "gsm8k-answer": (text) => text.split("#### ")[1]?.replaceAll(",", ""),
    /** GSM8K's steps without the marks of its calculator, and the answer as a sentence. */
    "gsm8k-reasoning": (text) => {
      const [steps = "", answer] = text.split("#### ");
      if (answer === undefined) return undefined;
      return `${steps.replaceAll(/<<[^>]*>>/g, "").trim()}\nThe answer is ${answer.trim()}`;
    },
  };
