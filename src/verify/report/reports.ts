import type { VerifyResult } from "../result.ts";
import { evidenceOf, type Evidence } from "./evidence.ts";
import type { Filed } from "./filed.ts";
import type { ErrorSubject } from "./junit.ts";
import { writeWhole } from "../../sources/write-whole.ts";

/** Where reports go; those left out are not written. */
export interface ReportPaths {
  readonly html?: string | undefined;
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
}

/**
 * Writes the reports that were asked for; gives their paths.
 * @param evidence As `evidenceOf` gave it; gathered here when left out.
 * @throws WbError WB6002, WB3010.
 */
export async function writeReports(
  result: VerifyResult,
  paths: ReportPaths,
  evidence?: Evidence,
): Promise<readonly string[]> {
  const { html, junit, markdown } = paths;
  if (html === undefined && junit === undefined && markdown === undefined) return [];
  const filed = { result, evidence: evidence ?? (await evidenceOf(result)) };
  const written: string[] = [];
  const write = async (
    path: string | undefined,
    text: (filed: Filed) => string | Promise<string>,
  ): Promise<void> => {
    if (path === undefined) return;
    await writeWhole(path, await text(filed));
    written.push(path);
  };
  await write(html, async (one) => (await import("./html.ts")).htmlReport(one));
  await write(junit, async (one) => (await import("./junit.ts")).junitReport(one));
  await write(markdown, async (one) => (await import("./markdown.ts")).markdownReport(one));
  return written;
}

/** The JUnit report of a verification that ended in an error, so that a CI shows why and no stale file stays. @throws WbError WB6002. */
export async function writeErrorReport(
  path: string,
  subject: ErrorSubject,
  error: unknown,
): Promise<void> {
  const { junitError } = await import("./junit.ts");
  await writeWhole(path, junitError(subject, error));
}
