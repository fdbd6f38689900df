import { WbError } from "../../errors/wb-error.ts";
import { VERDICT } from "./junit.ts";
import { writeReports, type ReportPaths } from "./write-reports.ts";

/**
 * Writes the reports that were asked for where a run ended in an error: a job that shows a report shows this one, and not that of the
 * run before. @throws WbError WB6002.
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
  return writeReports(
    paths,
    {
      language: "en",
      title: name,
      verdict: "error",
      failures: [`${type}: ${message}`],
      sheets: [],
      notes: [],
    },
    {
      name,
      seconds: 0,
      cases: [{ name: VERDICT, failure: undefined, error: { type, message }, said: "" }],
    },
  );
}
