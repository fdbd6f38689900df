import type { ReportDocument, Sheet } from "./document.ts";

/** Characters of a cell at most. */
const CELL = 60;

/** A report as Markdown, for the summary of a CI step or a page. */
export function markdownOf({ title, verdict, failures, sheets, notes }: ReportDocument): string {
  const head = verdict === undefined ? title : `${verdict.toUpperCase()}: ${title}`;
  const blocks = [
    `# ${plain(head)}`,
    list(failures),
    ...sheets.map((sheet, at) => sheetOf(sheet, at > 0)),
    list(notes),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function sheetOf({ title, heads, rows }: Sheet, isTitled: boolean): string {
  const rule = heads.map((_head, at) => (at === 0 ? "---" : "---:"));
  const lines = [heads.map(plain), rule, ...rows.map((row) => row.map(cell))];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return isTitled ? `## ${plain(title)}\n\n${table}` : table;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${plain(line)}`).join("\n");
}

function cell(text: string): string {
  const whole = plain(text);
  return whole.length > CELL ? `${whole.slice(0, CELL)}…` : whole;
}

/** Text that cannot end its cell or its line, or be markup. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[|<`*_[\]]/g, (mark) => `\\${mark}`);
}
