import { REPORT_STYLE } from "./style.ts";

/** A report's page; all of it but the language is HTML already. */
interface Page {
  readonly language: string;
  readonly title: string;
  readonly heading: string;
  readonly parts: readonly string[];
}

/** One HTML file that loads nothing. */
export function htmlPage({ language, title, heading, parts }: Page): string {
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>weighbridge: ${title}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${heading}</h1>
${parts.join("\n")}
</main>
</body>
</html>
`;
}

/** A table that scrolls by itself; label, heads and rows are HTML already. */
export function wideTable(
  label: string,
  heads: readonly string[],
  rows: readonly string[],
): string {
  const head = heads.map((name) => `<th scope="col">${name}</th>`).join("");
  return wide(
    label,
    `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`,
  );
}

/** What may be wider than a phone: it scrolls by itself, by keyboard as well. */
export function wide(label: string, content: string): string {
  return `<div class="wide" role="region" tabindex="0" aria-label="${label}">${content}</div>`;
}
