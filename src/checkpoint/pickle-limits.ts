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
  /** Memo entries; at most one an opcode in honest files. */
  memo: 4_000_000,
  /** Bytes of an integer; torch's magic number has 10. */
  longBytes: 1024,
} as const;

/** Longer text stays in the file as a range; the longest names of tensors have about 200 bytes. */
export const MAX_INLINE_TEXT_BYTES = 4096;
