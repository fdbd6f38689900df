import { WbError } from "../errors/wb-error.ts";
import type { Question, Questions } from "./data/questions.ts";
import type { Item } from "./item.ts";
import type { EncodedQuestion } from "./prompts/encode.ts";
import { smallest } from "./scores/text-score.ts";

/** The item of a question whose labels are scored. @throws WbError WB3924 where a score is no number. */
export function labelItem(
  asked: Questions,
  { index, answer }: Question,
  encoded: EncodedQuestion | undefined,
  labels: readonly string[],
  found: ReadonlyMap<string, number>,
): Item {
  const { task } = asked;
  const scores = new Map(labels.map((label) => [label, found.get(label) ?? Number.NaN]));
  const prediction = smallest(scores);
  if (prediction === undefined)
    throw new WbError(
      "WB3924",
      `${task.name}: row ${index}: expected scores, found ${JSON.stringify(Object.fromEntries([...scores].map(([label, score]) => [label, String(score)])))}`,
      { details: { task: task.name, index } },
    );
  return {
    task: task.name,
    index,
    prediction,
    answer,
    correct: prediction === answer,
    scores: Object.fromEntries(scores),
    ...withoutRoom(asked, encoded),
  };
}

/** What of a question had no room. */
export function withoutRoom(
  { examples }: Questions,
  encoded: EncodedQuestion | undefined,
): Pick<Item, "cut" | "dropped"> {
  if (encoded === undefined) return {};
  const cut = Math.max(0, ...encoded.texts.map((text) => text.cut));
  const dropped = examples.length - encoded.examples;
  return { ...(cut > 0 ? { cut } : {}), ...(dropped > 0 ? { dropped } : {}) };
}
