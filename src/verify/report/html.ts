import { shownText } from "../../tensor/shown-name.ts";
import { endpointLines } from "../endpoint/statement.ts";
import { DECADES, FIRST_DECADE, type PromptMetrics } from "../compare/metrics.ts";
import type { LayerDifference } from "../compare/run-model.ts";
import { short } from "../compare/tolerance.ts";
import type { FileDigest } from "./evidence.ts";
import { digestText, factsOf, type Filed } from "./filed.ts";
import { htmlPage, wide, wideTable } from "./page.ts";
import type { Comparison } from "../result.ts";

type Parity = NonNullable<Comparison["parity"]>;

/** Prompts and tensors that a table lists. */
const LISTED = 50;

/** A verification as one HTML file that loads nothing: curve over the layers, histogram, prompts, tensors, causes. */
export function htmlReport(filed: Filed): string {
  const { verdict, model, comparisons, weakened, notes } = filed.result;
  return htmlPage({
    language: "en",
    title: `${verdict}, ${text(model)}`,
    heading: `<span class="verdict ${verdict}">${verdict}</span> <span class="path">${text(model)}</span>`,
    parts: [
      comparisons.map(section).join("\n"),
      "<h2>What was verified</h2>",
      `<dl>${factsOf(filed)
        .map(([name, value]) => `<div><dt>${name}</dt><dd>${text(value)}</dd></div>`)
        .join("")}</dl>`,
      fileTable(filed.evidence.files),
      weakened.length === 0
        ? ""
        : `<h2>Weakened checks</h2><ul class="failures">${weakened.map(({ option, effect }) => `<li><code>${text(option)}</code>: ${text(effect)}</li>`).join("")}</ul>`,
      notes.length === 0
        ? ""
        : `<ul class="notes">${notes.map((note) => `<li>${text(note)}</li>`).join("")}</ul>`,
    ],
  });
}

function fileTable(files: readonly FileDigest[]): string {
  const rows = files.map(
    (file) =>
      `<tr><th scope="row">${file.role}</th><td class="name"><code>${text(file.path)}</code></td><td>${file.bytes?.toLocaleString("en-US") ?? ""}</td><td><code>${digestText(file)}</code></td></tr>`,
  );
  return wideTable("files and their digests", ["file", "path", "bytes", "digest"], rows);
}

function section(comparison: Comparison): string {
  const { path, verdict, parity, diagnosis, failures, weights, greedy, endpoint } = comparison;
  const parts = [
    `<h2><span class="verdict ${verdict}">${verdict}</span> against <span class="path">${text(path)}</span></h2>`,
  ];
  if (endpoint !== undefined)
    parts.push(
      `<p>${endpointLines(endpoint)
        .map((line) => `${text(line)}.`)
        .join(" ")}</p>`,
    );
  if (diagnosis.length > 0) {
    const items = diagnosis.map(
      ({ cause, tensors, layer, evidence }) =>
        `<li><strong>${cause}</strong>${layer === undefined ? "" : ` in layer ${layer}`}: ${text(evidence)}${tensors.length === 0 ? "" : `<br><code>${tensors.slice(0, LISTED).map(text).join("</code> <code>")}</code>`}</li>`,
    );
    parts.push(`<h3>Cause</h3><ol class="causes">${items.join("")}</ol>`);
  }
  if (failures.length > 0)
    parts.push(
      `<ul class="failures">${failures
        .slice(0, LISTED)
        .map((failure) => `<li>${text(failure)}</li>`)
        .join("")}</ul>`,
    );
  if (parity !== undefined) parts.push(...parityParts(parity));
  if (greedy.length > 0) {
    const all = greedy.reduce((sum, { tokens }) => sum + tokens, 0);
    const same = greedy.reduce((sum, { agreeing }) => sum + agreeing, 0);
    parts.push(`<p>Greedy ids: ${same} of ${all} the same.</p>`);
  }
  if (weights !== undefined) parts.push(weightsPart(weights));
  return `<section>${parts.join("\n")}</section>`;
}

