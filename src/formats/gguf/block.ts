import { f16ToF32Bits } from "../../tensor/float-bits.ts";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The little-endian binary16 number at byte `at`. */
export function half(bytes: DataView, at: number): number {
  bits[0] = f16ToF32Bits(bytes.getUint16(at, true));
  return float[0] ?? Number.NaN;
}

/** Gives the numbers of the block at byte `at`, in order, from index `begin` of `out` on. */
export type DecodeBlock = (bytes: DataView, at: number, out: Float32Array, begin: number) => void;
