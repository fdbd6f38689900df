import { WbError } from "../../errors/wb-error.ts";
import type { ReportDocument } from "./document.ts";
import { VERDICT } from "./junit.ts";
import { writeReports, type ReportPaths } from "./write-reports.ts";

/**
 * Writes the reports that were asked for where a run ended in an error: a job that shows a report shows this one, and not that of the
 * run before. @returns what is said of reports that could not be written: the run's own error is what it ends with.
 */
export async function writeErrorReports(
  paths: ReportPaths,
  name: string,
  error: unknown,
): Promise<readonly string[]> {
  const [type, message] =
    error instanceof WbError
      ? [error.code, error.message]
      : ["error", error instanceof Error ? error.message : String(error)];
  const document: ReportDocument = {
    language: "en",
    title: name,
    verdict: "error",
    failures: [`${type}: ${message}`],
    sheets: [],
    notes: [],
  };
  const cases = [{ name: VERDICT, failure: undefined, error: { type, message }, said: "" }];
  const unwritten: string[] = [];
  for (const kind of ["junit", "markdown", "report"] as const) {
    try {
      await writeReports({ [kind]: paths[kind] }, document, { name, seconds: 0, cases });
    } catch (problem) {
      if (!(problem instanceof WbError)) throw problem;
      if (problem.message !== message) unwritten.push(`${problem.code}: ${problem.message}`);
    }
  }
  return unwritten;
}
