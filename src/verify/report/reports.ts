import { writeFile } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";
import type { VerifyResult } from "../run.ts";

/** Where reports go; those left out are not written. */
export interface ReportPaths {
  readonly html?: string | undefined;
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
}

/** Writes the reports that were asked for; gives their paths. @throws WbError WB6002. */
export async function writeReports(
  result: VerifyResult,
  paths: ReportPaths,
): Promise<readonly string[]> {
  const written: string[] = [];
  const write = async (path: string | undefined, text: () => Promise<string>): Promise<void> => {
    if (path === undefined) return;
    const content = await text();
    try {
      await writeFile(path, content);
    } catch (error) {
      throw new WbError("WB6002", `${path}: cannot be written`, {
        details: { path },
        cause: error,
      });
    }
    written.push(path);
  };
  await write(paths.html, async () => (await import("./html.ts")).htmlReport(result));
  await write(paths.junit, async () => (await import("./junit.ts")).junitReport(result));
  await write(paths.markdown, async () => (await import("./markdown.ts")).markdownReport(result));
  return written;
}
