import { appendFileSync } from "node:fs";

/** Prints what a test measured, and adds it as a line of JSON to the file that WEIGHBRIDGE_FIGURES names, if any. */
export function tellFigures(
  text: string,
  figures: Readonly<Record<string, number | string>>,
): void {
  process.stdout.write(`${text}\n`);
  const path = process.env["WEIGHBRIDGE_FIGURES"];
  if (path !== undefined && path !== "") appendFileSync(path, `${JSON.stringify(figures)}\n`);
}
