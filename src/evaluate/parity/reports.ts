import type { ReportDocument, Sheet } from "../report/document.ts";
import { VERDICT } from "../report/junit.ts";
import type { JunitSuite } from "../report/write-reports.ts";
import type { TaskParity } from "./compare-items.ts";
import type { ParityResult } from "./run.ts";

/** A table of tasks, and one of the answers that changed. @param weakened Checks that were given up, a line each. */
export function parityDocument(
  { model, against, parity, failures, verdict, notes }: ParityResult,
  weakened: readonly string[],
): ReportDocument {
  const changed = changesOf(parity);
  return {
    language: "en",
    title: `${model} against ${against}`,
    verdict,
    failures,
    sheets: [tasksOf(parity), ...(changed.rows.length === 0 ? [] : [changed])],
    notes: [...weakened, ...notes],
  };
}

/** A case for each task, and one for the verdict. @param weakened As in `parityDocument`. */
export function paritySuite(
  { model, against, parity, failures, seconds }: ParityResult,
  weakened: readonly string[],
): JunitSuite {
  const cases = parity.map((task) => ({
    name: task.name,
    failure: failures.find((failure) => failure.startsWith(`${task.name}: `)),
    said: told(task),
  }));
  const failure = failures.length === 0 ? undefined : failures.join("; ");
  const name = `${model} against ${against}`;
  return {
    name,
    seconds,
    cases: [...cases, { name: VERDICT, failure, said: weakened.join("\n") }],
  };
}

function tasksOf(parity: readonly TaskParity[]): Sheet {
  return {
    title: "Tasks",
    heads: [
      "task",
      "items",
      "reference",
      "here",
      "changed",
      "near-ties",
      "lost",
      "gained",
      "p (McNemar)",
    ],
    rows: parity.map((task) => [
      task.name,
      String(task.items),
      shown(task.otherScore),
      shown(task.score),
      String(task.changes.length),
      String(nearTies(task)),
      String(task.lost),
      String(task.gained),
      task.p.toPrecision(3),
    ]),
  };
}

function changesOf(parity: readonly TaskParity[]): Sheet {
  return {
    title: "Answers that changed",
    heads: ["item", "reference", "here", "right", "margin", "near-tie"],
    rows: parity.flatMap(({ name, changes }) =>
      changes.map(({ index, other, prediction, answer, margin, nearTie }) => [
        `${name} ${index}`,
        other ?? "none",
        prediction ?? "none",
        answer,
        margin === null ? "" : margin.toExponential(2),
        nearTie ? "yes" : "",
      ]),
    ),
  };
}

/** What a line says of one task. */
export function told(task: TaskParity): string {
  const { items, changes, lost, gained, p } = task;
  return `${changes.length} of ${items} answers changed (${nearTies(task)} near-ties), ${lost} lost, ${gained} gained, p ${p.toPrecision(2)}`;
}

function nearTies({ changes }: TaskParity): number {
  return changes.filter(({ nearTie }) => nearTie).length;
}

function shown(score: number | null): string {
  return score === null ? "not run" : score.toFixed(2);
}
