import { ggufBytes } from "./gguf-bytes.ts";

/** An entry of an importance matrix: calls, and a sum for each column. */
export interface WrittenImportance {
  readonly name: string;
  readonly calls: number;
  readonly sums: readonly number[];
}

/** An importance matrix in llama-imatrix's old form. */
export function importanceBytes(
  entries: readonly WrittenImportance[],
  rest = Buffer.alloc(0),
): Buffer {
  return Buffer.concat([
    int(entries.length),
    ...entries.flatMap(({ name, calls, sums }) => [
      int(Buffer.byteLength(name)),
      Buffer.from(name),
      int(calls),
      int(sums.length),
      Buffer.from(Float32Array.from(sums).buffer),
    ]),
    rest,
  ]);
}

/** A little-endian int32. */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** A tensor of floats of the new form. */
export interface WrittenFloats {
  readonly name: string;
  readonly numbers: readonly number[];
  /** ggml's number of the type; float32 where it is left out. */
  readonly type?: number;
}

/** A GGUF file of such tensors, aligned as they are there. */
export function floatsFile(tensors: readonly WrittenFloats[]): Uint8Array {
  const parts = tensors.map(({ numbers }) => {
    const bytes = Buffer.alloc(Math.ceil((4 * numbers.length) / 32) * 32);
    for (const [index, number] of numbers.entries()) bytes.writeFloatLE(number, 4 * index);
    return bytes;
  });
  let offset = 0;
  const entries = tensors.map(({ name, numbers, type = 0 }, index) => {
    const entry = { name, dimensions: [numbers.length], type, offset };
    offset += parts[index]?.byteLength ?? 0;
    return entry;
  });
  return ggufBytes({ tensors: entries, data: Buffer.concat(parts) });
}
