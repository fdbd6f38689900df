import type { Dtype } from "../tensor/dtype.ts";
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
 * A logical tensor put together from windows that lie side by side along `axis`. Copying, transposing, splitting a
 * fused weight and merging tensor-parallel parts are all assemblies; so is a tensor as it lies (one part).
 */
export interface Assembly {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly axis: number;
  /** At least one; shapes agree except along `axis`, where they add up. */
  readonly parts: readonly TensorView[];
}
