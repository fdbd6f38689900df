import { layerName, moduleOf } from "../../../model/canonical-names.ts";
import { ATTENTION, MLP } from "../../../model/network.ts";
import type { Role } from "../../../model/parameter.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { edited, type Hypothesis } from "../hypotheses/hypothesis.ts";
import { layerNorms, ROUNDED, STATE_NORMS } from "../hypotheses/scale-hypotheses.ts";
import { solveLeastSquares } from "./least-squares.ts";
import { dot } from "../../../tensor/dot.ts";
import { departuresOf, type Departing } from "./departures.ts";
import type { Changes, LocalLab } from "./local-lab.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";

/** Equations that each factor must have, so that no tensor fits by having many of them. */
const EQUATIONS = 8;

/** Share of the departure that small changes of one tensor's factors must be able to make before they are solved for. */
const ALONG = 0.3;

/** Tensors that are solved for, the likeliest first. */
const SOLVED = 2;

/** Steps at most, each of which takes a try for every factor. */
const STEPS = 8;

/** A change of a factor that rounding does not hide and the curve does not bend. */
const STEP = 2 ** -8;

/** Factors that are told apart, and such as no converter makes. */
const SAME = 2 ** -8;
const LEAST = 1e-3;

/** Rows of some tensors, of which the same row of each has one factor. */
interface Group {
  readonly names: readonly string[];
  readonly rows: number;
  /** Tensors whose columns by the same factors have the same effect. */
  readonly either: readonly string[];
  readonly isNorm: boolean;
}

/**
 * Factors of their own for the rows of one matrix, or for the channels of one norm, that bring a layer's departure down: a scale of each
 * row that was lost, or given to one of two tensors alone. All are solved at once, from what a small change of each does.
 */
export async function solvedFactors(
  lab: LocalLab,
  layer: number,
  { part }: MeasuredPart,
  budget: SearchBudget,
): Promise<readonly Hypothesis[]> {
  const departing = departuresOf(lab, part);
  const base = await departing();
  const energy = dot(base, base);
  const promising: { group: Group; slopes: readonly Float64Array[]; share: number }[] = [];
  for (const group of groupsOf(lab, layer)) {
    if (group.rows * EQUATIONS > base.length) continue;
    const ones = Float64Array.from({ length: group.rows }, () => 1);
    const slopes = await slopesOf(group, ones, base, departing, lab, budget);
    if (slopes === undefined) continue;
    const move = solveLeastSquares(slopes, base);
    if (move === undefined) continue;
    const rest = less(base, slopes, move);
    const share = 1 - dot(rest, rest) / energy;
    if (share >= ALONG) promising.push({ group, slopes, share });
  }
  const found: Hypothesis[] = [];
  for (const { group, slopes } of promising
    .toSorted((left, right) => right.share - left.share)
    .slice(0, SOLVED)) {
    const factors = await solve(group, { base, slopes, departing, lab, budget });
    if (factors !== undefined) found.push(hypothesisOf(group, factors));
  }
  return found;
}

/** Rows that one factor each may be of: matrices whose inputs or outputs no other tensor shares, and norms. */
function groupsOf(lab: LocalLab, layer: number): readonly Group[] {
  const { config } = lab.laboratory;
  const has = new Set(lab.laboratory.names());
  const at = (name: string): string => layerName(layer, name);
  const groups: Group[] = [];
  const weights = (modules: readonly string[]): readonly string[] =>
    modules.map((module) => at(`${module}.weight`)).filter((name) => has.has(name));
  const add = (module: string, behind: readonly string[] = [], isNorm = false): void => {
    const [weight, bias] = [at(`${module}.weight`), at(`${module}.bias`)];
    const shape = lab.laboratory.facts(weight)?.shape;
    if (!has.has(weight) || shape === undefined) return;
    const names = has.has(bias) ? [weight, bias] : [weight];
    groups.push({ names, rows: shape[0] ?? 1, either: weights(behind), isNorm });
  };
  const { query, key, value, output } = ATTENTION;
  const { gate, gateUp, up, down } = MLP;
  // Each column of o_proj has a row of v_proj of its own, where no two heads share their values.
  add(value, config.heads === config.kvHeads ? [output] : []);
  for (const module of [output, key, query, down]) add(module);
  const behind: Readonly<Partial<Record<Role, readonly string[]>>> = {
    attentionNorm: [query, key, value],
    mlpNorm: [gate, up, gateUp],
  };
  for (const role of STATE_NORMS) {
    const matrices = behind[role] ?? [];
    // Of experts, there are too many for one sentence.
    if (behind[role] !== undefined && weights(matrices).length === 0) continue;
    for (const norm of layerNorms(layer, config, new Set([role])))
      add(moduleOf(norm).slice(at("").length), matrices, true);
  }
  if (weights([gate]).length > 0) add(up, [down]);
  return groups;
}

