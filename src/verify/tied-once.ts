import type { Assembly } from "../mapping/assembly.ts";
import { sameShape } from "../tensor/shape.ts";
import type { DiffClass, TensorDiff } from "./compare/diff-checkpoints.ts";

const SAME: ReadonlySet<DiffClass> = new Set(["identical", "equalValues", "withinTolerance"]);

/**
 * Tensors that one side has under two names and the other under one: torch saves tied weights twice over one storage, safetensors
 * keeps one of them. Such a tensor is as equal as its twin is. Only the same elements of one storage count: equal values of two
 * tensors may be chance.
 */
export function tiedOnce(
  diffs: readonly TensorDiff[],
  left: ReadonlyMap<string, Assembly>,
  right: ReadonlyMap<string, Assembly>,
): readonly TensorDiff[] {
  const compared = diffs.filter(({ class: kind }) => SAME.has(kind));
  return diffs.map((diff) => {
    const side = diff.class === "onlyLeft" ? left : diff.class === "onlyRight" ? right : undefined;
    const assembly = side?.get(diff.name);
    if (side === undefined || assembly === undefined) return diff;
    const twin = compared.find(({ name }) => isSameMemory(assembly, side.get(name)));
    if (twin === undefined) return diff;
    const note = `tied to ${twin.name}, which the other side stores once`;
    return { ...twin, name: diff.name, note };
  });
}

function isSameMemory(one: Assembly, other: Assembly | undefined): boolean {
  const [left, ...more] = one.parts;
  const [right, ...others] = other?.parts ?? [];
  if (left === undefined || right === undefined || more.length + others.length > 0) return false;
  return (
    left.tensor.storage === right.tensor.storage &&
    left.tensor.byteOffset === right.tensor.byteOffset &&
    left.tensor.dtype === right.tensor.dtype &&
    left.elementOffset === right.elementOffset &&
    sameShape(left.shape, right.shape) &&
    sameShape(left.strides, right.strides)
  );
}
