import { blockType } from "../../../formats/gguf/block-types.ts";
import type { Activations, QuantisedWeights } from "../ops.ts";
import type { NativeCalls } from "./calls.ts";

/** Bytes of a block in a panel where they are more than the file's: scales of groups are whole bytes there (`BlockShape::packed`). */
const PACKED_BYTES: ReadonlyMap<string, number> = new Map([
  ["Q2_K", 100],
  ["Q3_K", 114],
  ["Q4_K", 148],
  ["Q5_K", 180],
  ["IQ4_XS", 138],
]);

/** Quantised matrices as the native kernels keep them: in panels of blocks, made float32 or integers in registers. */
export function nativeQuantised(calls: NativeCalls, activations: Activations): QuantisedWeights {
  return {
    activations,
    elementBytes: (name) => {
      const type = blockType(name);
      if (type === undefined || !calls.packsBlocks(name)) return undefined;
      return (PACKED_BYTES.get(name) ?? type.bytes) / type.elements;
    },
    upload: ({ type, bytes, shape }) =>
      calls.packBlocks(bytes, type, shape, activations === "int8"),
  };
}
