import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import { transposed } from "../diagnose/tensor-edits.ts";
import { linearRelation } from "./linear.ts";
import { deltaRank } from "./low-rank.ts";
import { nameOrder } from "./name-order.ts";
import type { Relation } from "./relation.ts";
import { rowsRelation } from "./repeated.ts";
import { isIdentity, isPermutation, rowOrder } from "./row-order.ts";

/** Rounding unit of a dtype, for values that were computed and stored in it. */
function unitOf(dtype: Dtype | undefined): number {
  if (dtype === "BF16") return 2 ** -8;
  return dtype === "F16" ? 2 ** -11 : 2 ** -24;
}

/**
 * The relation of a tensor to the right one, solved from the values: factors and offsets, permutations of rows or columns, a
 * difference of low rank, blocks repeated or rows added. Undefined where none holds for every element.
 */
export function relate(
  ours: HostTensor,
  reference: HostTensor,
  config: ModelConfig | undefined,
  dtype: Dtype | undefined,
): Relation | undefined {
  if (ours.data.length !== reference.data.length) return ofOtherSize(ours, reference, config);
  if (ours.shape.join() !== reference.shape.join()) return undefined;
  const isAllOver = mostDiffer(ours, reference);
  const linear = isAllOver ? linearRelation(ours, reference, unitOf(dtype) > 2 ** -24) : undefined;
  if (linear !== undefined)
    return { cause: linear.kind, text: linear.text, relation: linear.text, isHarmless: false };
  const order = ofOrder(ours, reference, config);
  if (order !== undefined) return order;
  const rank =
    isAllOver && ours.shape.length === 2 ? deltaRank(ours, reference, unitOf(dtype)) : undefined;
  if (rank === undefined) return undefined;
  return {
    cause: "low-rank",
    text: `it is the other side's plus a matrix of rank ${rank}, as an adapter adds one`,
    relation: `ours = other + B·A, rank ${rank}`,
    isHarmless: false,
  };
}

/** Whether more than half of the elements are others: fewer are damage, or rows of something else. */
function mostDiffer(ours: HostTensor, reference: HostTensor): boolean {
  let count = 0;
  for (const [index, value] of ours.data.entries()) if (value !== reference.data[index]) count++;
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
  };
}

function ofOrder(
  ours: HostTensor,
  reference: HostTensor,
  config: ModelConfig | undefined,
): Relation | undefined {
  const rows = rowOrder(ours, reference);
  if (rows !== undefined && isPermutation(rows) && !isIdentity(rows))
    return nameOrder(rows, "rows", config);
  if (ours.shape.length !== 2) return undefined;
  const columns = rowOrder(transposed(ours), transposed(reference));
  if (columns !== undefined && isPermutation(columns) && !isIdentity(columns))
    return nameOrder(columns, "columns", config);
  return undefined;
}
