import { layerName } from "../../../model/canonical-names.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import { ATTENTION, MLP } from "../../../model/network.ts";
import type { HostTensor, RunnerStates } from "../../compare/model-runner.ts";
import { unitOf } from "../../relate/relate.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { layerNames } from "../hypotheses/hypotheses.ts";
import type { LocalLab } from "./local-lab.ts";
import { solveRows, type Rows } from "./newton-krylov.ts";
import { columnsWithin, directionsOf } from "./residual-rank.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";

/** Share of the tokens whose states must be found, and how many of them at least. */
const FOUND = 0.5;
const LEAST_TOKENS = 16;

/** How many times a layer's noise what is left of the equation may be, and the states that solve it may be off by. */
const SOLVED = 2;
const OFF = 4;

/** What attention adds to a layer's states, ours and the golden's, at the tokens where the golden's was found. */
export interface AttentionDeparture {
  /** Numbers of the tokens, counted over all prompts. */
  readonly tokens: readonly number[];
  /** The golden's less ours, a row for each of them. */
  readonly rows: readonly Float32Array[];
  /** What ours adds at all tokens. */
  readonly own: Rows;
}

/**
 * The golden's states between attention and the feed-forward network are those from which the network, taken to be right, makes the
 * golden's output. What attention adds is then known on both sides. Undefined where they cannot be found.
 */
export async function attentionDeparture(
  lab: LocalLab,
  layer: number,
  { part, noise }: Pick<MeasuredPart, "part" | "noise">,
  budget: SearchBudget,
): Promise<AttentionDeparture | undefined> {
  const { hiddenSize, layers } = lab.laboratory.config;
  const name = layerName(layer, `${ATTENTION.output}.weight`);
  // The last layer is only seen through the final norm.
  if (layer === layers - 1 || lab.laboratory.facts(name) === undefined) return undefined;
  const states = lab.prompts.map(({ hiddenStates }) => hiddenStates[layer] ?? new Float32Array(0));
  const noAttention = await zeroed(lab, layer, [ATTENTION.output]);
  const whole = await lab.outputs(part);
  const goal = rowsOf(
    whole.map(({ reference }) => reference),
    hiddenSize,
  );
  const own = rowsOf(
    (await lab.outputs(part, await withoutNetwork(lab, layer))).map(({ ours }) => ours),
    hiddenSize,
  );
  const network = async (rows: Rows): Promise<Rows | undefined> => {
    if (!(await budget.spend())) return undefined;
    const outputs = await lab.outputs(part, noAttention, undefined, (list) => replaced(list, rows));
    return rowsOf(
      outputs.map(({ ours }) => ours),
      hiddenSize,
    );
  };
  const again = await network(own);
  // Where attention and the network both read the layer's input, one does not come behind the other.
  const made = rowsOf(
    whole.map(({ ours }) => ours),
    hiddenSize,
  );
  if (again === undefined || !areWithin(again, made, SOLVED * noise)) return undefined;
  const solved = await solveRows(network, goal, own, noise);
  if (solved === undefined) return undefined;
  const tokens = solved.rows.flatMap((_row, at) =>
    (solved.left[at] ?? Number.NaN) <= SOLVED * noise ? [at] : [],
  );
  if (tokens.length < Math.max(LEAST_TOKENS, FOUND * goal.length)) return undefined;
  const rows = tokens.map((at) =>
    Float32Array.from(solved.rows[at] ?? [], (value, channel) => value - (own[at]?.[channel] ?? 0)),
  );
  const inputs = rowsOf(states, hiddenSize);
  return { tokens, rows, own: own.map((row, at) => lessRow(row, inputs[at])) };
}

/**
 * A layer whose departure is one of attention alone, along a few directions: nothing but o_proj comes after the weighted sum of the
 * values.
 */
