import type { PickleValue } from "./value.ts";

/**
 * What an honest checkpoint never reaches. A bomb is refused before it costs more than a small multiple of the file:
 * every opcode does constant work, and copies nothing but its own argument.
 */
export const PICKLE_LIMITS = {
  /** A 7B state dict takes about 15,000 opcodes; 10^5 tensors take about 4 million. */
  opcodes: 5_000_000,
  /** Values waiting on the stack; torch and paddle hand over batches of 1,000 entries. */
  stack: 1_000_000,
  /** Nested MARKs; nested containers of a real checkpoint stay below 20. */
  marks: 1000,
  /**
   * Bytes of memory that the values take, by rough count; a 7B state dict takes about half a megabyte, 10^5 tensors 150.
   * Millions of empty lists make a small file and a large heap.
   */
  heapBytes: 160 * 2 ** 20,
  /** Bytes of an integer; torch's magic number has 10. */
  longBytes: 1024,
} as const;

/** Bytes of memory that a value takes of its own, by rough count, apart from the place that holds it. */
export function heapBytesOf(value: PickleValue): number {
  if (value === null || typeof value === "boolean") return 0;
  if (typeof value === "number") return Number.isInteger(value) ? 0 : 16;
  if (typeof value === "string") return 32 + 2 * value.length;
  if (typeof value === "bigint") return 64;
  switch (value.kind) {
    case "reduce":
      return 160;
    case "tuple":
      return 64 + BYTES_PER_SLOT * value.items.length;
    case "list":
    case "dict":
    case "set":
      return 96;
    default:
      return 72;
  }
}

/** Bytes of a reference in an array. */
export const BYTES_PER_SLOT = 8;

/** Bytes of a dict's entry, a pair of its own. */
export const BYTES_PER_ENTRY = 96;

/** Bytes of an entry of the memo's table. */
export const BYTES_PER_MEMO = 48;

/** Longer text stays in the file as a range; the longest names of tensors have about 200 bytes. */
export const MAX_INLINE_TEXT_BYTES = 4096;
