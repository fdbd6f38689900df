import {
  isOfAttention,
  isOfExpert,
  isOfMlp,
  layerName,
  parameterOf,
} from "../../../model/canonical-names.ts";
import { inLayer, layerOf } from "../../../model/layer-number.ts";
import { ATTENTION, FINAL_NORM, MLP, NORMS } from "../../../model/network.ts";
import type { Parameter, Role } from "../../../model/parameter.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { headHypotheses, rotaryHypotheses, splitHypotheses } from "./attention-hypotheses.ts";
import { expertHypotheses } from "./expert-hypotheses.ts";
import { gateUpHypotheses } from "./gate-up-hypotheses.ts";
import { edited, editedTogether, swapOf, type Hypothesis } from "./hypothesis.ts";
import { kindOf } from "../golden/likely-first.ts";
import { allNormsShifted, shiftedNorms } from "./norm-chain.ts";
import { rankHypotheses } from "./rank-hypotheses.ts";
import { rereadHypotheses, rereadsOf } from "./reread-hypotheses.ts";
import {
  HEAD_NORM_ROLES,
  layerNorms,
  offsetHypotheses,
  scaleHypotheses,
  STATE_NORMS,
} from "./scale-hypotheses.ts";
import { halvesExchanged, reinterpreted } from "./tensor-edits.ts";

const ATTENTION_MODULES: readonly string[] = Object.values(ATTENTION);
const MLP_MODULES: readonly string[] = Object.values(MLP);
const MATRICES = [...ATTENTION_MODULES, ...MLP_MODULES];

/** Norms of whole states. */
const NORM_ROLES: ReadonlySet<Role> = new Set([...STATE_NORMS, "finalNorm"]);

function isNormOfStates(parameter: Parameter | undefined): boolean {
  return parameter?.kind === "weight" && NORM_ROLES.has(parameter.role);
}

/** Names of one layer's parameters. */
export function layerNames(layer: number, names: readonly string[]): readonly string[] {
  return names.filter((name) => layerOf(name) === layer);
}

/** The same, and the final norm after the last layer, since a golden has no states between the two. */
export function partNames(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
): readonly string[] {
  const own = layerNames(layer, names);
  const isLast = layer === config.layers - 1;
  return isLast && names.includes(FINAL_NORM) ? [...own, FINAL_NORM] : own;
}

/** Every mistake that one layer's parameters may show, the likelier ones first. */
export function layerHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const has = new Set(names);
  const at = namedIn(layer);
  const hypotheses = [
    ...ownHypotheses(layer, config, names, dtypeOf),
    ...NORMS.map((norm) => swapOf([[at(`${norm}.weight`), FINAL_NORM]])),
    ...shiftedNorms(layer, config, has),
    ...layerSwapHypotheses(layer, config, names),
    ...pairsOf(MATRICES).map((pair) => transposeOf(pair.map((name) => at(`${name}.weight`)))),
    ...MATRICES.flatMap((name) => exchangedHalves(at(`${name}.weight`))),
  ];
  return hypotheses.filter(({ tensors }) => tensors.every((name) => has.has(name)));
}

/** The same mistake made in every layer at once, as a converter makes it. */
export function everywhereHypotheses(
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const layers = Array.from({ length: config.layers }, (_unused, layer) =>
    ownHypotheses(layer, config, names, dtypeOf),
  );
  const has = new Set(names);
  // By what they are, not by their place in the list: the last layer has the final norm, too.
  const groups = new Map<string, Hypothesis[]>();
  for (const hypothesis of layers.flat()) {
    const key = kindOf(hypothesis);
    groups.set(key, [...(groups.get(key) ?? []), hypothesis]);
  }
  const norms = names.filter((name) => isNormOfStates(parameterOf(name, config)));
  return [
    ...rereadsOf(names, dtypeOf),
    ...offsetHypotheses(norms),
    ...allNormsShifted(config, has),
    ...[...groups.values()]
      .filter((group) => group.length === config.layers)
      .map((group) => joined(group, "in every layer"))
      .filter(({ tensors }) => tensors.every((name) => has.has(name))),
  ];
}

/** Several mistakes of one kind as one. @param where The layers that they are in, in words. */
export function joined(hypotheses: readonly Hypothesis[], where: string): Hypothesis {
  const [first] = hypotheses;
  return {
    cause: first?.cause ?? "corrupt",
    mistake: `${where}: ${first?.mistake ?? ""}`,
    tensors: hypotheses.flatMap(({ tensors }) => tensors),
    undo: async (read, readBits) => {
      const changes = new Map<string, HostTensor>();
      for (const hypothesis of hypotheses) {
        const undone = await hypothesis.undo(read, readBits);
        if (undone === undefined) return undefined;
        for (const [name, tensor] of undone) changes.set(name, tensor);
      }
      return changes;
    },
  };
}

const namedIn =
  (layer: number) =>
  (name: string): string =>
    layerName(layer, name);

