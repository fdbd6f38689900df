import { DTYPES, type Dtype } from "./dtype.ts";
import { bf16ToF32Bits, f16ToF32Bits } from "./float-bits.ts";

const tables = new Map<Dtype, Float32Array>();

/** Values of all patterns of a narrow dtype, made once. */
function tableOf(dtype: Dtype, size: number, bitsOf: (pattern: number) => number): Float32Array {
  const known = tables.get(dtype);
  if (known !== undefined) return known;
  const table = new Float32Array(
    Uint32Array.from({ length: size }, (_unused, pattern) => bitsOf(pattern)).buffer,
  );
  tables.set(dtype, table);
  return table;
}

/** float32 bits of an 8-bit float: both OCP formats are binary16 with fewer bits, E4M3 without infinities. */
function f8Bits(pattern: number, dtype: "F8_E5M2" | "F8_E4M3"): number {
  if (dtype === "F8_E5M2") return f16ToF32Bits(pattern << 8);
  const sign = (pattern & 0x80) << 24;
  const magnitude = pattern & 0x7f;
  if (magnitude === 0x7f) return (sign | 0x7fc00000) >>> 0;
  const exponent = magnitude >>> 3;
  const mantissa = magnitude & 7;
  if (exponent === 0) {
    const value = new Float32Array([mantissa * 2 ** -9]);
    return (sign | (new Uint32Array(value.buffer)[0] ?? 0)) >>> 0;
  }
  return (sign | ((exponent + 120) << 23) | (mantissa << 20)) >>> 0;
}

/**
 * Little-endian elements as float64, exact but for 64-bit integers beyond 2^53; complex numbers as two values each.
 * Undefined for dtypes that have no numbers (sub-byte floats and scales).
 * @param bytes Its offset a multiple of the element's width.
 */
export function decodeValues(bytes: Uint8Array, dtype: Dtype): Float64Array | undefined {
  const { buffer, byteOffset } = bytes;
  const length = bytes.byteLength / (DTYPES[dtype].bits / 8);
  switch (dtype) {
    case "F16":
      return looked(
        tableOf(dtype, 65_536, f16ToF32Bits),
        new Uint16Array(buffer, byteOffset, length),
      );
    case "BF16":
      return looked(
        tableOf(dtype, 65_536, bf16ToF32Bits),
        new Uint16Array(buffer, byteOffset, length),
      );
    case "F8_E5M2":
    case "F8_E4M3":
      return looked(
        tableOf(dtype, 256, (pattern) => f8Bits(pattern, dtype)),
        bytes,
      );
    case "F32":
      return Float64Array.from(new Float32Array(buffer, byteOffset, length));
    case "F64":
      return Float64Array.from(new Float64Array(buffer, byteOffset, length));
    case "C32":
      return looked(
        tableOf("F16", 65_536, f16ToF32Bits),
        new Uint16Array(buffer, byteOffset, 2 * length),
      );
    case "C64":
      return Float64Array.from(new Float32Array(buffer, byteOffset, 2 * length));
    case "C128":
      return Float64Array.from(new Float64Array(buffer, byteOffset, 2 * length));
    case "BOOL":
    case "U8":
      return Float64Array.from(bytes);
    case "I8":
      return Float64Array.from(new Int8Array(buffer, byteOffset, length));
    case "I16":
      return Float64Array.from(new Int16Array(buffer, byteOffset, length));
    case "U16":
      return Float64Array.from(new Uint16Array(buffer, byteOffset, length));
    case "I32":
      return Float64Array.from(new Int32Array(buffer, byteOffset, length));
    case "U32":
      return Float64Array.from(new Uint32Array(buffer, byteOffset, length));
    case "I64":
      return Float64Array.from(new BigInt64Array(buffer, byteOffset, length), Number);
    case "U64":
      return Float64Array.from(new BigUint64Array(buffer, byteOffset, length), Number);
    default:
      return undefined;
  }
}

/**
 * The same as float32, rounded where the dtype is finer.
 * @returns of float32 itself the memory of `bytes`.
 */
export function decodeFloats(bytes: Uint8Array, dtype: Dtype): Float32Array | undefined {
  const { buffer, byteOffset } = bytes;
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, bytes.byteLength / 4);
  if (dtype === "F16" || dtype === "BF16") {
    const table = tableOf(dtype, 65_536, dtype === "F16" ? f16ToF32Bits : bf16ToF32Bits);
    const halves = new Uint16Array(buffer, byteOffset, bytes.byteLength / 2);
    const values = new Float32Array(halves.length);
    for (let index = 0; index < halves.length; index++)
      values[index] = table[halves[index] ?? 0] ?? 0;
    return values;
  }
  const values = decodeValues(bytes, dtype);
  return values === undefined ? undefined : new Float32Array(values);
}

function looked(table: Float32Array, patterns: Uint8Array | Uint16Array): Float64Array {
  const values = new Float64Array(patterns.length);
  for (let index = 0; index < patterns.length; index++)
    values[index] = table[patterns[index] ?? 0] ?? 0;
  return values;
}
