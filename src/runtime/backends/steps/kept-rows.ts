import type { Value } from "../ops.ts";
import type { PlainAttention } from "./limited-attention.ts";

/** The rows of a cache that stay as new ones come: `keep` of them, all where it is undefined. */
export function keptRows(
  firstRows: PlainAttention["firstRows"],
  rows: Value | undefined,
  keep: number | undefined,
): Value | undefined {
  if (rows === undefined || keep === undefined || keep === rows.shape[2]) return rows;
  return keep === 0 ? undefined : firstRows(rows, keep);
}
