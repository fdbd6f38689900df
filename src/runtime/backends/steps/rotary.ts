import type { RotaryPairs } from "../../../model/config/model-config.ts";
import type { Ops, Value } from "../ops.ts";

type HeadOps = Pick<Ops, "slice" | "concat" | "reshape" | "transpose">;

/** Rotated dimensions of a head, and which of them belong together. */
export interface RotatedPart {
  /** Its last axis has R elements. */
  readonly cos: Value;
  readonly pairs: RotaryPairs;
}

/** x · cos + rotateHalf(x) · sin, rotateHalf([x1, x2]) = [−x2, x1]; x [B, H, T, D], cos and sin [B or 1, 1, T, D]. */
export function rotateHalves(ops: Ops, x: Value, cos: Value, sin: Value): Value {
  const half = (x.shape.at(-1) ?? 0) / 2;
  const x1 = ops.slice(x, 3, 0, half); // [B, H, T, D/2]
  const x2 = ops.slice(x, 3, half, half); // [B, H, T, D/2]
  const swapped = ops.concat([ops.scale(x2, -1), x1], 3); // [B, H, T, D]
  return ops.add(ops.mul(x, cos), ops.mul(swapped, sin)); // [B, H, T, D]
}

/**
 * Rotates the first R dimensions of each head [B, H, T, D] by what rotates halves. Where neighbours are rotated together, those of each
 * pair are first brought as far apart as halves are, and stay so: queries and keys are only multiplied with each other, which no common
 * order changes.
 */
export function rotateHeads(
  ops: HeadOps,
  x: Value,
  { cos, pairs }: RotatedPart,
  rotate: (part: Value) => Value,
): Value {
  const size = x.shape[3] ?? 0;
  const rotated = cos.shape[3] ?? 0;
  const part = rotated === size ? x : ops.slice(x, 3, 0, rotated); // [B, H, T, R]
  const result = rotate(pairs === "halves" ? part : apart(ops, part)); // [B, H, T, R]
  if (rotated === size) return result;
  return ops.concat([result, ops.slice(x, 3, rotated, size - rotated)], 3); // [B, H, T, D]
}

/** Dimensions 0, 2, 4, … of the last axis before 1, 3, 5, … */
function apart(ops: HeadOps, x: Value): Value {
  const size = x.shape.at(-1) ?? 0;
  const rows = x.shape.slice(0, -1).reduce((product, length) => product * length, 1);
  const pairs = ops.reshape(x, [rows, size / 2, 2]);
  return ops.reshape(ops.transpose(pairs, [0, 2, 1]), x.shape);
}
