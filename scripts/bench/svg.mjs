// Charts without a library: bars for contenders, lines for curves. Colours serve light and dark pages.
const FONT = 'font-family="system-ui, sans-serif" font-size="13"';
const INK = "#7d8590";
const OURS = "#2f81f7";
const THEIRS = "#9aa4ae";
const LINES = [OURS, "#d29922", "#3fb950", "#db61a2", "#a371f7", "#f85149"];

const escape = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const text = (x, y, content, extra = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${INK}" ${FONT} ${extra}>${escape(content)}</text>`;
const frame = (width, height, title, body) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">`,
    text(8, 20, title, 'font-weight="600"'),
    ...body,
    "</svg>",
    "",
  ].join("\n");

/** Short numbers: three digits that count. */
export const short = (value) =>
  value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

const isOurs = (name) => name.startsWith("weighbridge");

/** Horizontal bars: rows of {name, value, note}. */
export function bars(title, unit, rows) {
  const [left, width, step] = [230, 760, 26];
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const body = rows.flatMap(({ name, value, note }, index) => {
    const y = 36 + index * step;
    const length = Math.max(1, (value / most) * (width - left - 190));
    return [
      text(left - 8, y + 14, name, 'text-anchor="end"'),
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2" fill="${isOurs(name) ? OURS : THEIRS}"/>`,
      text(left + length + 6, y + 14, `${short(value)} ${unit}${note ? `, ${note}` : ""}`),
    ];
  });
  return frame(width, 44 + rows.length * step, title, body);
}

const ticks = (values, place, draw) =>
  [...new Set(values)].toSorted((a, b) => a - b).map((value) => draw(value, place(value)));
const decades = (values) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const all = [1, 2, 5].flatMap((digit) =>
    Array.from({ length: 14 }, (_, at) => digit * 10 ** (at - 4)),
  );
  return all.filter((value) => value >= low && value <= high);
};

const scale = (values, from, to) => {
  const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  return (value) => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
};

/** Lines over logarithmic axes: series of {name, points: [x, y][]}. */
export function lines(title, xLabel, yLabel, series) {
  const [width, height, left, top, right, bottom] = [760, 380, 70, 40, 200, 50];
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const x = scale(xs, left, width - right);
  const y = scale(ys, height - bottom, top);
  const body = [
    `<path d="M${left} ${top}V${height - bottom}H${width - right}" fill="none" stroke="${INK}"/>`,
    ...ticks(xs, x, (value, at) =>
      text(at, height - bottom + 18, short(value), 'text-anchor="middle"'),
    ),
    ...ticks(decades(ys), y, (value, at) =>
      text(left - 6, at + 4, short(value), 'text-anchor="end"'),
    ),
    text((left + width - right) / 2, height - 10, xLabel, 'text-anchor="middle"'),
    text(8, 36, yLabel),
    ...series.flatMap(({ name, points }, index) => {
      const colour = LINES[index % LINES.length];
      const path = points.map(([px, py]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`);
      return [
        `<path d="M${path.join("L")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(
          ([px, py]) =>
            `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3" fill="${colour}"/>`,
        ),
        `<rect x="${width - right + 14}" y="${top + index * 22 - 9}" width="12" height="12" fill="${colour}"/>`,
        text(width - right + 32, top + index * 22 + 2, name),
      ];
    }),
  ];
  return frame(width, height, title, body);
}
