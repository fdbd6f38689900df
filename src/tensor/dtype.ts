/** What every place knows of a dtype. A column is null where its format has no such dtype; a new dtype is one row more. */
interface DtypeRow {
  readonly bits: number;
  readonly kind: "bool" | "uint" | "int" | "float" | "complex";
  readonly safetensors: boolean;
  /** torch's name, as `_rebuild_tensor_v3` spells it. */
  readonly torch: string | null;
  /** torch's typed storage, torch/storage.py of v2.6.0, `_dtype_to_storage_type_map`; others are kept untyped. */
  readonly storage: string | null;
  /** Elements that torch keeps in one byte-wide element of its own. */
  readonly torchPacked?: number;
  /** numpy's kind and bytes. */
  readonly numpy: string | null;
  /** numpy's code in Paddle's files, which keep bfloat16 as uint16. */
  readonly paddle: string | null;
  /** GGUF's tensor type (ggml.h, `enum ggml_type`). */
  readonly gguf: number | null;
  /**
   * What converting a number to it may lose, which tolerances come from: half a unit in the last place, and the smallest step near 0
   * where that is within the range of float32's normal numbers. Null where nothing is rounded, or no numbers are computed.
   */
  readonly rounding: { readonly relative: number; readonly smallest: number } | null;
}

/**
 * The element types, in safetensors' spelling and order (by alignment, which is its sort key:
 * huggingface/safetensors 24b0b28, safetensors/src/tensor.rs, `enum Dtype`), plus C32 and C128, which safetensors cannot hold.
 */
// prettier-ignore
export const DTYPES = {
  BOOL:        { bits: 8,   kind: "bool",    safetensors: true,  torch: "bool",             storage: "BoolStorage",          numpy: "b1",  paddle: "b1",  gguf: null, rounding: null },
  F4:          { bits: 4,   kind: "float",   safetensors: true,  torch: "float4_e2m1fn_x2", storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null, torchPacked: 2 },
  F6_E2M3:     { bits: 6,   kind: "float",   safetensors: true,  torch: null,               storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  F6_E3M2:     { bits: 6,   kind: "float",   safetensors: true,  torch: null,               storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  U8:          { bits: 8,   kind: "uint",    safetensors: true,  torch: "uint8",            storage: "ByteStorage",          numpy: "u1",  paddle: "u1",  gguf: null, rounding: null },
  I8:          { bits: 8,   kind: "int",     safetensors: true,  torch: "int8",             storage: "CharStorage",          numpy: "i1",  paddle: "i1",  gguf: 24, rounding: null },
  F8_E5M2:     { bits: 8,   kind: "float",   safetensors: true,  torch: "float8_e5m2",      storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: { relative: 2 ** -3, smallest: 2 ** -16 } },
  F8_E4M3:     { bits: 8,   kind: "float",   safetensors: true,  torch: "float8_e4m3fn",    storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: { relative: 2 ** -4, smallest: 2 ** -9 } },
  F8_E8M0:     { bits: 8,   kind: "float",   safetensors: true,  torch: "float8_e8m0fnu",   storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  F8_E4M3FNUZ: { bits: 8,   kind: "float",   safetensors: true,  torch: "float8_e4m3fnuz",  storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  F8_E5M2FNUZ: { bits: 8,   kind: "float",   safetensors: true,  torch: "float8_e5m2fnuz",  storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  I16:         { bits: 16,  kind: "int",     safetensors: true,  torch: "int16",            storage: "ShortStorage",         numpy: "i2",  paddle: "i2",  gguf: 25, rounding: null },
  U16:         { bits: 16,  kind: "uint",    safetensors: true,  torch: "uint16",           storage: null,                   numpy: "u2",  paddle: null,  gguf: null, rounding: null },
  F16:         { bits: 16,  kind: "float",   safetensors: true,  torch: "float16",          storage: "HalfStorage",          numpy: "f2",  paddle: "f2",  gguf: 1, rounding: { relative: 2 ** -11, smallest: 2 ** -24 } },
  BF16:        { bits: 16,  kind: "float",   safetensors: true,  torch: "bfloat16",         storage: "BFloat16Storage",      numpy: null,  paddle: "u2",  gguf: 30, rounding: { relative: 2 ** -8, smallest: 0 } },
  I32:         { bits: 32,  kind: "int",     safetensors: true,  torch: "int32",            storage: "IntStorage",           numpy: "i4",  paddle: "i4",  gguf: 26, rounding: null },
  U32:         { bits: 32,  kind: "uint",    safetensors: true,  torch: "uint32",           storage: null,                   numpy: "u4",  paddle: null,  gguf: null, rounding: null },
  F32:         { bits: 32,  kind: "float",   safetensors: true,  torch: "float32",          storage: "FloatStorage",         numpy: "f4",  paddle: "f4",  gguf: 0, rounding: { relative: 2 ** -24, smallest: 0 } },
  C32:         { bits: 32,  kind: "complex", safetensors: false, torch: "complex32",        storage: null,                   numpy: null,  paddle: null,  gguf: null, rounding: null },
  C64:         { bits: 64,  kind: "complex", safetensors: true,  torch: "complex64",        storage: "ComplexFloatStorage",  numpy: "c8",  paddle: "c8",  gguf: null, rounding: null },
  F64:         { bits: 64,  kind: "float",   safetensors: true,  torch: "float64",          storage: "DoubleStorage",        numpy: "f8",  paddle: "f8",  gguf: 28, rounding: { relative: 2 ** -53, smallest: 0 } },
  I64:         { bits: 64,  kind: "int",     safetensors: true,  torch: "int64",            storage: "LongStorage",          numpy: "i8",  paddle: "i8",  gguf: 27, rounding: null },
  U64:         { bits: 64,  kind: "uint",    safetensors: true,  torch: "uint64",           storage: null,                   numpy: "u8",  paddle: null,  gguf: null, rounding: null },
  C128:        { bits: 128, kind: "complex", safetensors: false, torch: "complex128",       storage: "ComplexDoubleStorage", numpy: "c16", paddle: "c16", gguf: null, rounding: null },
} as const satisfies Record<string, DtypeRow>;

/** The type of an element, as safetensors spells it; `C128` for complex128. */
export type Dtype = keyof typeof DTYPES;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPES, name);
}

/** All that is known of a dtype, with the columns that only some have. */
export function dtypeRow(dtype: Dtype): DtypeRow {
  return DTYPES[dtype];
}

/** The dtypes by one of their names: the way back from a column of the table. */
export function dtypesBy(
  column: "torch" | "storage" | "numpy" | "paddle",
): ReadonlyMap<string, Dtype> {
  const byName = new Map<string, Dtype>();
  for (const dtype of Object.keys(DTYPES)) {
    const name = isDtype(dtype) ? DTYPES[dtype][column] : null;
    if (isDtype(dtype) && name !== null) byName.set(name, dtype);
  }
  return byName;
}

/** Bytes of one element; sub-byte dtypes (F4, F6) have none and give undefined. */
export function bytesPerElement(dtype: Dtype): number | undefined {
  const { bits } = DTYPES[dtype];
  return bits % 8 === 0 ? bits / 8 : undefined;
}

/** Bytes that byte-swapping reverses as one unit: a complex number is two floats. */
export function swapUnitBytes(dtype: Dtype): number {
  const { bits, kind } = DTYPES[dtype];
  return Math.max(1, kind === "complex" ? bits / 16 : bits / 8);
}
