// Charts without a library: bars for contenders, lines for curves; one panel below the other for several metrics. Colours serve
// light and dark pages.
import { short } from "./stats.mjs";

const FONT = 'font-family="system-ui, sans-serif" font-size="13"';
const INK = "#7d8590";
const OURS = "#2f81f7";
const THEIRS = "#9aa4ae";
const LINES = [OURS, "#d29922", "#3fb950", "#db61a2", "#a371f7", "#f85149"];
const WIDTH = 760;
const TITLE_HEIGHT = 30;

const escape = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const text = (x, y, content, extra = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${INK}" ${FONT} ${extra}>${escape(content)}</text>`;

/** Panels of {height, body} under one title. */
function frame(title, panels) {
  let top = TITLE_HEIGHT;
  const placed = panels.flatMap(({ height, body }) => {
    const group = [`<g transform="translate(0 ${top})">`, ...body, "</g>"];
    top += height;
    return group;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="${escape(title)}">`,
    text(8, 20, title, 'font-weight="600"'),
    ...placed,
    "</svg>",
    "",
  ].join("\n");
}

const isOurs = (name) => name.startsWith("weighbridge");

function barPanel({ heading, unit, rows }) {
  const [left, top, step] = [230, 24, 26];
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const body = rows.flatMap(({ name, value, note }, index) => {
    const y = top + index * step;
    const length = Math.max(1, (value / most) * (WIDTH - left - 190));
    return [
      text(left - 8, y + 14, name, 'text-anchor="end"'),
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2" fill="${isOurs(name) ? OURS : THEIRS}"/>`,
      text(left + length + 6, y + 14, `${short(value)} ${unit}${note ? `, ${note}` : ""}`),
    ];
  });
  return { height: top + rows.length * step + 8, body: [text(left, 14, heading), ...body] };
}

/** Horizontal bars: panels of {heading, unit, rows of {name, value, note}}. */
export const bars = (title, panels) => frame(title, panels.map(barPanel));

/** Round numbers between the least and the most, and the two themselves where no two round ones are between. */
export function ticks(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const round = Array.from({ length: 14 }, (_, at) => [1, 2, 5].map((d) => d * 10 ** (at - 4)))
    .flat()
    .filter((value) => value >= low && value <= high);
  return round.length > 1 ? round : [...new Set([low, high])];
}

const scale = (values, from, to) => {
  const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  return (value) => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
};

function linePanel({ heading, series }, xLabel) {
  const [height, left, top, right, bottom] = [370, 70, 30, 220, 50];
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const x = scale(xs, left, WIDTH - right);
  const y = scale(ys, height - bottom, top);
  const curves = series.flatMap(({ name, points }, index) => {
    const colour = LINES[index % LINES.length];
    const places = points.map(([px, py]) => [x(px).toFixed(1), y(py).toFixed(1)]);
    const row = top + index * 22;
    return [
      `<path d="M${places.map((place) => place.join(" ")).join("L")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
      `<rect x="${WIDTH - right + 14}" y="${row - 9}" width="12" height="12" fill="${colour}"/>`,
      text(WIDTH - right + 32, row + 2, name),
    ];
  });
  const xTicks = [...new Set(xs)].toSorted((a, b) => a - b);
  const body = [
    `<path d="M${left} ${top}V${height - bottom}H${WIDTH - right}" fill="none" stroke="${INK}"/>`,
    ...xTicks.map((v) => text(x(v), height - bottom + 18, short(v), 'text-anchor="middle"')),
    ...ticks(ys).map((v) => text(left - 6, y(v) + 4, short(v), 'text-anchor="end"')),
    text((left + WIDTH - right) / 2, height - 10, xLabel, 'text-anchor="middle"'),
    text(8, 14, heading),
    ...curves,
  ];
  return { height, body };
}

/** Lines over logarithmic axes: panels of {heading, series of {name, points: [x, y][]}}. */
export const lines = (title, xLabel, panels) =>
  frame(
    title,
    panels.map((panel) => linePanel(panel, xLabel)),
  );
