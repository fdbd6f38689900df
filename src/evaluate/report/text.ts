import type { ReportDocument } from "./document.ts";

/** A report's tables for a terminal. */
export function textOf({ sheets, notes }: ReportDocument): string {
  const tables = sheets.map(({ heads, rows }) => {
    const all = [heads, ...rows];
    const widths = heads.map((_head, at) => Math.max(...all.map((row) => width(row[at] ?? ""))));
    return all
      .map((row) =>
        row
          .map((cell, at) => padded(cell, widths[at] ?? 0, at > 0))
          .join("  ")
          .trimEnd(),
      )
      .join("\n");
  });
  return [...tables, ...notes].join("\n");
}

function padded(cell: string, columns: number, isRight: boolean): string {
  const space = " ".repeat(Math.max(0, columns - width(cell)));
  return isRight ? space + cell : cell + space;
}

/** Columns of a terminal; an ideograph or a full-width mark takes two. */
function width(text: string): number {
  return Array.from(text).reduce((sum, char) => sum + (/[\u2E80-\uFFEF]/.test(char) ? 2 : 1), 0);
}
