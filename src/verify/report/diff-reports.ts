import type { Weakened } from "../../options/weakening.ts";
import { shownText } from "../../tensor/shown-name.ts";
import { renderShape } from "../../tensor/shape.ts";
import type { DiffedTensor, DiffResult } from "../diff.ts";
import { attribute } from "./junit.ts";
import { code, escape } from "./markdown.ts";
import { writeWhole } from "../../sources/write-whole.ts";

/** Tensors that a table lists: a CI step summary holds 1 MiB, and people read a page. */
const LISTED = 50;

/** What was compared, and where reports of it go; those left out are not written. */
export interface DiffReportOptions {
  readonly left: string;
  readonly right: string;
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
  /** Checks that the options gave up. */
  readonly weakened: readonly Weakened[];
}

/** Writes the reports that were asked for; gives their paths. @throws WbError WB6002. */
export async function writeDiffReports(
  result: DiffResult,
  options: DiffReportOptions,
): Promise<readonly string[]> {
  const reports = [
    [options.junit, junitDiff],
    [options.markdown, markdownDiff],
  ] as const;
  const written: string[] = [];
  for (const [path, render] of reports) {
    if (path === undefined) continue;
    await writeWhole(path, render(result, options));
    written.push(path);
  }
  return written;
}

const isSame = ({ class: kind }: DiffedTensor): boolean =>
  kind === "identical" || kind === "equalValues" || kind === "withinTolerance";

/** A comparison as JUnit XML: a case for each tensor; where nothing was compared, one that fails. */
export function junitDiff(result: DiffResult, options: DiffReportOptions): string {
  const suite = attribute(`${options.left} against ${options.right}`);
  const cases = result.tensors.map((tensor) => {
    const head = `    <testcase classname="${suite}" name="${attribute(shownText(tensor.name))}"`;
    return isSame(tensor)
      ? `${head}/>`
      : `${head}>\n      <failure message="${attribute(`${tensor.class}: ${factsOf(tensor)}`)}"/>\n    </testcase>`;
  });
  const failed = result.tensors.filter((tensor) => !isSame(tensor)).length;
  // A verdict that no tensor shows, such as that there are none, is a case of its own.
  const isToldAlready = result.same || failed > 0;
  if (!isToldAlready)
    cases.push(
      `    <testcase classname="${suite}" name="verdict">\n      <failure message="nothing was compared"/>\n    </testcase>`,
    );
  const properties = options.weakened.map(
    ({ option, effect }) =>
      `      <property name="weakened ${attribute(option)}" value="${attribute(effect)}"/>\n`,
  );
  const head =
    properties.length === 0 ? "" : `    <properties>\n${properties.join("")}    </properties>\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge diff">\n  <testsuite name="${suite}" tests="${cases.length}" failures="${isToldAlready ? failed : 1}" time="${result.seconds.toFixed(3)}">\n${head}${cases.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}

/** A comparison as Markdown, for the summary of a CI step. */
export function markdownDiff(result: DiffResult, options: DiffReportOptions): string {
  const { same, summary, tensors, diagnosis } = result;
  const shown = tensors.filter((tensor) => !isSame(tensor));
  const counts = Object.entries(summary).filter(([, count]) => count > 0);
  const rows = shown
    .slice(0, LISTED)
    .map(
      (tensor) =>
        `| ${code(tensor.name).replaceAll("|", "\\|")} | ${tensor.class} | ${escape(factsOf(tensor))} |`,
    );
  const more = shown.length > LISTED ? [`| and ${shown.length - LISTED} more | | |`] : [];
  const table = ["| tensor | class | |", "| --- | --- | --- |", ...rows, ...more].join("\n");
  return `${[
    `## ${same ? "✅ pass" : "❌ fail"}: ${code(options.left)} against ${code(options.right)}`,
    ...options.weakened.map(
      ({ option, effect }) => `Weakened: ${code(option)}: ${escape(effect)}.`,
    ),
    ...diagnosis.map(({ cause, evidence }) => `- **${cause}**: ${escape(evidence)}`),
    tensors.length === 0
      ? "Nothing was compared."
      : `Tensors: ${counts.map(([kind, count]) => `${count} ${kind}`).join(", ")}.`,
    ...(shown.length === 0 ? [] : [table]),
  ].join("\n\n")}\n`;
}

function factsOf({ shape, maxAbs, firstIndex, note }: DiffedTensor): string {
  return [
    renderShape(shape),
    ...(note === undefined ? [] : [note]),
    ...(maxAbs === null ? [] : [`max ${maxAbs.toExponential(2)}`]),
    ...(firstIndex === null ? [] : [`first at element ${firstIndex}`]),
  ].join(", ");
}
