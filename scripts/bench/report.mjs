// What a run found, as tables and charts; and the blocks of docs/performance.md, drawn from the results beside it.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { describe } from "./machine.mjs";
import { bars, lines, short } from "./svg.mjs";

const mib = (bytes) => (bytes === 0 ? "" : (bytes / 2 ** 20).toFixed(0));
const spread = (values) =>
  values.length < 2 ? "" : ` (${short(Math.min(...values))}–${short(Math.max(...values))})`;

/** How many times the base's median a contender's is. */
export function ratio(point, base, name, key) {
  const of = (wanted) => point.contenders.find((c) => c.name === wanted)?.median?.[key];
  const [ours, theirs] = [of(name), of(base)];
  return ours === undefined || !theirs ? undefined : ours / theirs;
}

/** An aim: `metric` of contender `of`, at most (or, with `atLeast`, at least) `times` that of `to`, or a plain `limit`. */
function aimLine(result, point, aim) {
  const { of, key = "seconds", to, times, limit, atLeast = false, text } = aim;
  const median = point.contenders.find((c) => c.name === of);
  const value = key === "peakBytes" ? median?.peakBytes / 2 ** 20 : median?.median?.[key];
  const found = to === undefined ? value : ratio(point, to, of, key);
  if (found === undefined || Number.isNaN(found)) return undefined;
  const bound = times ?? limit;
  const met = atLeast ? found >= bound : found <= bound;
  return `${text}: ${short(found)}, ${met ? "met" : "**missed**"}`;
}

/** One result as Markdown: a table for each point, and what became of its aims. */
export function table(result) {
  const { metrics, base, points, aims = [] } = result;
  const heads = metrics.flatMap(({ name, unit }) => [`${name}, ${unit}`, `× ${base}`]);
  const blocks = points.map((point) => {
    const rows = point.contenders.map(({ name, shown, missing, median, peakBytes, ...all }) => {
      if (median === undefined) return `| ${name} | ${missing ?? "did not run"} |`;
      const cells = metrics.flatMap(({ key }) => {
        const times = ratio(point, base, name, key);
        return [
          `${short(median[key])}${spread(all[key])}`,
          times === undefined ? "" : times.toFixed(2),
        ];
      });
      return `| ${name} | ${cells.join(" | ")} | ${mib(peakBytes)} | ${shown ? `\`${shown}\`` : ""} |`;
    });
    const found = aims.map((aim) => aimLine(result, point, aim)).filter(Boolean);
    return [
      ...(point.label ? [`${point.label}:`, ""] : []),
      `| | ${heads.join(" | ")} | peak MiB | command |`,
      `| --- | ${heads.map(() => "---:").join(" | ")} | ---: | --- |`,
      ...rows,
      "",
      ...(found.length > 0 ? [`Aims: ${found.join("; ")}.`, ""] : []),
    ].join("\n");
  });
  return blocks.join("\n");
}

/** One chart of a result: bars of its only point, or lines over all. */
function chart(result) {
  const [{ key, name, unit }] = result.metrics;
  if (result.x === undefined) {
    const [point] = result.points;
    const rows = point.contenders
      .filter(({ median }) => median !== undefined)
      .map((c) => ({
        name: c.name,
        value: c.median[key],
        note: c.peakBytes > 0 ? `${mib(c.peakBytes)} MiB` : "",
      }));
    return bars(`${result.title}: ${name}`, unit, rows);
  }
  const names = [...new Set(result.points.flatMap((p) => p.contenders.map((c) => c.name)))];
  const series = names.map((wanted) => ({
    name: wanted,
    points: result.points.flatMap(({ x, contenders }) => {
      const value = contenders.find((c) => c.name === wanted)?.median?.[key];
      return value === undefined ? [] : [[x, value]];
    }),
  }));
  return lines(
    result.title,
    result.x,
    `${name}, ${unit}`,
    series.filter((s) => s.points.length > 0),
  );
}

/** Keeps a result as JSON and as a chart. */
export async function keep(result, folder) {
  mkdirSync(folder, { recursive: true });
  const json = await format(JSON.stringify(result), { parser: "json", printWidth: 100 });
  writeFileSync(join(folder, `${result.id}.json`), json);
  writeFileSync(join(folder, `${result.id}.svg`), chart(result));
}

/** Fills the blocks `<!-- bench ID -->` … `<!-- /bench -->` of a page from the results in `folder`. */
export async function renderPage(page, folder, link) {
  const results = new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")))
      // Other measurements keep their results here too, in shapes of their own.
      .filter((result) => Array.isArray(result.points) && result.machine !== undefined)
      .map((result) => [result.id, result]),
  );
  const machines = new Map();
  for (const { machine, date } of results.values())
    machines.set(describe(machine), [
      ...(machines.get(describe(machine)) ?? []),
      date.slice(0, 10),
    ]);
  const mark = (text) => [...machines.keys()].indexOf(text) + 1;
  const block = (id) => {
    if (id === "machines")
      return [...machines].map(([text], index) => `${index + 1}. ${text}`).join("\n");
    const result = results.get(id);
    if (result === undefined) return `Not measured yet: \`npm run bench -- --only ${id}\`.`;
    const { title, machine, date, rounds } = result;
    return [
      `\`npm run bench -- --only ${id}\`, ${rounds} rounds, ${date.slice(0, 10)}, machine ${mark(describe(machine))}.`,
      "",
      table(result),
      ...(existsSync(join(folder, `${id}.svg`)) ? [`![${title}](${link}/${id}.svg)`] : []),
    ].join("\n");
  };
  const text = readFileSync(page, "utf8").replaceAll(
    /(<!-- bench ([\w.-]+) -->)[\s\S]*?(<!-- \/bench -->)/g,
    (_all, open, id, close) => `${open}\n\n${block(id)}\n\n${close}`,
  );
  writeFileSync(page, await format(text, { parser: "markdown", printWidth: 100 }));
}
