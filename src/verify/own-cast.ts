import type { Dtype } from "../tensor/dtype.ts";
import type { TensorDiff } from "./compare/diff-checkpoints.ts";
import type { ComputeKind } from "./compare/tolerance.ts";
import { coarserCompute } from "./golden/arithmetic.ts";

/** Float dtypes that people store weights in on purpose, and what rounds as they do. */
const STORED: ReadonlyMap<Dtype, ComputeKind> = new Map([
  ["F16", "f16"],
  ["BF16", "bf16"],
]);

/**
 * What one checkpoint's weights were rounded to, where that is all that tells it from the other: the coarsest float dtype that a
 * rounded tensor is stored in. Undefined where nothing is rounded, anything differs otherwise, or values are rounded more coarsely
 * than their dtype, which no cast of the file explains.
 */
export function ownCast(diffs: readonly TensorDiff[]): ComputeKind | undefined {
  const rounded = diffs.filter(({ class: kind }) => kind === "withinTolerance");
  const others = diffs.filter((diff) => !rounded.includes(diff));
  if (rounded.length === 0 || others.some(({ class: kind }) => !SAME.has(kind))) return undefined;
  const kinds = rounded.map(({ dtypes }) => storedKind(dtypes));
  return kinds.includes("f32") ? undefined : kinds.reduce(coarserCompute);
}

const SAME: ReadonlySet<TensorDiff["class"]> = new Set(["identical", "equalValues"]);

function storedKind(dtypes: readonly Dtype[]): ComputeKind {
  return dtypes.map((dtype) => STORED.get(dtype) ?? "f32").reduce(coarserCompute);
}
