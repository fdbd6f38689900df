import { elementCount } from "../tensor/shape.ts";
import type { TensorView } from "./assembly.ts";

/**
 * A window whose elements are in at most this many times their own bytes is read in one piece; one that is further apart is
 * read run by run.
 */
const SPAN_SLACK = 2;

/** A window that is read in one piece. */
export interface Run extends TensorView {
  /** Index of its first element in the window that it is part of, one number an axis. */
  readonly index: readonly number[];
  /** Elements of the storage from its first to its last, both included. */
  readonly spanElements: number;
}

/**
 * Cuts a window that is scattered over much more of the file than it has elements into windows that are not: along the axis
 * with the longest stride, as often as needed. A transposed matrix of which a band of columns is wanted becomes one
 * window a row of the file.
 */
export function runsOf(view: TensorView): readonly Run[] {
  const count = elementCount(view.shape) ?? 0;
  const spanElements = elementsTo(
    view.shape.map((size) => size - 1),
    view.strides,
  );
  if (spanElements < SPAN_SLACK * count) {
    return [{ ...view, index: view.shape.map(() => 0), spanElements: spanElements + 1 }];
  }
  const longest = view.strides.reduce(
    (best, stride, axis) =>
      (view.shape[axis] ?? 1) > 1 && (best < 0 || stride > (view.strides[best] ?? 0)) ? axis : best,
    -1,
  );
  const size = view.shape[longest] ?? 1;
  const stride = view.strides[longest] ?? 0;
  const shape = view.shape.map((length, axis) => (axis === longest ? 1 : length));
  const runs: Run[] = [];
  for (let step = 0; step < size; step++) {
    const slice = { ...view, shape, elementOffset: view.elementOffset + step * stride };
    for (const run of runsOf(slice)) {
      runs.push({
        ...run,
        index: run.index.map((value, axis) => (axis === longest ? step : value)),
      });
    }
  }
  return runs;
}

/** Elements of a storage from a window's first element to the one at `index`. */
export function elementsTo(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, value, axis) => sum + value * (strides[axis] ?? 0), 0);
}
