import { layerName } from "../../../model/canonical-names.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import { ATTENTION, HEAD_NORMS, MLP, NORMS } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { edited, type Hypothesis } from "../hypotheses/hypothesis.ts";
import { factorHypothesis, MATRICES } from "../hypotheses/scale-hypotheses.ts";
import { dot } from "../../../tensor/dot.ts";
import { departuresOf } from "./departures.ts";
import type { LocalLab } from "./local-lab.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";

/** Share of the departure that one tensor's factor must be able to move before it is solved for. */
const ALONG = 0.25;

/** Tensors that are solved for, the likeliest first. */
const SOLVED = 4;

/** Steps at most; each brings the factor nearer by an order where it is the right one. */
const STEPS = 10;

/** A change of the factor that rounding does not hide and the curve does not bend. */
const STEP = 2 ** -8;

/** Factors from which a solution is looked for. */
const STARTS = [1, 0.5, 2, 0.25, 4, 0.125, 8];

/** Matrices that are scaled alike: those that write to the states, and those that read them. */
const TOGETHER = [
  [ATTENTION.output, MLP.down],
  [ATTENTION.query, ATTENTION.key, ATTENTION.value],
  [MLP.gate, MLP.up],
];

/** Factors that are no mistake, and such as no converter makes. */
const LEAST = 1e-3;
const SAME = 1e-3;

/**
 * Factors of one tensor of a layer, weight and bias together or each alone, that bring its departure down, each solved from what a small
 * change of it does: mistakes to be tried as any others.
 * @param blamed The tensors that may have one, where more is known; else the layer's matrices and norms.
 */
export async function solvedScales(
  lab: LocalLab,
  layer: number,
  { part }: MeasuredPart,
  budget: SearchBudget,
  blamed?: readonly string[],
): Promise<readonly Hypothesis[]> {
  const has = new Set(lab.laboratory.names());
  const groups = MATRICES.flatMap((module) => {
    const [weight, bias] = ["weight", "bias"].map((kind) => layerName(layer, `${module}.${kind}`));
    if (weight === undefined || bias === undefined || !has.has(weight)) return [];
    return has.has(bias) ? [[weight], [weight, bias], [bias]] : [[weight]];
  });
  const single = [...NORMS, ...Object.values(HEAD_NORMS), EXPERTS.router]
    .map((module) => layerName(layer, `${module}.weight`))
    .filter((name) => has.has(name));
  // A factor that one converter gives to all that write to the states, or to all that read them.
  const together = TOGETHER.map((modules) =>
    modules.map((module) => layerName(layer, `${module}.weight`)),
  ).filter((names) => names.every((name) => has.has(name)));
  const departing = departuresOf(lab, part);
  const base = await departing();
  const scaledBy = async (names: readonly string[], factor: number): Promise<Float64Array> =>
    departing(await edited(names, lab.read, (tensor) => scaled(tensor, factor)));
  const promising: { names: readonly string[]; share: number }[] = [];
  const candidates = blamed?.map((name) => [name]) ?? [
    ...groups,
    ...single.map((name) => [name]),
    ...together,
  ];
  for (const names of candidates) {
    if (!(await budget.spend())) return [];
    const slope = slopeOf(base, await scaledBy(names, 1 + STEP), STEP);
    const share = dot(base, slope) ** 2 / (dot(base, base) * dot(slope, slope));
    if (share >= ALONG) promising.push({ names, share });
  }
  const found: Hypothesis[] = [];
  for (const { names } of promising
    .toSorted((left, right) => right.share - left.share)
    .slice(0, SOLVED)) {
    const factor = await solve((value) => scaledBy(names, value), budget);
    if (factor === undefined) continue;
    found.push(factorHypothesis(names, 1 / factor, has));
  }
  return found;
}

/** The factor at which the departure is least, by Gauss and Newton from the best of some starts. */
async function solve(
  at: (factor: number) => Promise<Float64Array>,
  budget: SearchBudget,
): Promise<number | undefined> {
  let [best, least] = [1, Number.POSITIVE_INFINITY];
  for (const start of STARTS) {
    if (!(await budget.spend())) return undefined;
    const rest = await at(start);
    const energy = dot(rest, rest);
    if (energy < least) [best, least] = [start, energy];
  }
  let factor = best;
  for (let step = 0; step < STEPS; step++) {
    if (!(await budget.spend())) return undefined;
    const rest = await at(factor);
    const slope = slopeOf(rest, await at(factor * (1 + STEP)), factor * STEP);
    const move = dot(rest, slope) / dot(slope, slope);
    // No further than to half or twice in one step, where the curve may be another.
    const next = Math.min(2 * factor, Math.max(factor / 2, factor - move));
    if (!Number.isFinite(next)) return undefined;
    const isDone = Math.abs(next - factor) <= 1e-6 * factor;
    factor = next;
    if (isDone) break;
  }
  return Math.abs(factor - 1) > SAME && factor > LEAST && factor < 1 / LEAST ? factor : undefined;
}

function scaled({ shape, data }: HostTensor, factor: number): HostTensor {
  return { shape, data: data.map((value) => value * factor) };
}

function slopeOf(from: Float64Array, to: Float64Array, step: number): Float64Array {
  return from.map((value, index) => ((to[index] ?? 0) - value) / step);
}
