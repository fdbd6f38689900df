import { writeWhole } from "../../sources/write-whole.ts";
import type { ReportDocument } from "./document.ts";
import { htmlOf } from "./html.ts";
import { junitOf, type JunitCase } from "./junit.ts";
import { markdownOf } from "./markdown.ts";

/** Where reports are wanted. */
export interface ReportPaths {
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
  /** HTML. */
  readonly report?: string | undefined;
}

/** What JUnit XML says of a run. */
export interface JunitSuite {
  readonly name: string;
  readonly cases: readonly JunitCase[];
  readonly seconds: number;
}

/** Writes the reports that were asked for; gives their paths. @throws WbError WB6002. */
export async function writeReports(
  paths: ReportPaths,
  document: ReportDocument,
  suite: JunitSuite,
): Promise<readonly string[]> {
  const wanted = [
    { path: paths.junit, text: () => junitOf(suite.name, suite.cases, suite.seconds) },
    { path: paths.markdown, text: () => markdownOf(document) },
    { path: paths.report, text: () => htmlOf(document) },
  ];
  const written: string[] = [];
  for (const { path, text } of wanted) {
    if (path === undefined) continue;
    await writeWhole(path, text());
    written.push(path);
  }
  return written;
}