function parityParts(parity: Parity): readonly string[] {
  const { prompts, gate, timesNoise, curve, quantity = "logits" } = parity;
  const noise =
    timesNoise === null
      ? ""
      : ` The largest difference is ${short(timesNoise)} times this model's own noise.`;
  return [
    ...(curve.length === 0 ? [] : [`<h3>Difference after each layer</h3>${curveChart(curve)}`]),
    `<h3>${quantity === "logits" ? "Logits" : "Log-probabilities"}</h3>`,
    `<p>Allowed: ${short(gate.maxAbs)} on ${quantity} and ${short(gate.kl)} nats. ${gate.origin.map(text).join("; ")}.${noise}</p>`,
    promptTable(prompts),
    `<h3>How many ${quantity} differ by how much</h3>${histogramChart(prompts, gate.maxAbs)}`,
  ];
}

function promptTable(prompts: readonly PromptMetrics[]): string {
  const rows = prompts
    .toSorted((left, right) => (right.maxAbs >= left.maxAbs ? 1 : -1))
    .slice(0, LISTED)
    .map(
      (prompt) =>
        `<tr><th scope="row">${text(prompt.name)}</th>${[
          String(prompt.positions),
          short(prompt.maxAbs),
          short(prompt.rmse),
          prompt.cosine.toFixed(7),
          short(prompt.kl),
          `${(100 * prompt.top1Agreement).toFixed(1)} %`,
          `${(100 * prompt.topOverlap).toFixed(1)} %`,
          prompt.wouldPassWith === null ? "nothing" : short(prompt.wouldPassWith),
        ]
          .map((cell) => `<td>${cell}</td>`)
          .join("")}</tr>`,
    );
  const heads = [
    "prompt",
    "positions",
    "max abs",
    "RMSE",
    "cosine",
    "KL",
    "top-1",
    "top-10 overlap",
    "would pass with",
  ];
  return wideTable("prompts", heads, rows);
}

function weightsPart(weights: NonNullable<Comparison["weights"]>): string {
  const rounded = weights.rounded === 0 ? "" : `, ${weights.rounded} of them but for rounding`;
  if (weights.wrong === 0) return `<p>Tensors: all ${weights.compared} are the same${rounded}.</p>`;
  const rows = weights.worst.map(
    ({ name, class: kind, maxAbs, ulp, firstIndex, note }) =>
      `<tr><th scope="row"><code>${text(name)}</code></th><td>${kind}</td><td>${maxAbs === null ? "" : short(maxAbs)}</td><td>${ulp ?? ""}</td><td>${firstIndex ?? ""}</td><td>${text(note ?? "")}</td></tr>`,
  );
  const heads = ["tensor", "class", "max abs", "ulp", "first element", ""];
  return `<h3>Worst tensors</h3><p>${weights.wrong} of ${weights.compared} differ.</p>${wideTable("worst tensors", heads, rows)}`;
}

const CHART = { width: 640, height: 220, left: 56, right: 12, top: 12, bottom: 28 } as const;

/** Largest difference after each step, log scale; the reference's own size is the upper line. */
function curveChart(curve: readonly LayerDifference[]): string {
  const values = curve.flatMap(({ maxAbs, scale }) => [maxAbs, scale]);
  const positive = values.filter((value) => Number.isFinite(value) && value > 0);
  const low = Math.floor(Math.log10(Math.max(1e-12, Math.min(...positive, 1)))) - 1;
  const high = Math.ceil(Math.log10(Math.max(...positive, 1e-6)));
  const x = (index: number): number =>
    CHART.left + ((CHART.width - CHART.left - CHART.right) * index) / Math.max(1, curve.length - 1);
  const y = (value: number): number => {
    const exponent = value > 0 && Number.isFinite(value) ? Math.log10(value) : low;
    const share = (Math.max(low, exponent) - low) / Math.max(1, high - low);
    return CHART.height - CHART.bottom - (CHART.height - CHART.top - CHART.bottom) * share;
  };
  const line = (of: (entry: LayerDifference) => number): string =>
    curve.map((entry, index) => `${x(index).toFixed(1)},${y(of(entry)).toFixed(1)}`).join(" ");
  const ticks: string[] = [];
  for (let exponent = low; exponent <= high; exponent += Math.max(1, Math.ceil((high - low) / 6))) {
    const at = y(10 ** exponent).toFixed(1);
    ticks.push(
      `<line class="grid" x1="${CHART.left}" x2="${CHART.width - CHART.right}" y1="${at}" y2="${at}"/><text x="${CHART.left - 6}" y="${at}" class="tick y">1e${exponent}</text>`,
    );
  }
  const dots = curve.map(
    (entry, index) =>
      `<circle class="ours" cx="${x(index).toFixed(1)}" cy="${y(entry.maxAbs).toFixed(1)}" r="3"><title>${text(entry.step)}: ${short(entry.maxAbs)} of ${short(entry.scale)}</title></circle>`,
  );
  const last = curve.length - 1;
  const label = (index: number, anchor: string): string =>
    `<text x="${x(index).toFixed(1)}" y="${CHART.height - 8}" class="tick" text-anchor="${anchor}">${text(curve[index]?.step ?? "")}</text>`;
  const chart = `<svg viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label="largest difference after each layer, on a logarithmic scale">${ticks.join("")}<polyline class="scale" points="${line(({ scale }) => scale)}"/><polyline class="ours" points="${line(({ maxAbs }) => maxAbs)}"/>${dots.join("")}${label(0, "start")}${layerNumbers(curve, x)}${last > 0 ? label(last, "end") : ""}</svg>`;
  return `${wide("difference after each layer", chart)}<p class="legend"><span class="key ours"></span> largest difference <span class="key scale"></span> largest value of the reference</p>`;
}

