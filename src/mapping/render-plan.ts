import { WbError } from "../errors/wb-error.ts";
import { shownName } from "../tensor/shown-name.ts";
import { byteCount, renderShape } from "../tensor/shape.ts";
import { inLayer, layerOf } from "../model/layer-number.ts";
import type { Plan } from "./plan.ts";
import { actionOf, madeBy, type Step, type WriteStep } from "./step.ts";

/** Steps that differ in the layer number alone. */
interface Pattern {
  readonly from: string;
  readonly to: string;
  readonly action: string;
  readonly facts: string;
  readonly why: string;
  readonly layers: number[];
  count: number;
}

/** A plan for people: one line a pattern, layers collapsed, drops at the end. */
export function renderPlan(
  plan: Plan,
  skipped: readonly { readonly name: string; readonly why: string }[] = [],
): string {
  const patterns = new Map<string, Pattern>();
  for (const step of plan.steps) addStep(step, patterns);
  const lines = [...patterns.values()].map(renderPattern);
  const bytes = plan.steps.reduce((sum, step) => sum + targetBytes(step), 0);
  const written = plan.steps.filter(({ kind }) => kind !== "drop").length;
  const evidence = plan.evidence[0];
  return [
    ...lines,
    "",
    `${written} tensors, ${bytes} bytes; ${plan.steps.length - written + skipped.length} dropped`,
    ...skipped.map(({ name, why }) => `dropped: ${shownName(name)} (${why})`),
    `source layout: ${plan.sourceLayout}${evidence === undefined ? "" : ` (${plan.evidence.length} tensors say so: ${shownName(evidence.tensor)} ${evidence.why})`}${renderHead(plan)}; target layout: ${plan.targetLayout === "unknown" ? "as stored" : plan.targetLayout}`,
    ...plan.tied.map(
      (names) => `tied in the source, written in full: ${names.map(shownName).join(", ")}`,
    ),
  ].join("\n");
}

/** A head that is stored otherwise than the Linears, as PaddleFormers does. */
function renderHead({ headEvidence: head }: Plan): string {
  return head === undefined ? "" : `, but for the head: ${head.tensor} ${head.why}`;
}

/** Bytes that a step writes. */
export function targetBytes(step: Step): number {
  if (step.kind === "drop") return 0;
  const { shape, dtype } = madeBy(step);
  const dtypeWritten = step.cast ?? dtype;
  const bytes = byteCount(shape, dtypeWritten);
  if (bytes !== undefined) return bytes;
  throw new WbError(
    "WB4901",
    `tensor ${shownName(step.to)} ${dtypeWritten} ${renderShape(shape)} has no whole number of bytes`,
    { details: { tensor: step.to, dtype: dtypeWritten } },
  );
}

function addStep(step: Step, patterns: Map<string, Pattern>): void {
  const source = renderSources(step.from);
  const target = step.kind === "drop" ? "" : step.to;
  const layer = layerOf(target === "" ? (step.from[0] ?? "") : target);
  const facts = step.kind === "drop" ? "" : renderFacts(step);
  const pattern: Pattern = {
    from: source,
    to: inLayer(target, "{i}"),
    action: actionOf(step),
    facts,
    why: step.why,
    layers: [],
    count: 0,
  };
  const key = JSON.stringify([pattern.from, pattern.to, pattern.action, facts, step.why]);
  const known = patterns.get(key) ?? pattern;
  patterns.set(key, known);
  known.count++;
  if (layer !== undefined) known.layers.push(layer);
}

function renderFacts(step: WriteStep): string {
  const { shape, dtype } = madeBy(step);
  return `${renderShape(shape)} ${dtype}${step.cast === undefined ? "" : ` → ${step.cast}`}`;
}

/** The names joined; parts of ranks, whose names are the same, as one. */
function renderSources(from: readonly string[]): string {
  const names = [...new Set(from.map((name) => name.replace(/@tp\d+_pp\d+$/, "")))];
  const ranks = from.length / names.length;
  return (
    names.map((name) => inLayer(name, "{i}")).join(" + ") + (ranks > 1 ? ` on ${ranks} ranks` : "")
  );
}

function renderPattern({ from, to, action, facts, why, layers, count }: Pattern): string {
  const range =
    layers.length > 1
      ? `{${Math.min(...layers)}..${Math.max(...layers)}}`
      : String(layers[0] ?? "");
  const name = (text: string): string => shownName(text).replaceAll("{i}", range);
  const target = to === "" ? name(from) : name(to);
  const origin = to === "" || from === to ? "" : ` from ${name(from)}`;
  const times = count > 1 ? ` ×${count}` : "";
  return `${action.padEnd(9)} ${target}${times}${facts === "" ? "" : ` ${facts}`}${origin}  (${why})`;
}
