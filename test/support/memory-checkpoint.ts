import { memorySource } from "../../src/sources/file.ts";
import { DTYPES, type Dtype } from "../../src/tensor/dtype.ts";
import { rowMajorStrides } from "../../src/tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../src/tensor/table.ts";

/** A stored tensor over bytes in memory; row-major unless strides are given. */
export function memoryTensor(
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  bytes: Uint8Array,
  facts: Partial<StoredTensor> = {},
): StoredTensor {
  return {
    name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    source: memorySource(bytes, `memory:${name}`),
    byteOffset: 0,
    byteOrder: "little",
    storage: name,
    ...facts,
  };
}

/** Bytes whose values tell their place: element i of seed s holds s + i, cut to the dtype's width. */
export function countingBytes(dtype: Dtype, count: number, seed = 0): Uint8Array {
  const width = DTYPES[dtype].bits / 8;
  const bytes = new Uint8Array(count * width);
  for (let index = 0; index < count; index++) {
    let value = BigInt(seed + index);
    for (let byte = 0; byte < width; byte++) {
      bytes[index * width + byte] = Number(value & 0xffn);
      value >>= 8n;
    }
  }
  return bytes;
}

export function memoryCheckpoint(
  tensors: readonly StoredTensor[],
  facts: Partial<Checkpoint> = {},
): Checkpoint {
  return {
    format: "safetensors",
    path: "memory",
    files: ["memory"],
    tensors,
    skipped: [],
    metadata: new Map(),
    close: () => Promise.resolve(),
    ...facts,
  };
}
