// Keeps results as JSON and as charts, and draws the blocks of docs/performance.md from them.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { describe } from "./machine.mjs";
import { table } from "./markdown.mjs";
import { bars, lines } from "./svg.mjs";

function barPanel({ contenders }, { key, name, unit }) {
  const rows = contenders
    .filter(({ median }) => median !== undefined)
    .map((c) => ({
      name: c.name,
      value: c.median[key],
      note: c.peakBytes > 0 ? `${(c.peakBytes / 2 ** 20).toFixed(0)} MiB` : "",
    }));
  return { heading: name, unit, rows };
}

function linePanel({ points }, { key, name, unit }) {
  const names = [...new Set(points.flatMap((p) => p.contenders.map((c) => c.name)))];
  const series = names.map((wanted) => ({
    name: wanted,
    points: points.flatMap(({ x, contenders }) => {
      const value = contenders.find((c) => c.name === wanted)?.median?.[key];
      return value === undefined ? [] : [[x, value]];
    }),
  }));
  return { heading: `${name}, ${unit}`, series: series.filter((s) => s.points.length > 0) };
}

/** A result's chart: bars of its only point, or lines over all; undefined where nothing ran. */
export function chart(result) {
  const metrics = result.metrics.filter((metric) => metric.chart ?? true);
  const ran = result.points.some((p) => p.contenders.some((c) => c.median !== undefined));
  if (!ran) return undefined;
  if (result.x !== undefined)
    return lines(
      result.title,
      result.x,
      metrics.map((metric) => linePanel(result, metric)),
    );
  return bars(
    result.title,
    metrics.map((metric) => barPanel(result.points[0], metric)),
  );
}

const asJson = (value) => format(JSON.stringify(value), { parser: "json", printWidth: 100 });

/** Keeps a result as JSON, and its chart beside it. */
export async function keep(result, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${result.id}.json`), await asJson(result));
  drawChart(result, folder);
}

function drawChart(result, folder) {
  const drawing = chart(result);
  if (drawing !== undefined) writeFileSync(join(folder, `${result.id}.svg`), drawing);
}

/** The results in `folder`, by id. */
function readResults(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const results = names.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
  return new Map(results.map((result) => [result.id, result]));
}

/** Machines of the results, each once, in the order in which they were first measured on. */
const machinesOf = (results) => [
  ...new Set(
    [...results.values()]
      .toSorted((a, b) => a.date.localeCompare(b.date))
      .map(({ machine }) => describe(machine)),
  ),
];

/** The text of a block: the machines, or a result's table and chart. */
function block(id, results, link, hasChart) {
  const machines = machinesOf(results);
  if (id === "machines") return machines.map((text, at) => `${at + 1}. ${text}`).join("\n");
  const result = results.get(id);
  if (result === undefined) return `Not measured yet: \`npm run bench -- --only ${id}\`.`;
  const { title, machine, date, rounds } = result;
  const count = rounds === 1 ? "1 round" : `${rounds} rounds`;
  const where = `machine ${machines.indexOf(describe(machine)) + 1}`;
  return [
    `**${title}**: \`npm run bench -- --only ${id}\`, ${count}, ${date.slice(0, 10)}, ${where}.`,
    "",
    table(result),
    ...(hasChart(id) ? ["", `![${title}](${link}/${id}.svg)`] : []),
  ].join("\n");
}

/** `page` with its blocks `<!-- bench ID -->` … `<!-- /bench -->` filled from the results in `folder`, which it reaches by `link`. */
export async function renderPage(page, folder, link) {
  const results = readResults(folder);
  const hasChart = (id) => existsSync(join(folder, `${id}.svg`));
  const text = page.replaceAll(
    /(<!-- bench ([\w.-]+) -->)[\s\S]*?(<!-- \/bench -->)/g,
    (_all, open, id, close) => `${open}\n\n${block(id, results, link, hasChart)}\n\n${close}`,
  );
  return format(text, { parser: "markdown", printWidth: 100 });
}

/** Writes a page's blocks and all charts anew from the results in `folder`. */
export async function render(page, folder, link) {
  for (const result of readResults(folder).values()) drawChart(result, folder);
  writeFileSync(page, await renderPage(readFileSync(page, "utf8"), folder, link));
}
