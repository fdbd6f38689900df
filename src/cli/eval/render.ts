import type { Speech } from "../language/speech.ts";
import type { ParityResult } from "../../evaluate/parity/run.ts";
import { told } from "../../evaluate/parity/reports.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";

/** A line for each task and group, and what sharing prefixes saved. @param speech The reader's language. */
export function renderEvaluation(
  { tasks, groups, tokens, seconds }: EvaluateResult,
  speech: Speech,
): string {
  const rows = [
    ...tasks.map(({ name, kind, items, score, examples }) => [
      name,
      kind,
      speech.text(`${items} items`),
      speech.text(`${examples} shots`),
      speech.text(scoreText(score)),
    ]),
    ...groups.map(({ name, tasks: count, score }) => [
      name,
      speech.text("mean"),
      speech.text(`${count} tasks`),
      "",
      speech.text(scoreText(score)),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column < 4 ? cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)) : cell,
      )
      .join("  "),
  );
  const { computed, whole } = tokens;
  const time = seconds.toFixed(1);
  const saved =
    computed === 0
      ? `0 tokens of prompts computed of the ${whole} of all texts; ${time} s`
      : `${computed} tokens of prompts computed, ${(whole / computed).toFixed(1)} times fewer than the ${whole} of all texts; ${time} s`;
  return [...lines, speech.text(saved)].join("\n");
}

/** Columns of a terminal: Chinese characters take two. */
function widthOf(text: string): number {
  return text.length + (text.match(/[\u2e80-\u9fff\uff01-\uff60]/gu)?.length ?? 0);
}

/** The verdict, a line for each task, and why it fails. */
export function renderParity({
  model,
  against,
  verdict,
  parity,
  decisions = [],
  failures,
}: ParityResult): string {
  return [
    `${verdict.toUpperCase()}  ${model} against ${against}`,
    ...parity.map((task) => `${task.name}: ${told(task)}`),
    ...decisions.map(
      ({ name, decision, items, rows }) =>
        `${name}: ${decision}, decided after ${items} of ${rows} rows`,
    ),
    ...failures,
  ].join("\n");
}

function scoreText(score: number | null): string {
  return score === null ? "not run" : score.toFixed(2);
}
