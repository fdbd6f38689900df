import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { f16ToF32Bits } from "../../tensor/float-bits.ts";

/** Side of the square blocks of a transposing cast: two blocks of 64 × 64 float32 fit into a 32 KiB cache. */
const TILE = 64;

/** The dtypes that a parameter may be stored in. */
export type WeightDtype = "F16" | "BF16" | "F32" | "F64";

const WEIGHT_DTYPES: ReadonlySet<Dtype> = new Set(["F16", "BF16", "F32", "F64"]);

export function isWeightDtype(dtype: Dtype): dtype is WeightDtype {
  return WEIGHT_DTYPES.has(dtype);
}

/** @throws WbError WB4780. */
export function checkWeightDtype(dtype: Dtype, name: string): WeightDtype {
  if (isWeightDtype(dtype)) return dtype;
  throw new WbError(
    "WB4780",
    `${name}: expected a weight of dtype F16, BF16, F32 or F64, found ${dtype}`,
    { details: { tensor: name, dtype } },
  );
}

let halfTable: Float32Array | undefined;

/** float32 of each binary16 pattern; 256 KiB, made once. */
function f16Table(): Float32Array {
  if (halfTable === undefined) {
    const bits = new Uint32Array(65536);
    for (let pattern = 0; pattern < bits.length; pattern++) bits[pattern] = f16ToF32Bits(pattern);
    halfTable = new Float32Array(bits.buffer);
  }
  return halfTable;
}

/**
 * Little-endian elements as float32: exact for F16, BF16 and F32, rounded for F64.
 */
export function toFloat32(bytes: Uint8Array, dtype: WeightDtype): Float32Array<ArrayBuffer> {
  const target = new Float32Array(bytes.byteLength / BYTES[dtype]);
  castInto(elementsOf(bytes, dtype), dtype, target);
  return target;
}

/** As `toFloat32` for a matrix that is stored as [columns, rows], row-major; gives [rows, columns]. */
export function toFloat32Transposed(
  bytes: Uint8Array,
  dtype: WeightDtype,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const target = new Float32Array(rows * columns);
  const line = new Float32Array(TILE);
  const source = elementsOf(bytes, dtype);
  for (let rowBegin = 0; rowBegin < rows; rowBegin += TILE) {
    const rowEnd = Math.min(rows, rowBegin + TILE);
    for (let column = 0; column < columns; column++) {
      const begin = column * rows + rowBegin;
      castInto(source.subarray(begin, begin + rowEnd - rowBegin), dtype, line);
      for (let row = rowBegin; row < rowEnd; row++) {
        target[row * columns + column] = line[row - rowBegin] ?? 0;
      }
    }
  }
  return target;
}

const BYTES: Readonly<Record<WeightDtype, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

type Elements = Uint16Array | Float32Array | Float64Array;

/** The bytes as an array of elements; copied when they do not begin at a multiple of the element's size. */
function elementsOf(bytes: Uint8Array, dtype: WeightDtype): Elements {
  const aligned = bytes.byteOffset % BYTES[dtype] === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset, byteLength } = aligned;
  switch (dtype) {
    case "F16":
    case "BF16":
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    case "F32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "F64":
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    default:
      return dtype satisfies never;
  }
}

function castInto(source: Elements, dtype: WeightDtype, target: Float32Array<ArrayBuffer>): void {
  if (dtype === "F16") {
    const table = f16Table();
    for (let index = 0; index < source.length; index++) {
      target[index] = table[source[index] ?? 0] ?? 0;
    }
  } else if (dtype === "BF16") {
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let index = 0; index < source.length; index++) bits[index] = (source[index] ?? 0) << 16;
  } else {
    target.set(source);
  }
}