export async function judgeAttention(
  lab: LocalLab,
  layer: number,
  { before, noise }: MeasuredPart,
  { tokens, rows, own }: AttentionDeparture,
): Promise<Diagnosis | undefined> {
  const { hiddenSize } = lab.laboratory.config;
  const name = layerName(layer, `${ATTENTION.output}.weight`);
  const added = tokens.reduce((sum, at) => sum + squares(own[at] ?? new Float64Array(0)), 0);
  const directions = directionsOf(
    { rows, noise: OFF * noise, added },
    unitOf(lab.laboratory.facts(name)?.dtype),
  );
  if (directions === undefined) return undefined;
  const rank = directions.length;
  const along = `with the network behind it taken back, what attention adds departs along ${rank} of ${hiddenSize} directions at ${tokens.length} tokens`;
  const channels = axesWithin(directions, hiddenSize);
  if (channels.length === rank)
    return {
      cause: "corrupt",
      tensors: [name],
      layer,
      evidence: `${along}, which are the channels ${channels.join(", ")}: these rows of o_proj`,
      claims: [{ tensor: name, kind: "rows-differ", rows: channels, all: true }],
      before,
    };
  // A head whose queries, keys or values are others departs along the columns of o_proj that take it.
  if (channels.length > 0 || columnsWithin(await lab.read(name), directions).length > 0)
    return undefined;
  const value = layerName(layer, `${ATTENTION.value}.weight`);
  return {
    cause: "low-rank",
    tensors: [name, value].filter((one) => lab.laboratory.facts(one) !== undefined),
    layer,
    evidence: `${along}, none of which is a channel or a column of o_proj: a change of low rank in o_proj or v_proj, as an adapter makes that was left in, left out or scaled otherwise`,
    before,
  };
}

/** A layer without its feed-forward network. */
export function withoutNetwork(lab: LocalLab, layer: number): Promise<Map<string, HostTensor>> {
  return zeroed(lab, layer, [MLP.down, EXPERTS.down]);
}

/** Weights and biases of some modules of a layer as zeros. */
async function zeroed(
  lab: LocalLab,
  layer: number,
  modules: readonly string[],
): Promise<Map<string, HostTensor>> {
  const changes = new Map<string, HostTensor>();
  const endings = modules.flatMap((module) => {
    const last = module.slice(module.lastIndexOf("."));
    return [`${last}.weight`, `${last}.bias`];
  });
  for (const name of layerNames(layer, lab.laboratory.names())) {
    if (!endings.some((ending) => name.endsWith(ending))) continue;
    const { shape, data } = await lab.read(name);
    changes.set(name, { shape, data: new Float32Array(data.length) });
  }
  return changes;
}

export function rowsOf(lists: readonly Float32Array[], width: number): Rows {
  return lists.flatMap((list) =>
    Array.from({ length: list.length / width }, (_unused, row) =>
      Float64Array.from(list.subarray(row * width, (row + 1) * width)),
    ),
  );
}

/** States with other values, prompt by prompt. */
function replaced(states: readonly RunnerStates[], rows: Rows): readonly RunnerStates[] {
  let at = 0;
  return states.map((state) => {
    const own = rows.slice(at, (at += state.tokens));
    return { ...state, data: Float32Array.from(own.flatMap((row) => [...row])) };
  });
}

function areWithin(left: Rows, right: Rows, limit: number): boolean {
  return left.every((row, at) =>
    row.every((value, channel) => Math.abs(value - (right[at]?.[channel] ?? 0)) <= limit),
  );
}

function squares(row: Float64Array): number {
  return row.reduce((sum, value) => sum + value * value, 0);
}

function lessRow(row: Float64Array, from: Float64Array | undefined): Float64Array {
  return row.map((value, channel) => value - (from?.[channel] ?? 0));
}

/** Share of a channel's unit vector that is within some directions where it is one of theirs. */
const WITHIN = 0.95;

/** Channels that are within the space of some directions. */
function axesWithin(directions: readonly Float64Array[], width: number): readonly number[] {
  return Array.from({ length: width }, (_unused, channel) => channel).filter(
    (channel) =>
      directions.reduce((sum, direction) => sum + (direction[channel] ?? 0) ** 2, 0) > WITHIN,
  );
}
