import { layerOf } from "../../model/layer-number.ts";
import type { Parity } from "../compare/parity.ts";
import { givenMatrix, type GivenMatrix } from "./given-matrix.ts";
import type { ModelJudgement } from "./judge-model.ts";
import type { JudgeOptions } from "./judge-tensor.ts";
import {
  isExplained,
  lossOf,
  type BlockPlace,
  type MatrixUse,
  type TensorJudgement,
} from "./judgement.ts";

/** A quantised tensor as reports have it. */
export interface QuantisedTensor {
  readonly name: string;
  readonly type: string;
  readonly blocks: number;
  readonly identical: number;
  readonly rounded: number;
  readonly unexplained: number;
  /** What a given importance matrix has to do with it. */
  readonly matrix: MatrixUse | null;
  /** Largest error in half steps of the block's scale. */
  readonly worst: number | null;
  readonly maxAbs: number | null;
  /** √(Σ(q − x)² / Σx²). */
  readonly loss: number | null;
}

/** What quantising lost in a layer, or in the tensors outside of layers. */
export interface LayerLoss {
  readonly layer: number | null;
  readonly types: readonly string[];
  readonly loss: number | null;
}

/** What quantising did to the distribution of the next token at one position. */
export interface PositionLoss {
  readonly prompt: string;
  readonly position: number;
  readonly kl: number | null;
  readonly top1: "same" | "near-tie" | "differs";
}

/** A quantised model beside its original: what of it rounding explains, and what it costs. */
export interface QuantisationSummary {
  /** Which side is the quantised one. */
  readonly side: "model" | "other";
  /** Whether the file names an importance matrix, or one was given: then scales fit the numbers that matter. */
  readonly importanceMatrix: boolean;
  /** The matrix that was given. */
  readonly imatrix: GivenMatrix | null;
  readonly tensors: readonly QuantisedTensor[];
  readonly blocks: Readonly<Record<"total" | "identical" | "rounded" | "unexplained", number>>;
  /** Explained blocks with other bytes in tensors that are this quantiser's for the most part. */
  readonly otherScales: readonly BlockPlace[];
  readonly layers: readonly LayerLoss[];
  readonly positions: readonly PositionLoss[];
  /** Mean over positions, in nats; null where nothing was run. */
  readonly kl: number | null;
  readonly top1Agreement: number | null;
  /** The original's weights under the quantised file's settings against the original: whether it computes the same model. */
  readonly settings: { readonly passes: boolean; readonly maxAbs: number | null } | null;
}

export function summaryOf(
  side: QuantisationSummary["side"],
  { isWeighted, matrix }: JudgeOptions,
  { quantised }: ModelJudgement,
  parity: Parity | undefined,
  settings: Parity | undefined,
): QuantisationSummary {
  const sum = (of: (tensor: TensorJudgement) => number): number =>
    quantised.reduce((total, tensor) => total + of(tensor), 0);
  const positions = (parity?.prompts ?? []).flatMap(({ name, rows }) =>
    rows.map(({ position, kl, top1 }) => ({ prompt: name, position, kl: finite(kl), top1 })),
  );
  return {
    side,
    importanceMatrix: isWeighted,
    imatrix: givenMatrix(matrix),
    tensors: quantised.map(shown),
    blocks: {
      total: sum(({ blocks }) => blocks),
      identical: sum(({ identical }) => identical),
      rounded: sum(({ rounded }) => rounded),
      unexplained: sum(({ unexplained }) => unexplained),
    },
    otherScales: quantised.flatMap(({ otherScales }) => otherScales),
    layers: layersOf(quantised),
    positions,
    kl: mean(positions.map(({ kl }) => kl ?? Number.NaN)),
    top1Agreement: mean(positions.map(({ top1 }) => (top1 === "differs" ? 0 : 1))),
    settings:
      settings === undefined
        ? null
        : {
            passes: settings.passes,
            maxAbs: finite(Math.max(0, ...settings.prompts.map(({ maxAbs }) => maxAbs))),
          },
  };
}

export function shown(tensor: TensorJudgement): QuantisedTensor {
  const { name, type, blocks, identical, rounded, unexplained, matrix } = tensor;
  return {
    name,
    type,
    blocks,
    identical,
    rounded,
    unexplained,
    matrix,
    worst: finite(tensor.worst),
    maxAbs: finite(tensor.maxAbs),
    loss: finite(lossOf([tensor])),
  };
}

/** Losses by layer; what is in none comes first. */
export function layersOf(tensors: readonly TensorJudgement[]): readonly LayerLoss[] {
  const groups = new Map<number | undefined, TensorJudgement[]>();
  for (const tensor of tensors) {
    const layer = layerOf(tensor.name);
    groups.set(layer, [...(groups.get(layer) ?? []), tensor]);
  }
  return [...groups]
    .toSorted(([left], [right]) => (left ?? -1) - (right ?? -1))
    .map(([layer, own]) => ({
      layer: layer ?? null,
      types: [...new Set(own.map(({ type }) => type))].toSorted(),
      loss: finite(lossOf(own)),
    }));
}

/** Tensors that the original does not explain. */
export function unexplainedCount({ quantised, plain, unjudged }: ModelJudgement): number {
  const wrong = quantised.filter((tensor) => !isExplained(tensor)).length;
  return wrong + plain.filter(({ differing }) => differing > 0).length + unjudged.length;
}

function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return finite(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** JSON has no NaN and no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
