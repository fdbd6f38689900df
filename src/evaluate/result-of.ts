import type { TokenCounts } from "./ask.ts";
import type { Questions } from "./data/questions.ts";
import { scoreOf } from "./item.ts";
import { notesOf } from "./notes.ts";
import type { Answered, EvaluateResult, GroupResult, RunFacts, TaskResult } from "./result.ts";

/**
 * The result that items come to, however they were computed: at once, after an interruption, or in parts.
 * @param answered In the order of `asked`.
 * @param notes Of the model and the device.
 */
export function resultOf(
  asked: readonly Questions[],
  answered: readonly Answered[],
  {
    model,
    variant,
    device,
    backend,
    compute,
    activations,
    residence,
    maxLength,
    seconds,
  }: RunFacts,
  notes: readonly string[],
): EvaluateResult {
  const tasks = asked.map((questions, at) => taskResult(questions, answered[at] ?? NOTHING));
  return {
    model,
    variant,
    tasks,
    groups: groupsOf(tasks),
    tokens: sumOf(tasks.map(({ tokens }) => tokens)),
    device,
    backend,
    compute,
    activations,
    residence,
    maxLength,
    seconds,
    notes: [...notes, ...notesOf(asked, tasks)],
    items: answered.flatMap(({ items }) => items),
  };
}

const NOTHING: Answered = { items: [], tokens: { computed: 0, whole: 0 }, seconds: 0 };

function taskResult(
  { task, way, examples, skipped }: Questions,
  { items, tokens, seconds }: Answered,
): TaskResult {
  return {
    name: task.name,
    group: task.group ?? null,
    kind: way.kind,
    items: items.length,
    correct: items.filter(({ correct }) => correct === true).length,
    score: scoreOf(items),
    examples: examples.length,
    fewerExamples: items.filter(({ dropped }) => dropped !== undefined).length,
    skipped,
    cut: items.filter(({ cut }) => cut !== undefined).length,
    tokens,
    seconds,
  };
}

/** Groups in the order of their first task. */
function groupsOf(tasks: readonly TaskResult[]): readonly GroupResult[] {
  const names = [...new Set(tasks.map(({ group }) => group))].filter((name) => name !== null);
  return names.map((name) => {
    const own = tasks.filter(({ group }) => group === name);
    const scores = own.flatMap(({ score }) => (score === null ? [] : [score]));
    const sum = scores.reduce((total, score) => total + score, 0);
    const score = scores.length === own.length ? sum / own.length : null;
    return { name, tasks: own.length, score };
  });
}

/** Of all. */
export function sumOf(counts: readonly TokenCounts[]): TokenCounts {
  return {
    computed: counts.reduce((sum, { computed }) => sum + computed, 0),
    whole: counts.reduce((sum, { whole }) => sum + whole, 0),
  };
}
