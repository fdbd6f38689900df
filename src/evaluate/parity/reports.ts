import { attribute } from "../../verify/report/junit.ts";
import { writeReport } from "../../verify/report/write-report.ts";
import type { TaskParity } from "./compare-items.ts";
import type { ParityResult } from "./run.ts";

/** Writes the reports that were asked for; gives their paths. @throws WbError WB6002. */
export async function writeParityReports(
  result: ParityResult,
  paths: { readonly junit?: string | undefined; readonly markdown?: string | undefined },
): Promise<readonly string[]> {
  const wanted = [
    { path: paths.junit, text: junitParity },
    { path: paths.markdown, text: markdownParity },
  ];
  const written: string[] = [];
  for (const { path, text } of wanted) {
    if (path === undefined) continue;
    await writeReport(path, text(result));
    written.push(path);
  }
  return written;
}

/** A case for each task, and one for the verdict. */
export function junitParity({ model, against, parity, failures, seconds }: ParityResult): string {
  const name = attribute(`${model} against ${against}`);
  const cases = parity.map(
    (task) =>
      `    <testcase classname="${name}" name="${attribute(`${task.name}: ${told(task)}`)}"/>`,
  );
  const verdict = `    <testcase classname="${name}" name="verdict"`;
  cases.push(
    failures.length === 0
      ? `${verdict}/>`
      : `${verdict}>\n      <failure message="${attribute(failures.join("; "))}"/>\n    </testcase>`,
  );
  const failed = failures.length === 0 ? 0 : 1;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge eval">\n  <testsuite name="${name}" tests="${cases.length}" failures="${failed}" time="${seconds.toFixed(3)}">\n${cases.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}

/** A table of tasks, and the answers that changed. */
export function markdownParity({
  model,
  against,
  parity,
  failures,
  verdict,
}: ParityResult): string {
  const rows = parity.map(
    (task) =>
      `| ${task.name} | ${task.items} | ${shown(task.otherScore)} | ${shown(task.score)} | ${task.changes.length} | ${task.changes.filter(({ nearTie }) => nearTie).length} | ${task.lost} | ${task.gained} | ${task.p.toPrecision(3)} |`,
  );
  const changes = parity.flatMap(({ name, changes: list }) =>
    list.map(
      ({ index, other, prediction, answer, margin, nearTie }) =>
        `| ${name} ${index} | ${cell(other)} | ${cell(prediction)} | ${cell(answer)} | ${margin === null ? "" : margin.toExponential(2)} | ${nearTie ? "yes" : ""} |`,
    ),
  );
  const table =
    changes.length === 0
      ? []
      : [
          "",
          "| item | reference | here | right | margin | near-tie |",
          "| --- | --- | --- | --- | --- | --- |",
          ...changes,
        ];
  return [
    `# ${verdict.toUpperCase()}: ${model} against ${against}`,
    "",
    ...failures.map((failure) => `- ${failure}`),
    ...(failures.length === 0 ? [] : [""]),
    "| task | items | reference | here | changed | near-ties | lost | gained | p (McNemar) |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    ...table,
    "",
  ].join("\n");
}

/** What a line says of one task. */
export function told({ items, changes, lost, gained, p }: TaskParity): string {
  const near = changes.filter(({ nearTie }) => nearTie).length;
  return `${changes.length} of ${items} answers changed (${near} near-ties), ${lost} lost, ${gained} gained, p ${p.toPrecision(2)}`;
}

function shown(score: number | null): string {
  return score === null ? "not run" : score.toFixed(2);
}

/** Text that cannot end its cell or its row. */
function cell(text: string | null): string {
  const plain = (text ?? "none").replaceAll(/\s+/g, " ").replaceAll("|", String.raw`\|`);
  return plain.length > 60 ? `${plain.slice(0, 60)}…` : plain;
}
