import type { Axis } from "../../model/axes.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import { reinterpreted, takeColumns, takeRows } from "../diagnose/hypotheses/tensor-edits.ts";
import { nearness } from "./claim.ts";
import { bitsAsNumbers, codesWithoutScales, multiples, perGroup } from "./codes.ts";
import { linearRelation } from "./linear.ts";
import { deltaRank } from "./low-rank.ts";
import { axesRelation } from "./axes-relation.ts";
import { nameOrder } from "./name-order.ts";
import { partsRelation } from "./parts.ts";
import { repeatedOrder } from "./repeated-order.ts";
import type { Relation } from "./relation.ts";
import { rowsRelation } from "./repeated.ts";
import { scaledOrder } from "./scaled-order.ts";
import { hasOrder, isIdentity, isPermutation, columnOrder, rowOrder } from "./row-order.ts";
import { codesWithZeroPoints } from "./zero-point.ts";
import { shiftedRows } from "./shifted-rows.ts";

/** Rounding unit of a dtype, for values that were computed and stored in it. */
export function unitOf(dtype: Dtype | undefined): number {
  if (dtype === "BF16") return 2 ** -8;
  return dtype === "F16" ? 2 ** -11 : 2 ** -24;
}

/** What is known of a tensor beside its values. */
export interface TensorContext {
  readonly config: ModelConfig | undefined;
  /** What its axes run over; undefined where it is none of a known model. */
  readonly axes?: readonly Axis[] | undefined;
  readonly dtype: Dtype | undefined;
}

/**
 * The relation of a tensor to the right one, solved from the values: factors and offsets, codes without their scales, permutations
 * of rows, columns or parts of rows, a difference of low rank, blocks repeated or rows added. Undefined where none holds for every
 * element.
 */
export function relate(
  ours: HostTensor,
  reference: HostTensor,
  config: ModelConfig | undefined,
  dtype: Dtype | undefined,
  axes?: readonly Axis[],
): Relation | undefined {
  const moved = ours.shape.length > 2 ? axesRelation(ours, reference) : undefined;
  if (moved !== undefined) return moved;
  if (ours.data.length !== reference.data.length) return ofOtherSize(ours, reference, config);
  if (ours.shape.join() !== reference.shape.join()) return undefined;
  const areOthers = mostDiffer(ours, reference);
  return (
    (areOthers ? ofValues(ours, reference, dtype, config?.headDim) : undefined) ??
    ofOrder(ours, reference, { config, axes, dtype }) ??
    (areOthers
      ? (ofRank(ours, reference, dtype) ?? ofTwo(ours, reference, { config, axes, dtype }))
      : ofScales(ours, reference, dtype, config?.headDim))
  );
}

/** Correlation above which values stand where they should, whatever else was done to them. */
const IN_PLACE = 0.6;

/** Two changes at once: transposed, or in another order, and then scaled or cut to codes. */
function ofTwo(
  ours: HostTensor,
  reference: HostTensor,
  { config, axes, dtype }: TensorContext,
): Relation | undefined {
  if (ours.shape.length !== 2 || nearness(ours, reference).correlation > IN_PLACE) return undefined;
  const flat = reinterpreted(ours);
  const valued = ofValues({ ...flat, shape: reference.shape }, reference, dtype, config?.headDim);
  if (valued !== undefined)
    return {
      ...valued,
      cause: "transposed",
      text: `stored as [in, out]; transposed, ${valued.text}`,
      relation: `transposed: ${valued.relation}`,
      claim: { kind: "of-transposed", statement: valued.claim },
    };
  for (const axis of ["rows", "columns"] as const) {
    const order = scaledOrder(ours, reference, axis);
    if (order === undefined) continue;
    const moved = axis === "rows" ? takeRows(reference, order) : takeColumns(reference, order);
    const scaled = linearRelation(ours, moved, unitOf(dtype) > 2 ** -24, config?.headDim);
    if (scaled === undefined) continue;
    const named = nameOrder(order, axis, { config, over: axes?.[axis === "rows" ? 0 : 1] });
    return {
      ...named,
      text: `${named.text}; and beside those ${scaled.text}`,
      relation: `${named.relation}; then ${scaled.text}`,
      claim: { kind: "of-order", axis, order, statement: scaled.claim },
    };
  }
  return undefined;
}

