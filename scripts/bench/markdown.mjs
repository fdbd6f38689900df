// Results as Markdown: a table for contenders at one point, tables of rows and columns for curves, and what became of aims.
import { judge, ratio, short } from "./stats.mjs";

const mib = (bytes) => (bytes === 0 ? "" : (bytes / 2 ** 20).toFixed(0));
const row = (cells) => `| ${cells.join(" | ")} |`;
const spread = (values) =>
  values.length < 2 ? "" : ` (${short(Math.min(...values))}–${short(Math.max(...values))})`;

/** Why there is nothing of a contender. */
const absence = ({ failed, missing }) =>
  failed === undefined ? (missing ?? "did not run") : `**failed**: ${failed}`;

/** Whether a metric is compared with the base: all are that do not say otherwise. */
const compared = ({ base }, { compare = true }) => base !== undefined && compare;

/** The table of one point: a row for each contender, a column for each metric and its ratio to the base. */
function pointTable(result, { contenders, ...point }) {
  const { metrics, base } = result;
  const heads = metrics.flatMap((metric) => [
    `${metric.name}, ${metric.unit}`,
    ...(compared(result, metric) ? [`× ${base}`] : []),
  ]);
  const rows = contenders.map((contender) => {
    const { name, shown, median, peakBytes } = contender;
    const command = shown ? `\`${shown}\`` : "";
    if (median === undefined)
      return row([name, absence(contender), ...heads.slice(1).map(() => ""), "", command]);
    const cells = metrics.flatMap((metric) => {
      const { key } = metric;
      const times = ratio({ contenders, ...point }, base, name, key);
      const value = `${short(median[key])}${spread(contender[key])}`;
      return compared(result, metric) ? [value, times?.toFixed(2) ?? ""] : [value];
    });
    return row([name, ...cells, mib(peakBytes), command]);
  });
  return [
    row(["", ...heads, "peak MiB", "command"]),
    row(["---", ...heads.map(() => "---:"), "---:", "---"]),
    ...rows,
  ];
}

/** The first new ids of each contender, which say whether all computed the same. */
const IDS_SHOWN = 8;

/** What contenders told of themselves: their versions, and whether they went on with the same ids. */
function factLines({ contenders }) {
  const told = contenders.filter(({ facts }) => facts !== undefined);
  const versions = [...new Set(told.map(({ facts }) => facts.version).filter(Boolean))];
  const groups = new Map();
  for (const { name, facts } of told.filter((one) => one.facts.ids !== undefined)) {
    const ids = facts.ids.slice(0, IDS_SHOWN).join(" ");
    groups.set(ids, [...(groups.get(ids) ?? []), name]);
  }
  const [[, agreeing] = ["", []]] = groups;
  const differing = [...groups].map(([ids, names]) => `${ids} (${names.join(", ")})`);
  const lines = [];
  if (versions.length > 0) lines.push(`Versions: ${versions.join("; ")}.`);
  if (groups.size === 1 && agreeing.length > 1) lines.push("All gave the same first ids.");
  if (groups.size > 1) lines.push(`First ids differ: ${differing.join("; ")}.`);
  return lines.length === 0 ? [] : ["", lines.join(" ")];
}

function verdict({ text, verdict: found, lacking, relative, ...rest }) {
  if (lacking !== undefined) return `${text}: not measured, no result of ${lacking}`;
  const value = `${short(rest.found)}${relative ? " ×" : ""}`;
  return `${text}: ${value}, ${found === "missed" ? "**missed**" : found}`;
}

/** What became of a point's aims, as a list. */
function aimLines({ aims = [] }, point) {
  if (aims.length === 0) return [];
  return ["", "Aims:", "", ...aims.map((aim) => `- ${verdict(judge(point, aim))}`)];
}

/** One table of a curve: a row for each point, a column for each contender. */
function curveTable({ x, points }, names, heading, cell) {
  const rows = points.map((point) => {
    const cells = names.map((name) => {
      const contender = point.contenders.find((c) => c.name === name);
      if (contender?.median !== undefined) return cell(point, contender);
      return contender?.failed === undefined ? "" : "**failed**";
    });
    return row([point.x, ...cells]);
  });
  return [
    `${heading}:`,
    "",
    row([x, ...names]),
    row(["---:", ...names.map(() => "---:")]),
    ...rows,
    "",
  ];
}

function curves(result) {
  const { metrics, points, base } = result;
  const all = points.flatMap(({ contenders }) => contenders);
  const names = [...new Set(all.map(({ name }) => name))];
  const present = names.filter((name) => all.some((c) => c.name === name && c.median));
  const absent = all.filter(({ median }) => median === undefined);
  const reasons = [...new Set(absent.map((c) => `${c.name}: ${absence(c)}`))];
  const lost = points.filter(({ failed }) => failed !== undefined);
  return [
    ...metrics.flatMap((metric) => {
      const { key, name, unit } = metric;
      const against = compared(result, metric) ? `, and how many times that of ${base}` : "";
      return curveTable(result, present, `${name}, ${unit}${against}`, (point, contender) => {
        const times = against === "" ? undefined : ratio(point, base, contender.name, key);
        const value = `${short(contender.median[key])}${spread(contender[key])}`;
        return times === undefined || contender.name === base
          ? value
          : `${value}, ${times.toFixed(2)} ×`;
      });
    }),
    ...curveTable(result, present, "peak memory, MiB", (_point, c) => mib(c.peakBytes)),
    ...reasons.map((reason) => `- ${reason}`),
    ...lost.map(({ x, failed }) => `- ${result.x} ${x}: **failed**: ${failed}`),
  ];
}

/** One result as Markdown. */
export function table(result) {
  if (result.x !== undefined) return curves(result).join("\n");
  return result.points
    .flatMap((point) => [
      ...pointTable(result, point),
      ...factLines(point),
      ...aimLines(result, point),
      "",
    ])
    .join("\n");
}
