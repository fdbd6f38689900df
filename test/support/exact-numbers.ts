/** Numbers that every dtype of a weight holds exactly, so that a kernel's sums can be held against float64. */

export type StoredDtype = "F16" | "BF16" | "F32";

/** Makes the same numbers in every run: sixteenths between −1 and 1. */
export function sixteenths(seed: number): (count: number) => Float32Array {
  let state = seed;
  return (count) =>
    Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return ((state >>> 16) % 33) / 16 - 1;
    });
}

/** The bytes of numbers that the dtype holds exactly; no subnormal ones. */
export function bytesOf(numbers: Float32Array, dtype: StoredDtype): Uint8Array {
  if (dtype === "F32") return new Uint8Array(numbers.slice().buffer);
  const bits = new Uint32Array(numbers.slice().buffer);
  const halves = Uint16Array.from(bits, (word) => {
    if (dtype === "BF16") return word >>> 16;
    const exponent = ((word >>> 23) & 255) - 112;
    if (exponent <= 0) return 0;
    return ((word >>> 16) & 0x8000) | (exponent << 10) | ((word >>> 13) & 0x3ff);
  });
  return new Uint8Array(halves.buffer);
}

/** A matrix [rows, columns] as [columns, rows]. */
export function transposeOf(data: Float32Array, rows: number, columns: number): Float32Array {
  return data.map((_, index) => data[(index % rows) * columns + Math.floor(index / rows)] ?? 0);
}