/** Layers that the axis numbers between its ends. */
const NUMBERED = 8;

/** Numbers of some layers under the curve, evenly apart; its ends are named beside. */
function layerNumbers(curve: readonly LayerDifference[], x: (index: number) => number): string {
  const every = Math.max(1, Math.ceil(curve.length / NUMBERED));
  return curve
    .map(({ step }, index) => {
      const isInside = index >= every && index < curve.length - every;
      const number = /\d+$/u.exec(step)?.[0];
      return !isInside || index % every !== 0 || number === undefined
        ? ""
        : `<text x="${x(index).toFixed(1)}" y="${CHART.height - 8}" class="tick" text-anchor="middle">${number}</text>`;
    })
    .join("");
}

/** Powers of ten up to the largest count, at their height. */
function countTicks(most: number): string {
  const floor = CHART.height - CHART.bottom;
  const ticks: string[] = [];
  for (let count = 1; count <= most; count *= 10) {
    const at = (
      floor -
      ((floor - CHART.top) * Math.log10(1 + count)) / Math.log10(1 + most)
    ).toFixed(1);
    ticks.push(
      `<line class="grid" x1="${CHART.left}" x2="${CHART.width - CHART.right}" y1="${at}" y2="${at}"/><text x="${CHART.left - 6}" y="${at}" class="tick y">${count.toLocaleString("en-US")}</text>`,
    );
  }
  return ticks.join("");
}

function histogramChart(prompts: readonly PromptMetrics[], tolerance: number): string {
  const counts = Array.from({ length: DECADES }, (_unused, decade) =>
    prompts.reduce((sum, { histogram }) => sum + (histogram[decade] ?? 0), 0),
  );
  const most = Math.max(1, ...counts);
  const width = (CHART.width - CHART.left - CHART.right) / DECADES;
  const floor = CHART.height - CHART.bottom;
  const limit = Math.log10(tolerance) - FIRST_DECADE + 1;
  const bars = counts.map((count, decade) => {
    // Counts differ by powers of ten: the height is their logarithm.
    const height =
      count === 0 ? 0 : ((floor - CHART.top) * Math.log10(1 + count)) / Math.log10(1 + most);
    const at = CHART.left + decade * width;
    const name =
      decade === 0
        ? `below 1e${FIRST_DECADE}`
        : `1e${FIRST_DECADE + decade - 1} to 1e${FIRST_DECADE + decade}`;
    const label = decade === 0 ? "0" : `1e${FIRST_DECADE + decade - 1}`;
    return `<rect class="${decade > limit ? "beyond" : "ours"}" x="${(at + 1).toFixed(1)}" y="${(floor - height).toFixed(1)}" width="${(width - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${name}: ${count}</title></rect><text x="${(at + width / 2).toFixed(1)}" y="${CHART.height - 8}" class="tick" text-anchor="middle">${label}</text>`;
  });
  return wide(
    "number of logits by size of their difference",
    `<svg viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label="number of logits by size of their difference, counts on a logarithmic scale">${countTicks(most)}${bars.join("")}</svg>`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Names from files and paths, as text in which nothing is hidden or reversed. */
function text(value: string): string {
  return shownText(value.replaceAll("\n", " ")).replaceAll(
    /[&<>"']/g,
    (character) => ENTITIES[character] ?? character,
  );
}
