import { DTYPES } from "../tensor/dtype.ts";
import { isContiguous, type Assembly } from "./assembly.ts";

/** Bytes of a source that are a logical tensor's own, one after another. */
export interface PlainRange {
  /** Of the tensor's first byte in the source. */
  readonly begin: number;
  /** Fills `target` with the source's bytes from `begin`. */
  readNow(begin: number, target: Uint8Array): void;
}

/** Where a tensor's bytes are as they are wanted, in a source that can be read at once; undefined where they do not. */
export function plainRange(assembly: Assembly): PlainRange | undefined {
  const [part] = assembly.parts;
  if (!isContiguous(assembly) || part === undefined) return undefined;
  const { source, byteOffset, byteOrder } = part.tensor;
  const itemBytes = DTYPES[assembly.dtype].bits / 8;
  if (source.readNow === undefined || (byteOrder === "big" && itemBytes > 1)) return undefined;
  return {
    begin: byteOffset + part.elementOffset * itemBytes,
    readNow: (begin, target) => source.readNow?.(begin, target),
  };
}
