import { WbError } from "../../errors/wb-error.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";
import { VERDICT } from "../../evaluate/report/junit.ts";
import type { ReportPaths } from "../../evaluate/report/write-reports.ts";
import { LANGUAGES } from "../../evaluate/table/words.ts";
import { optionalChoice, optionalString, texts } from "../arguments.ts";
import type { Arguments, CommandResult } from "../command.ts";
import { weakenedLines } from "./together.ts";

/** `eval table RESULT.json…`: the model page's table of several results. */
export async function drawTable(args: Arguments): Promise<CommandResult> {
  const { readResult } = await import("../../evaluate/table/read-result.ts");
  const { tableOf } = await import("../../evaluate/table/table.ts");
  const { textOf } = await import("../../evaluate/report/text.ts");
  const { writeReports } = await import("../../evaluate/report/write-reports.ts");
  const paths = texts(args, "other");
  if (paths.length === 0)
    throw new WbError("WB2001", "eval table: expected results of `eval --json`, found none", {
      details: { option: "other" },
    });
  if (args["junit"] !== undefined)
    throw new WbError("WB2001", "--junit: a table has nothing that passes or fails", {
      details: { option: "--junit" },
    });
  const models = [];
  for (const path of paths) models.push(await readResult(path));
  const table = await tableOf(models, optionalChoice(args, "lang", LANGUAGES) ?? "en");
  const reports = await writeReports(
    { markdown: optionalString(args, "markdown"), report: optionalString(args, "report") },
    table,
    { name: "table", cases: [], seconds: 0 },
  );
  const [sheet] = table.sheets;
  return {
    ok: true,
    json: { table: { heads: sheet?.heads ?? [], rows: sheet?.rows ?? [] }, reports },
    text: textOf(table),
  };
}

/** Where reports are wanted. */
export function reportPaths(args: Arguments): ReportPaths {
  return {
    junit: optionalString(args, "junit"),
    markdown: optionalString(args, "markdown"),
    report: optionalString(args, "report"),
  };
}

/** Reports of one model's scores: its column of the table, and a case for each task. */
export async function writeScores(
  args: Arguments,
  result: EvaluateResult,
): Promise<readonly string[]> {
  const { tableOf } = await import("../../evaluate/table/table.ts");
  const { writeReports } = await import("../../evaluate/report/write-reports.ts");
  const drawn = await tableOf([result], optionalChoice(args, "lang", LANGUAGES) ?? "en");
  const weakened = weakenedLines(args);
  const table = { ...drawn, notes: [...weakened, ...drawn.notes] };
  return writeReports(reportPaths(args), table, {
    name: result.model,
    seconds: result.seconds,
    cases: [
      ...result.tasks.map(({ name, items, score }) => ({
        name,
        failure: undefined,
        said: score === null ? `${items} items, not run` : `${score.toFixed(2)} of ${items} items`,
      })),
      { name: VERDICT, failure: undefined, said: weakened.join("\n") },
    ],
  });
}
