/**
 * The element types, in safetensors' spelling and order (by alignment, which is its sort key:
 * huggingface/safetensors 24b0b28, safetensors/src/tensor.rs, `enum Dtype`), plus C128, which safetensors cannot hold.
 */
export const DTYPES = {
  BOOL: { bits: 8, kind: "bool" },
  F4: { bits: 4, kind: "float" },
  F6_E2M3: { bits: 6, kind: "float" },
  F6_E3M2: { bits: 6, kind: "float" },
  U8: { bits: 8, kind: "uint" },
  I8: { bits: 8, kind: "int" },
  F8_E5M2: { bits: 8, kind: "float" },
  F8_E4M3: { bits: 8, kind: "float" },
  F8_E8M0: { bits: 8, kind: "float" },
  F8_E4M3FNUZ: { bits: 8, kind: "float" },
  F8_E5M2FNUZ: { bits: 8, kind: "float" },
  I16: { bits: 16, kind: "int" },
  U16: { bits: 16, kind: "uint" },
  F16: { bits: 16, kind: "float" },
  BF16: { bits: 16, kind: "float" },
  I32: { bits: 32, kind: "int" },
  U32: { bits: 32, kind: "uint" },
  F32: { bits: 32, kind: "float" },
  C64: { bits: 64, kind: "complex" },
  F64: { bits: 64, kind: "float" },
  I64: { bits: 64, kind: "int" },
  U64: { bits: 64, kind: "uint" },
  C128: { bits: 128, kind: "complex" },
} as const satisfies Record<
  string,
  { bits: number; kind: "bool" | "uint" | "int" | "float" | "complex" }
>;

/** The type of an element, as safetensors spells it; `C128` for complex128. */
export type Dtype = keyof typeof DTYPES;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPES, name);
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
