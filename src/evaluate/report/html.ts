import { attribute } from "../../verify/report/junit.ts";
import { REPORT_STYLE } from "../../verify/report/style.ts";
import type { ReportDocument, Sheet } from "./document.ts";

/** A report as one HTML file that loads nothing. */
export function htmlOf(document: ReportDocument): string {
  const { language, title, verdict, failures, sheets, notes } = document;
  const mark = verdict === undefined ? "" : `<span class="verdict ${verdict}">${verdict}</span> `;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>weighbridge: ${verdict === undefined ? "" : `${verdict}, `}${text(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${mark}<span class="path">${text(title)}</span></h1>
${list(failures, "failures")}
${sheets.map(section).join("\n")}
${list(notes, "notes")}
</main>
</body>
</html>
`;
}

function section({ title, heads, rows }: Sheet): string {
  const head = heads.map((name) => `<th scope="col">${text(name)}</th>`).join("");
  const lines = rows.map(([name = "", ...cells]) => {
    const columns = cells.map((cell) => `<td>${text(cell)}</td>`).join("");
    return `<tr><th scope="row">${text(name)}</th>${columns}</tr>`;
  });
  return `<h2>${text(title)}</h2><div class="wide" role="region" tabindex="0" aria-label="${text(title)}"><table><thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

function list(lines: readonly string[], kind: string): string {
  if (lines.length === 0) return "";
  return `<ul class="${kind}">${lines.map((line) => `<li>${text(line)}</li>`).join("")}</ul>`;
}

/** Text between tags; what a model wrote stays text. */
function text(value: string): string {
  return attribute(value.replaceAll(/\s+/g, " "));
}
