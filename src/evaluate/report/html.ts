import { attribute } from "../../verify/report/junit.ts";
import { htmlPage, wideTable } from "../../verify/report/page.ts";
import type { ReportDocument, Sheet } from "./document.ts";

/** A report as one HTML file that loads nothing. */
export function htmlOf(document: ReportDocument): string {
  const { language, title, verdict, failures, sheets, notes } = document;
  const mark = verdict === undefined ? "" : `<span class="verdict ${verdict}">${verdict}</span> `;
  return htmlPage({
    language,
    title: `${verdict === undefined ? "" : `${verdict}, `}${text(title)}`,
    heading: `${mark}<span class="path">${text(title)}</span>`,
    parts: [list(failures, "failures"), sheets.map(section).join("\n"), list(notes, "notes")],
  });
}

function section({ title, heads, rows }: Sheet): string {
  const lines = rows.map(([name = "", ...cells]) => {
    const columns = cells.map((cell) => `<td>${text(cell)}</td>`).join("");
    return `<tr><th scope="row">${text(name)}</th>${columns}</tr>`;
  });
  return `<h2>${text(title)}</h2>${wideTable(text(title), heads.map(text), lines)}`;
}

function list(lines: readonly string[], kind: string): string {
  if (lines.length === 0) return "";
  return `<ul class="${kind}">${lines.map((line) => `<li>${text(line)}</li>`).join("")}</ul>`;
}

/** Text between tags; what a model wrote stays text. */
function text(value: string): string {
  return attribute(value.replaceAll(/\s+/g, " "));
}
