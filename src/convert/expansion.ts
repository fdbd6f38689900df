import { WbError } from "../errors/wb-error.ts";
import { shownName } from "../tensor/shown-name.ts";
import { renderShape } from "../tensor/shape.ts";
import { DTYPES } from "../tensor/dtype.ts";
import type { OutputTensor } from "./output-tensor.ts";

/** Times the bytes that are there to which a tensor may be written out: masks are expanded over a few heads. */
const MAX_TIMES = 16;
/** Bytes that may be written whatever they are made of. */
const FREE_BYTES = 64 * 2 ** 20;

/** Refuses tensors that strides of 0, or the zeros of a sparse tensor, make out of next to nothing. @throws WbError WB4904. */
export function refuseExpansion(tensors: readonly OutputTensor[]): void {
  for (const { name, dtype, shape, byteLength, step } of tensors) {
    if (byteLength <= FREE_BYTES) continue;
    const { parts } = step.assembly;
    const all = parts.reduce((sum, part) => sum + product(part.shape), 0);
    const own = parts.reduce((sum, part) => {
      const { form, dtype: stored } = part.tensor;
      // As many as fill the bytes that the file has of it.
      if (form?.kind === "sparse") return sum + (form.byteLength * 8) / DTYPES[stored].bits;
      const kept = part.shape.filter((_size, axis) => part.strides[axis] !== 0);
      return sum + product(kept);
    }, 0);
    if (all <= MAX_TIMES * own) continue;
    throw new WbError(
      "WB4904",
      `tensor ${shownName(name)} (${dtype} ${renderShape(shape)}) expands ${own} elements to ${all}: ${byteLength} bytes would be written`,
      { details: { tensor: name, elements: own, expanded: all } },
    );
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
