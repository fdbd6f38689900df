import { WbError } from "../errors/wb-error.ts";
import { shownName } from "../tensor/shown-name.ts";
import { renderShape } from "../tensor/shape.ts";
import type { OutputTensor } from "./output-tensor.ts";

/** Times the bytes that are there to which a tensor may be written out: masks are expanded over a few heads. */
const MAX_TIMES = 16;
/** Bytes that may be written whatever they are made of. */
const FREE_BYTES = 64 * 2 ** 20;

/** Refuses tensors that strides of 0 make out of next to nothing. @throws WbError WB4904. */
export function refuseExpansion(tensors: readonly OutputTensor[]): void {
  for (const { name, dtype, shape, byteLength, step } of tensors) {
    if (byteLength <= FREE_BYTES) continue;
    const { parts } = step.assembly;
    const all = parts.reduce((sum, part) => sum + product(part.shape), 0);
    const own = parts.reduce((sum, part) => {
      const kept = part.shape.filter((_size, axis) => part.strides[axis] !== 0);
      return sum + product(kept);
    }, 0);
    if (all <= MAX_TIMES * own) continue;
    throw new WbError(
      "WB4904",
      `tensor ${shownName(name)} (${dtype} ${renderShape(shape)}) repeats ${own} elements up to ${all}: ${byteLength} bytes would be written`,
      { details: { tensor: name, elements: own, expanded: all } },
    );
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
