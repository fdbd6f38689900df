import type { ParityResult } from "../../evaluate/parity/run.ts";
import { told } from "../../evaluate/parity/reports.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";

/** A line for each task and group, and what sharing prefixes saved. */
export function renderEvaluation({ tasks, groups, tokens, seconds }: EvaluateResult): string {
  const rows = [
    ...tasks.map(({ name, kind, items, score, examples }) => [
      name,
      kind,
      `${items} items`,
      `${examples} shots`,
      scoreText(score),
    ]),
    ...groups.map(({ name, tasks: count, score }) => [
      name,
      "mean",
      `${count} tasks`,
      "",
      scoreText(score),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => (column < 4 ? cell.padEnd(widths[column] ?? 0) : cell)).join("  "),
  );
  const { computed, whole } = tokens;
  const saved = computed === 0 ? "" : `, ${(whole / computed).toFixed(1)} times fewer than`;
  lines.push(
    `${computed} tokens of prompts computed${saved} the ${whole} of all texts; ${seconds.toFixed(1)} s`,
  );
  return lines.join("\n");
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
