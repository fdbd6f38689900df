import type { Dtype } from "../tensor/dtype.ts";
import { isRowMajor } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";

/** A strided window on one stored tensor; nothing is read. */
export interface TensorView {
  readonly tensor: StoredTensor;
  /** Elements from the tensor's first element (index 0, 0, …) to the window's. */
  readonly elementOffset: number;
  readonly shape: readonly number[];
  /** In elements of the storage; a transposed window has its strides swapped. */
  readonly strides: readonly number[];
}

/**
 * A logical tensor put together from windows that are side by side along `axis`. Copying, transposing, splitting a
 * fused weight and merging tensor-parallel parts are all assemblies; so is a tensor as stored (one part).
 */
export interface Assembly {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly axis: number;
  /** At least one; shapes agree except along `axis`, where they add up. */
  readonly parts: readonly TensorView[];
}

/** All of a stored tensor. */
export function wholeView(tensor: StoredTensor): TensorView {
  return { tensor, elementOffset: 0, shape: tensor.shape, strides: tensor.strides };
}

/** The window with its two axes swapped; vectors and scalars as they are. */
export function transposedView(view: TensorView): TensorView {
  return { ...view, shape: view.shape.toReversed(), strides: view.strides.toReversed() };
}

/** Every `step`-th of `size` indices from `begin` along one axis. */
export function slicedView(
  view: TensorView,
  axis: number,
  begin: number,
  size: number,
  step = 1,
): TensorView {
  return {
    ...view,
    elementOffset: view.elementOffset + begin * (view.strides[axis] ?? 0),
    shape: view.shape.map((length, at) => (at === axis ? size : length)),
    strides: view.strides.map((stride, at) => (at === axis ? stride * step : stride)),
  };
}

/** Windows side by side along `axis`; at least one. */
export function concatViews(parts: readonly TensorView[], axis: number): Assembly {
  const [first] = parts;
  const total = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 1), 0);
  return {
    dtype: first?.tensor.dtype ?? "F32",
    shape: first?.shape.map((size, at) => (at === axis ? total : size)) ?? [],
    axis,
    parts,
  };
}

/** One window as a logical tensor. */
export function assemblyOf(view: TensorView): Assembly {
  return concatViews([view], 0);
}

/** The logical tensor with its two axes swapped; vectors as they are. */
export function transposedAssembly(assembly: Assembly): Assembly {
  const last = assembly.shape.length - 1;
  return {
    ...assembly,
    shape: assembly.shape.toReversed(),
    axis: last < 0 ? 0 : last - assembly.axis,
    parts: assembly.parts.map(transposedView),
  };
}

/** True when the logical tensor's bytes follow one another in one place. */
export function isContiguous(assembly: Assembly): boolean {
  const [part] = assembly.parts;
  return assembly.parts.length === 1 && part !== undefined && isRowMajor(part.shape, part.strides);
}

/** True when the window has the stored tensor's own elements in its own order of axes. */
export function isWhole(view: TensorView): boolean {
  return (
    view.elementOffset === 0 &&
    view.shape.length === view.tensor.shape.length &&
    view.shape.every((size, axis) => size === view.tensor.shape[axis]) &&
    view.strides.every(
      (stride, axis) => stride === view.tensor.strides[axis] || view.shape[axis] === 1,
    )
  );
}

/** Rows `begin` to `end` (not included) of a logical tensor, as another; nothing is read. */
export function narrowRows(assembly: Assembly, begin: number, end: number): Assembly {
  const shape = [end - begin, ...assembly.shape.slice(1)];
  if (assembly.axis !== 0) {
    return { ...assembly, shape, parts: assembly.parts.map((part) => rowsOf(part, begin, end)) };
  }
  const parts: TensorView[] = [];
  let position = 0;
  for (const part of assembly.parts) {
    const size = part.shape[0] ?? 1;
    const first = Math.max(begin, position);
    const last = Math.min(end, position + size);
    if (first < last) parts.push(rowsOf(part, first - position, last - position));
    position += size;
  }
  return { ...assembly, shape, parts };
}

function rowsOf(view: TensorView, begin: number, end: number): TensorView {
  return {
    ...view,
    elementOffset: view.elementOffset + begin * (view.strides[0] ?? 0),
    shape: [end - begin, ...view.shape.slice(1)],
  };
}