interface Search {
  readonly base: Float64Array;
  readonly slopes: readonly Float64Array[];
  readonly departing: Departing;
  readonly lab: LocalLab;
  readonly budget: SearchBudget;
}

/** The factors at which the departure is least, by Gauss and Newton; each step is halved until it is one. */
async function solve(group: Group, search: Search): Promise<Float64Array | undefined> {
  const { departing, lab, budget } = search;
  let { base, slopes } = search;
  let factors = Float64Array.from({ length: group.rows }, () => 1);
  for (let step = 0; step < STEPS; step++) {
    const move = solveLeastSquares(slopes, base);
    if (move === undefined) return undefined;
    const better = await stepFrom(group, factors, move, base, search);
    if (better === undefined) break;
    const gain = dot(better.rest, better.rest) / dot(base, base);
    [factors, base] = [better.factors, better.rest];
    if (gain > 0.98) break;
    const next = await slopesOf(group, factors, base, departing, lab, budget);
    if (next === undefined) break;
    slopes = next;
  }
  const isTold = factors.some((factor) => Math.abs(factor - 1) > SAME);
  const isOne = factors.every((factor) => Math.abs(factor / (factors[0] ?? 1) - 1) <= SAME);
  const isPossible = factors.every((factor) => factor > LEAST && factor < 1 / LEAST);
  return isTold && isPossible && !isOne ? factors : undefined;
}

async function stepFrom(
  group: Group,
  factors: Float64Array,
  move: Float64Array,
  base: Float64Array,
  { departing, lab, budget }: Search,
): Promise<{ factors: Float64Array<ArrayBuffer>; rest: Float64Array } | undefined> {
  for (let share = 1; share > 0.1; share /= 2) {
    if (!(await budget.spend())) return undefined;
    // No further than to half or twice in one step, where the curve may be another.
    const next = factors.map((factor, row) =>
      Math.min(2 * factor, Math.max(factor / 2, factor - share * (move[row] ?? 0))),
    );
    const rest = await departing(await times(group.names, next, lab));
    if (dot(rest, rest) < dot(base, base)) return { factors: Float64Array.from(next), rest };
  }
  return undefined;
}

/** What a small change of each factor does to what a layer gives; undefined where there is no time for it. */
async function slopesOf(
  { names, rows }: Group,
  factors: Float64Array,
  base: Float64Array,
  departing: Departing,
  lab: LocalLab,
  budget: SearchBudget,
): Promise<readonly Float64Array[] | undefined> {
  if (!budget.has(rows)) return undefined;
  const slopes: Float64Array[] = [];
  for (let row = 0; row < rows; row++) {
    if (!(await budget.spend())) return undefined;
    const moved = factors.map((factor, index) => (index === row ? factor * (1 + STEP) : factor));
    const rest = await departing(await times(names, moved, lab));
    const size = (factors[row] ?? 1) * STEP;
    slopes.push(rest.map((value, index) => (value - (base[index] ?? 0)) / size));
  }
  return slopes;
}

/** Each row of some tensors by the factor of its number. */
function times(names: readonly string[], factors: Float64Array, lab: LocalLab): Promise<Changes> {
  return edited(names, lab.read, (tensor) => rowsTimes(tensor, factors));
}

function rowsTimes({ shape, data }: HostTensor, factors: Float64Array): HostTensor {
  const width = data.length / factors.length;
  return {
    shape,
    data: data.map((value, index) => value * (factors[Math.floor(index / width)] ?? 1)),
  };
}

function hypothesisOf({ names, either, isNorm }: Group, solved: Float64Array): Hypothesis {
  const found = Array.from(solved, (factor) => 1 / factor);
  const [least, most] = [Math.min(...found), Math.max(...found)];
  const range = `from ${least.toPrecision(3)} to ${most.toPrecision(3)}`;
  const others = either.map(shortName).join(", ");
  const own = isNorm ? "each channel" : "each row";
  const mistake =
    either.length > 0
      ? `${own}, or each column of ${others}, is the right one by a factor of its own, ${range}, of one of the two: both have the same effect`
      : `${own} is the right one by a factor of its own, ${range}`;
  return {
    cause: "scaled",
    tensors: names,
    ...(either.length > 0 ? { either } : {}),
    mistake,
    statement: { kind: "factors", rows: found, columns: undefined, slack: ROUNDED },
    undo: (read) => edited(names, read, (tensor) => rowsTimes(tensor, solved)),
  };
}

function shortName(name: string): string {
  const module = moduleOf(name);
  return module.slice(module.lastIndexOf(".") + 1);
}

function less(
  from: Float64Array,
  slopes: readonly Float64Array[],
  move: Float64Array,
): Float64Array {
  const rest = from.slice();
  for (const [index, slope] of slopes.entries()) {
    const factor = move[index] ?? 0;
    for (let at = 0; at < rest.length; at++) rest[at] = (rest[at] ?? 0) - factor * (slope[at] ?? 0);
  }
  return rest;
}
