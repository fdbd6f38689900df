import type { HostTensor } from "../compare/model-runner.ts";

/** Axes of the tensors that are looked at: matrices of experts have three. */
export const MAX_AXES = 4;

/** Every order of so many axes. */
export function axisOrders(count: number): readonly (readonly number[])[] {
  if (count === 0) return [[]];
  return axisOrders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_unused, at) => order.toSpliced(at, 0, count - 1)),
  );
}

/** The tensor whose axis i is axis `axes[i]` of another one. */
export function withAxes({ shape, data }: HostTensor, axes: readonly number[]): HostTensor {
  const sizes = axes.map((axis) => shape[axis] ?? 1);
  const strides = axes.map((axis) =>
    shape.slice(axis + 1).reduce((product, size) => product * size, 1),
  );
  const result = new Float32Array(data.length);
  const at = axes.map(() => 0);
  let from = 0;
  for (let index = 0; index < result.length; index++) {
    result[index] = data[from] ?? 0;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (sizes[axis] ?? 1)) {
        at[axis] = next;
        break;
      }
      from -= (sizes[axis] ?? 1) * (strides[axis] ?? 0);
      at[axis] = 0;
    }
  }
  return { shape: sizes, data: result };
}
