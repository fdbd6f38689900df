import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../tensor/float-bits.ts";

/** Adds elements onto others of the same dtype; offsets and count in elements, both buffers little-endian and aligned. */
export type Adder = (
  target: Uint8Array,
  targetAt: number,
  values: Uint8Array,
  valuesAt: number,
  count: number,
) => void;

/**
 * The sum of two elements in their dtype: halves are added as float32 and rounded each time, integers wrap, truth values are joined by or, as
 * torch adds up the entries of a sparse tensor that are at one place.
 * @throws WbError WB4301 for dtypes in which torch adds nothing.
 */
export function adderOf(dtype: Dtype, where: string): Adder {
  switch (dtype) {
    case "F32":
    case "C64":
      return typed((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset), dtype === "C64");
    case "F64":
    case "C128":
      return typed((bytes) => new Float64Array(bytes.buffer, bytes.byteOffset), dtype === "C128");
    case "F16":
    case "C32":
      return halves(f16ToF32Bits, f32BitsToF16, dtype === "C32");
    case "BF16":
      return halves(bf16ToF32Bits, f32BitsToBf16, false);
    case "U8":
      return typed((bytes) => bytes, false);
    case "I8":
      return typed((bytes) => new Int8Array(bytes.buffer, bytes.byteOffset), false);
    case "U16":
    case "I16":
      return typed((bytes) => new Int16Array(bytes.buffer, bytes.byteOffset), false);
    case "U32":
    case "I32":
      return typed((bytes) => new Int32Array(bytes.buffer, bytes.byteOffset), false);
    case "U64":
    case "I64":
      return longs;
    case "BOOL":
      return joined;
    default:
      throw new WbError("WB4301", `${where}: sparse in ${dtype}, which torch does not add`, {
        details: { where },
      });
  }
}

/** Numbers of a typed array, two to an element where they are complex. */
function typed(
  view: (bytes: Uint8Array) => {
    [index: number]: number;
  },
  isComplex: boolean,
): Adder {
  const parts = isComplex ? 2 : 1;
  return (target, targetAt, values, valuesAt, count) => {
    const [sums, added] = [view(target), view(values)];
    for (let at = 0; at < count * parts; at++) {
      const place = targetAt * parts + at;
      sums[place] = (sums[place] ?? Number.NaN) + (added[valuesAt * parts + at] ?? Number.NaN);
    }
  };
}

function halves(
  widen: (half: number) => number,
  round: (bits: number) => number,
  isComplex: boolean,
): Adder {
  const parts = isComplex ? 2 : 1;
  const bits = new Uint32Array(2);
  const floats = new Float32Array(bits.buffer);
  return (target, targetAt, values, valuesAt, count) => {
    const sums = new Uint16Array(target.buffer, target.byteOffset);
    const added = new Uint16Array(values.buffer, values.byteOffset);
    for (let at = 0; at < count * parts; at++) {
      const place = targetAt * parts + at;
      bits[0] = widen(sums[place] ?? 0);
      bits[1] = widen(added[valuesAt * parts + at] ?? 0);
      sums[place] = round(f32Bits((floats[0] ?? Number.NaN) + (floats[1] ?? Number.NaN)));
    }
  };
}

const longs: Adder = (target, targetAt, values, valuesAt, count) => {
  const sums = new BigInt64Array(target.buffer, target.byteOffset);
  const added = new BigInt64Array(values.buffer, values.byteOffset);
  for (let at = 0; at < count; at++)
    sums[targetAt + at] = (sums[targetAt + at] ?? 0n) + (added[valuesAt + at] ?? 0n);
};

const joined: Adder = (target, targetAt, values, valuesAt, count) => {
  for (let at = 0; at < count; at++) if (values[valuesAt + at] !== 0) target[targetAt + at] = 1;
};