/** Mistakes among one layer's own parameters. */
function ownHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const at = namedIn(layer);
  const has = new Set(names);
  const own = partNames(layer, config, names);
  const matricesOf = (list: readonly string[]): readonly string[] =>
    list.filter((name) => has.has(at(`${name}.weight`)));
  const matrices = matricesOf(MATRICES);
  return [
    ...[
      ...matrices.map((name) => [name]),
      ATTENTION_MODULES,
      matricesOf(MLP_MODULES),
      matrices,
    ].map((group) => transposeOf(group.map((name) => at(`${name}.weight`)))),
    ...fusedTransposes(at, has),
    ...gateUpHypotheses(layer, config, has),
    ...swapHypotheses(layer, at, config, has),
    ...rotaryHypotheses(at, config, has),
    ...splitHypotheses(at, config, has),
    ...rereadHypotheses(
      own,
      MATRICES.map((name) => at(`${name}.weight`)).filter((name) => has.has(name)),
      dtypeOf,
    ),
    ...headHypotheses(at, config, has),
    ...rankHypotheses(layer, config, has),
    ...scaleHypotheses(layer, config, has),
    ...expertHypotheses(layer, config, has),
  ];
}

/** The numbers of the transposed matrix in a row, whatever the shape says: a square one transposed, another one reshaped. */
export function transposeOf(tensors: readonly string[]): Hypothesis {
  return {
    cause: "transposed",
    tensors,
    mistake: "stored as [in, out]",
    undo: (read) => edited(tensors, read, reinterpreted),
  };
}

/** A matrix of several modules that was stored as [in, out] before it was cut. */
function fusedTransposes(
  at: (name: string) => string,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const { query, key, value } = ATTENTION;
  return [
    [query, key, value],
    [MLP.gate, MLP.up],
  ]
    .map((modules) => modules.map((module) => at(`${module}.weight`)))
    .filter((names) => names.every((name) => has.has(name)))
    .map((names) => ({
      cause: "transposed",
      tensors: names,
      mistake: "one matrix of them was stored as [in, out] before it was cut",
      undo: (read) => editedTogether(names, read, reinterpreted),
    }));
}

function exchangedHalves(name: string): readonly Hypothesis[] {
  return (["rows", "columns"] as const).map((axis) => ({
    cause: "rank-order",
    tensors: [name],
    mistake: `the two halves of its ${axis} are exchanged`,
    undo: (read) => edited([name], read, (tensor) => halvesExchanged(tensor, axis)),
  }));
}

/** Every two of some items. */
function pairsOf<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((left, index) =>
    items.slice(index + 1).map((right): readonly [T, T] => [left, right]),
  );
}

/** Pairs that converters confuse, with their biases, without them, and the biases alone. */
function swapHypotheses(
  layer: number,
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const sameHeads = config.kvHeads === config.heads;
  const isSquare = config.heads * config.headDim === config.hiddenSize;
  const pairs: (readonly [string, string])[] = [[MLP.gate, MLP.up]];
  if (sameHeads) pairs.push([ATTENTION.query, ATTENTION.key], [ATTENTION.query, ATTENTION.value]);
  pairs.push([ATTENTION.key, ATTENTION.value]);
  if (isSquare) {
    const { query, key, value, output } = ATTENTION;
    for (const name of sameHeads ? [query, key, value] : [query]) pairs.push([name, output]);
  }
  const hypotheses: Hypothesis[] = [STATE_NORMS, HEAD_NORM_ROLES].flatMap((roles) =>
    pairsOf(layerNorms(layer, config, roles)).map((pair) => swapOf([pair])),
  );
  for (const [left, right] of pairs) {
    const weights = [at(`${left}.weight`), at(`${right}.weight`)] as const;
    const biases = [at(`${left}.bias`), at(`${right}.bias`)] as const;
    if (biases.every((name) => has.has(name)))
      hypotheses.push(swapOf([weights, biases]), swapOf([biases]));
    hypotheses.push(swapOf([weights]));
  }
  return hypotheses;
}

/** The layer's right parameters stand in another layer's place: all of them, its attention, its MLP, or one. */
function layerSwapHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
): readonly Hypothesis[] {
  const hypotheses: Hypothesis[] = [];
  const has = new Set(names);
  const own = layerNames(layer, names);
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ["parameters", own],
    ["attention", own.filter(isOfAttention)],
    ["MLP", own.filter(isOfMlp)],
    ["experts", own.filter(isOfExpert)],
    ...own.map((name): readonly [string, readonly string[]] => [name, [name]]),
  ];
  for (let other = 0; other < config.layers; other++) {
    if (other === layer) continue;
    // Of layers of two kinds, with experts and without, one has not what the other has.
    for (const [what, group] of groups)
      if (group.length > 0 && group.every((name) => has.has(inLayer(name, other))))
        hypotheses.push(standsIn(what, group, layer, other));
  }
  return hypotheses;
}

function standsIn(
  what: string,
  group: readonly string[],
  layer: number,
  other: number,
): Hypothesis {
  return {
    cause: "layer-order",
    tensors: group,
    mistake:
      group.length === 1
        ? `its right values stand in layer ${other}`
        : `the right ${what} of layer ${layer} stand in layer ${other}'s place`,
    undo: async (read) => {
      const changes = new Map<string, HostTensor>();
      for (const name of group) changes.set(name, await read(inLayer(name, other)));
      return changes;
    },
  };
}
