import type { evaluate } from "../../src/evaluate/run.ts";
import type { OpenCompassResults } from "./evaluation.ts";

/** The largest difference of a score, and predictions that are others; NaN where a score is missing. */
export function differences(
  items: Awaited<ReturnType<typeof evaluate>>["items"],
  results: OpenCompassResults,
): {
  largest: number;
  compared: number;
  others: string[];
} {
  let [largest, compared] = [0, 0];
  const others: string[] = [];
  for (const { name, kind, items: expected } of results.sets) {
    if (kind !== "ppl") continue;
    for (const [index, { scores = {}, prediction }] of expected.entries()) {
      const item = items.find((each) => each.task === name && each.index === index);
      if (item?.prediction !== prediction) others.push(`${name} ${index}`);
      for (const [label, score] of Object.entries(scores)) {
        compared++;
        largest = Math.max(largest, Math.abs(score - (item?.scores?.[label] ?? Number.NaN)));
      }
    }
  }
  return { largest, compared, others };
}
