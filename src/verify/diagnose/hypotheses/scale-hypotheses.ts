import { isBias, layerName, moduleOf } from "../../../model/canonical-names.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { familyOf } from "../../../model/families.ts";
import { ATTENTION, FINAL_NORM, MLP } from "../../../model/network.ts";
import type { Role } from "../../../model/parameter.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { edited, type Hypothesis } from "./hypothesis.ts";

/** Factors that converters leave in or out, each way: attention's scale, the width's root, halves and quarters. */
function factorsFor({ headDim, hiddenSize }: ModelConfig): readonly number[] {
  const all = [
    2,
    4,
    8,
    0.1,
    Math.sqrt(headDim),
    headDim,
    Math.sqrt(hiddenSize),
    hiddenSize,
    127,
    128,
  ];
  return [...new Set(all.flatMap((factor) => [factor, 1 / factor]))];
}

/** What storing a product or a sum in bfloat16 may move it by, twice. */
export const ROUNDED = 2 ** -7;

export const MATRICES = [...Object.values(ATTENTION), ...Object.values(MLP)];

/** Matrices that stand one behind the other with nothing but products between them: a factor may be of either. */
const IN_A_ROW = [
  { first: "q_proj", last: "k_proj", isBehind: false },
  { first: "v_proj", last: "o_proj", isBehind: true },
  { first: "up_proj", last: "down_proj", isBehind: true },
] as const;

function biasOf(weight: string): string {
  return `${moduleOf(weight)}.bias`;
}

/** One tensor, alone or with its bias, by a factor; where a factor of another one does the same, either of the two. */
export function factorHypothesis(
  names: readonly string[],
  factor: number,
  has: ReadonlySet<string>,
): Hypothesis {
  const shown = Number(factor.toPrecision(4));
  const own = scaledBy(names, factor, `every value is ${shown} times the right one`);
  const [name = ""] = names;
  // A bias alone is in no product, and of several matrices none stands for another.
  if (isBias(name) || names.filter((one) => !isBias(one)).length > 1) return own;
  const row = IN_A_ROW.find(({ first, last }) =>
    [first, last].some((module) => name.includes(`.${module}.`)),
  );
  if (row === undefined) return own;
  const isLast = name.includes(`.${row.last}.`);
  const [module, other] = isLast ? [row.last, row.first] : [row.first, row.last];
  const gate = name.replace(module, "gate_proj");
  // Without a gate, what bends stands between the two.
  if (row.first === "up_proj" && !has.has(gate)) return own;
  // A bias before the product that stays as it is tells the two apart; one behind it has no part in it.
  const isOfProduct =
    isLast && row.isBehind ? names.length === 1 : names.length > 1 || !has.has(biasOf(name));
  const partner = name.replace(module, other);
  const either = [partner, ...(row.isBehind && !isLast ? [] : [biasOf(partner)])].filter((one) =>
    has.has(one),
  );
  if (!isOfProduct || either.length === 0) return own;
  return {
    ...own,
    either,
    mistake: `every value of ${module} or of ${other} is ${shown} times the right one, of one of the two: both have the same effect`,
  };
}

function scaledBy(names: readonly string[], factor: number, mistake: string): Hypothesis {
  return {
    cause: "scaled",
    tensors: names,
    mistake,
    statement: { kind: "linear", factor, offset: 0, slack: ROUNDED },
    undo: (read) =>
      edited(names, read, ({ shape, data }: HostTensor) => ({
        shape,
        data: data.map((value) => value / factor),
      })),
  };
}

/** Norms with one added to each value, or taken away: Gemma's are stored so. */
export function offsetHypotheses(tensors: readonly string[]): readonly Hypothesis[] {
  return [-1, 1].map((offset): Hypothesis => ({
    cause: "offset",
    tensors,
    statement: { kind: "linear", factor: 1, offset, slack: ROUNDED },
    mistake: `every value is the right one ${offset < 0 ? "less" : "plus"} 1`,
    undo: (read) =>
      edited(tensors, read, ({ shape, data }) => ({
        shape,
        data: data.map((value) => value - offset),
      })),
  }));
}

/** Norms of one layer that have the width of states: two, or four where what a sublayer gives is normed, too. */
export const STATE_NORMS: ReadonlySet<Role> = new Set([
  "attentionNorm",
  "attentionOutputNorm",
  "mlpNorm",
  "mlpOutputNorm",
]);

/** Norms of each head's queries and keys. */
export const HEAD_NORM_ROLES: ReadonlySet<Role> = new Set(["queryNorm", "keyNorm"]);

/** Weights of one layer's norms that play some roles. */
export function layerNorms(
  layer: number,
  { family }: Pick<ModelConfig, "family">,
  roles: ReadonlySet<Role>,
): readonly string[] {
  return familyOf(family)
    .network.parameters.filter(({ role, kind }) => kind === "weight" && roles.has(role))
    .map(({ name }) => name.replace("{i}", String(layer)));
}

/** Norms of states that a layer's part of a golden shows: its own, and the final one behind the last layer. */
export function stateNorms(
  layer: number,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly string[] {
  return [
    ...layerNorms(layer, config, STATE_NORMS),
    ...(layer === config.layers - 1 ? [FINAL_NORM] : []),
  ].filter((name) => has.has(name));
}

/** One matrix of a layer times a factor; its norms with one added, taken away, or by a factor. */
export function scaleHypotheses(
  layer: number,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const norms = stateNorms(layer, config, has);
  const ofHeads = layerNorms(layer, config, HEAD_NORM_ROLES).filter((name) => has.has(name));
  const together = [norms, ...(ofHeads.length > 0 ? [[...norms, ...ofHeads], ofHeads] : [])];
  const groups = [
    ...together,
    ...(norms.length > 1 ? [...norms, ...ofHeads].map((name) => [name]) : []),
  ];
  const offsets = groups.flatMap(offsetHypotheses);
  const names = MATRICES.map((module) => layerName(layer, `${module}.weight`)).filter((name) =>
    has.has(name),
  );
  const scales = [...names, ...norms].flatMap((name) =>
    factorsFor(config).map((factor) => factorHypothesis([name], factor, has)),
  );
  return [...offsets, ...scales];
}
