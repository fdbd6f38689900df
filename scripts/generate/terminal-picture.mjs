// Draws the README's first replayed session as a terminal: an SVG whose text is what a test holds to the commands' true output.

const COLUMNS = 100;
const CELL = { width: 8.4, height: 18 };
const MARGIN = 16;
const BAR = 32;

/** Lines of one step that are shown; the middle of a longer output is left out, and said so. */
const SHOWN = 8;

const escape = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function linesOf(step) {
  const [command, ...output] = step.trimEnd().split("\n");
  const rest = output.length - SHOWN;
  const shown =
    rest > 1
      ? [...output.slice(0, SHOWN / 2), `  … ${rest} more lines`, ...output.slice(-SHOWN / 2)]
      : output;
  return [
    { kind: "command", text: `$ ${command}` },
    ...shown.map((text) => ({ kind: "output", text })),
  ];
}

/** Long lines are folded, as a terminal folds them. */
function folded({ kind, text }) {
  const pieces = [];
  for (let at = 0; at === 0 || at < text.length; at += COLUMNS)
    pieces.push({ kind, text: text.slice(at, at + COLUMNS) });
  return pieces;
}

function colourOf({ kind, text }) {
  if (kind === "command") return "#e6edf3";
  return text.startsWith("PASS") ? "#3fb950" : "#9da7b3";
}

/** @param markdown The README. */
export function terminalPicture(markdown) {
  const session = /<!-- replayed -->\n+```console\n([\s\S]*?)```/.exec(markdown)?.[1];
  if (session === undefined) throw new Error("the README shows no replayed session");
  const lines = session.split(/^\$ /m).slice(1).flatMap(linesOf).flatMap(folded);
  const width = Math.round(COLUMNS * CELL.width + 2 * MARGIN);
  const height = BAR + lines.length * CELL.height + 2 * MARGIN;
  const text = lines.map((line, row) => {
    const y = BAR + MARGIN + row * CELL.height + 13;
    const weight = line.kind === "command" ? ' font-weight="bold"' : "";
    return `<text x="${MARGIN}" y="${y}" fill="${colourOf(line)}"${weight} xml:space="preserve">${escape(line.text)}</text>`;
  });
  const lights = ["#ff5f57", "#febc2e", "#28c840"].map(
    (colour, index) => `<circle cx="${MARGIN + 6 + index * 20}" cy="16" r="6" fill="${colour}"/>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A session of weighbridge in a terminal" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...lights,
    ...text,
    "</svg>",
  ].join("\n")}\n`;
}
