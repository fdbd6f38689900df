import type { NameReader } from "../model/names/read.ts";
import { sliceOf } from "../model/names/stacks.ts";
import { madeSource } from "../sources/made-source.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import { rowMajorStrides } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import { concatViews, narrowRows, wholeView, type Assembly, type TensorView } from "./assembly.ts";
import { readAssembly } from "./read-assembly.ts";

/** A tensor in which experts are stacked as one tensor for each of them; any other as it is. Nothing is read. */
export function unstacked(tensor: StoredTensor, reader: NameReader): readonly StoredTensor[] {
  const { name, shape, strides, byteOffset, dtype } = tensor;
  const [count = 0, ...rest] = shape;
  const slice = rest.length === 2 ? reader.slices(name) : undefined;
  if (slice === undefined) return [tensor];
  const bytes = (bytesPerElement(dtype) ?? Number.NaN) * (strides[0] ?? 0);
  return Array.from({ length: count }, (_unused, expert) => ({
    ...tensor,
    name: slice(expert),
    storedName: name,
    shape: rest,
    strides: strides.slice(1),
    byteOffset: byteOffset + expert * bytes,
    storage: slice(expert),
  }));
}

/** A tensor under a writer's name. */
interface Named<Part> {
  readonly name: string;
  readonly assembly: Assembly;
  /** What it is made of. */
  readonly of: readonly Part[];
}

/** Slices of stacks as whole stacks, each in the place of its first expert. */
export function stacked<Part, T extends Named<Part>>(named: readonly T[]): readonly T[] {
  const slices = named.map((tensor) => ({ tensor, slice: sliceOf(tensor.name) }));
  const stacks = new Map<string, T[]>();
  for (const { tensor, slice } of slices) {
    if (slice === undefined) continue;
    const stack = stacks.get(slice.stack) ?? [];
    stacks.set(slice.stack, stack);
    stack[slice.expert] = tensor;
  }
  return slices.flatMap(({ tensor, slice }) => {
    if (slice === undefined) return [tensor];
    if (slice.expert !== 0) return [];
    const experts = stacks.get(slice.stack) ?? [];
    return [
      {
        ...tensor,
        name: slice.stack,
        assembly: stackedAssembly(experts.map(({ assembly }) => assembly)),
        of: experts.flatMap(({ of }) => of),
      },
    ];
  });
}

/** Matrices one behind another, along an axis of their own. */
function stackedAssembly(matrices: readonly Assembly[]): Assembly {
  const parts = matrices.map((matrix) => {
    const view = oneView(matrix);
    return { ...view, shape: [1, ...view.shape], strides: [0, ...view.strides] };
  });
  return concatViews(parts, 0);
}

/** A matrix of several windows, such as a gate and an up projection, as a window on a tensor that is read out of them. */
function oneView(matrix: Assembly): TensorView {
  const [only] = matrix.parts;
  if (only !== undefined && matrix.parts.length === 1) return only;
  const { shape, dtype } = matrix;
  const rowBytes = (bytesPerElement(dtype) ?? Number.NaN) * (shape[1] ?? 0);
  const label = matrix.parts.map(({ tensor }) => tensor.name).join(", ");
  const source = madeSource(
    { label, byteLength: (shape[0] ?? 0) * rowBytes },
    async (begin, target) => {
      const first = Math.floor(begin / rowBytes);
      const end = Math.ceil((begin + target.byteLength) / rowBytes);
      const bytes = await readAssembly(narrowRows(matrix, first, end));
      const skipped = begin - first * rowBytes;
      target.set(bytes.subarray(skipped, skipped + target.byteLength));
    },
  );
  return wholeView({
    name: label,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    storage: label,
    source,
    byteOffset: 0,
    byteOrder: "little",
  });
}