function ofValues(
  ours: HostTensor,
  reference: HostTensor,
  dtype: Dtype | undefined,
  headDim: number | undefined,
): Relation | undefined {
  const scaled = ofScales(ours, reference, dtype, headDim);
  if (scaled !== undefined) return scaled;
  const bits = bitsAsNumbers(ours, reference);
  if (bits !== undefined) {
    const name = bits === "F16" ? "float16" : "bfloat16";
    const text = `every value is a whole number, the 16 bits of the other side's ${name} read as an integer`;
    return {
      cause: "dtype-misread",
      text,
      relation: `ours = integer(bits of other as ${bits})`,
      isHarmless: false,
      claim: { kind: "bits", dtype: bits },
    };
  }
  const codes = codesWithoutScales(ours, reference);
  if (codes === undefined) return codesWithZeroPoints(ours, reference);
  const { group, largest, step } = codes;
  const of = perGroup(group, ours);
  return {
    cause: "scaled",
    text: `every value is ${multiples(codes)}, which is ${step === 1 ? "" : "before that "}the other side's times ${of} and rounded: codes of a quantized tensor without their scales`,
    relation: `ours = ${step === 1 ? "" : `${Number(step.toPrecision(6))} · `}round(other · factor), ${of}`,
    isHarmless: false,
    claim: { kind: "codes", group, largest, step },
  };
}

/** Few lines may have a factor of their own: where most values are equal, it is looked for last. */
function ofScales(
  ours: HostTensor,
  reference: HostTensor,
  dtype: Dtype | undefined,
  headDim: number | undefined,
): Relation | undefined {
  const linear = linearRelation(ours, reference, unitOf(dtype) > 2 ** -24, headDim);
  if (linear === undefined) return undefined;
  const { kind, text, claim } = linear;
  return { cause: kind, text, relation: text, isHarmless: false, claim };
}

function ofRank(
  ours: HostTensor,
  reference: HostTensor,
  dtype: Dtype | undefined,
): Relation | undefined {
  if (ours.shape.length !== 2) return undefined;
  const unit = unitOf(dtype);
  const rank = deltaRank(ours, reference, unit);
  if (rank === undefined) return undefined;
  return {
    cause: "low-rank",
    text: `it is the other side's plus a matrix of rank ${rank}, as an adapter adds one`,
    relation: `ours = other + B·A, rank ${rank}`,
    isHarmless: false,
    claim: { kind: "low-rank", rank, unit },
  };
}

/** Whether more than half of the elements are others: fewer are damage, or rows of something else. */
function mostDiffer(ours: HostTensor, reference: HostTensor): boolean {
  let count = 0;
  for (let index = 0; index < ours.data.length; index++)
    if (ours.data[index] !== reference.data[index]) count++;
  return 2 * count > ours.data.length;
}

function ofOtherSize(
  ours: HostTensor,
  reference: HostTensor,
  config: ModelConfig | undefined,
): Relation | undefined {
  const blocks = config === undefined ? [] : [config.headDim];
  const found = rowsRelation(ours, reference, blocks);
  const byRows = found === undefined ? rowsRelation(reference, ours, blocks) : undefined;
  const relation = found ?? byRows;
  if (relation === undefined) return undefined;
  const text = found === undefined ? `seen from the other side: ${relation.text}` : relation.text;
  return {
    cause: relation.kind === "repeated" ? "duplicated" : "padded",
    text,
    relation: text,
    isHarmless: relation.isHarmless,
    claim: found === undefined ? { kind: "reversed", statement: relation.claim } : relation.claim,
  };
}

function ofOrder(
  ours: HostTensor,
  reference: HostTensor,
  { config, axes }: TensorContext,
): Relation | undefined {
  const rows = rowOrder(ours, reference);
  if (rows !== undefined && isPermutation(rows) && !isIdentity(rows))
    return nameOrder(rows, "rows", {
      config,
      over: axes?.[0],
      fits: (order) => hasOrder(ours, reference, order),
    });
  const shifted = axes?.[0] === "vocab" ? shiftedRows(ours, reference) : undefined;
  if (shifted !== undefined) return shifted;
  if (rows !== undefined && !isIdentity(rows)) return repeatedOrder(rows, "rows");
  if (ours.shape.length !== 2) return undefined;
  const columns = columnOrder(ours, reference);
  if (columns !== undefined && isPermutation(columns) && !isIdentity(columns))
    return nameOrder(columns, "columns", { config, over: axes?.[1] });
  if (columns !== undefined && !isIdentity(columns)) return repeatedOrder(columns, "columns");
  return partsRelation(ours, reference);
}
