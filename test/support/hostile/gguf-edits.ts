import fc from "fast-check";
import {
  flagKey,
  floatKey,
  ggufBytes,
  numberKey,
  numbersKey,
  textKey,
  textsKey,
  type GgufKey,
  type GgufShape,
  type GgufTensor,
} from "../gguf-bytes.ts";

/** Sizes near what readers check: small ones, edges of 32 and 64 bits, and what overflows when it is multiplied. */
const SIZES: readonly bigint[] = [
  0n,
  1n,
  2n,
  31n,
  32n,
  33n,
  255n,
  1000n,
  2n ** 16n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 33n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 62n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const size = fc.constantFrom(...SIZES);
const code = fc.oneof(fc.integer({ min: 0, max: 45 }), fc.constantFrom(255, 2 ** 31, 2 ** 32 - 1));

/** An honest file: keys of every kind, and tensors whose elements stand alone or in blocks. */
const KEYS: readonly GgufKey[] = [
  textKey("general.architecture", "llama"),
  numberKey("llama.block_count", 1),
  floatKey("llama.rope.freq_base", 10_000),
  flagKey("tokenizer.ggml.add_bos_token", true),
  textsKey("tokenizer.ggml.tokens", ["<unk>", "a", "b"]),
  numbersKey("tokenizer.ggml.token_type", [2, 1, 1]),
];
const TENSORS: readonly GgufTensor[] = [
  { name: "token_embd.weight", dimensions: [32, 3], type: 8, offset: 0 },
  { name: "output_norm.weight", dimensions: [32], type: 0, offset: 128 },
  { name: "blk.0.attn_q.weight", dimensions: [256, 2], type: 12, offset: 256 },
];
const HONEST: GgufShape = { metadata: KEYS, tensors: TENSORS, data: new Uint8Array(256 + 288) };

type Edit = (shape: GgufShape) => GgufShape;

function withKey(at: number, change: (key: GgufKey) => GgufKey): Edit {
  return (shape) => ({
    ...shape,
    metadata: (shape.metadata ?? []).map((key, index) => (index === at ? change(key) : key)),
  });
}

function withTensor(at: number, change: (tensor: GgufTensor) => GgufTensor): Edit {
  return (shape) => ({
    ...shape,
    tensors: (shape.tensors ?? []).map((tensor, index) => (index === at ? change(tensor) : tensor)),
  });
}

const keyAt = fc.integer({ min: 0, max: KEYS.length - 1 });
const tensorAt = fc.integer({ min: 0, max: TENSORS.length - 1 });

/** False counts, lengths, types, shapes and places. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  code.map((version): Edit => (shape) => ({ ...shape, version })),
  fc.boolean().map((isBig): Edit => (shape) => ({ ...shape, isBig })),
  size.map((tensorCount): Edit => (shape) => ({ ...shape, tensorCount })),
  size.map((keyCount): Edit => (shape) => ({ ...shape, keyCount })),
  size.map((alignment): Edit => (shape) => ({
    ...shape,
    metadata: [
      ...(shape.metadata ?? []),
      numberKey("general.alignment", Number(BigInt.asUintN(32, alignment))),
    ],
  })),
  fc.tuple(keyAt, code).map(([at, type]) => withKey(at, (key) => ({ ...key, type }))),
  // A text's length, and an array's type and count, that are not what follows.
  fc
    .tuple(keyAt, size)
    .map(([at, length]) =>
      withKey(at, ({ key }) => ({ key, type: 8, value: (out) => out.u64(length) })),
    ),
  fc.tuple(keyAt, code, size).map(([at, type, count]) =>
    withKey(at, ({ key }) => ({
      key,
      type: 9,
      value: (out) => {
        out.u32(type);
        out.u64(count);
      },
    })),
  ),
  fc
    .tuple(keyAt, keyAt)
    .map(([at, from]) => withKey(at, (key) => ({ ...key, key: KEYS[from]?.key ?? "" }))),
  fc
    .tuple(tensorAt, fc.array(size, { maxLength: 6 }))
    .map(([at, dimensions]) => withTensor(at, (tensor) => ({ ...tensor, dimensions }))),
  fc.tuple(tensorAt, code).map(([at, type]) => withTensor(at, (one) => ({ ...one, type }))),
  fc.tuple(tensorAt, size).map(([at, offset]) => withTensor(at, (one) => ({ ...one, offset }))),
  fc
    .tuple(tensorAt, fc.uint8Array({ maxLength: 80 }))
    .map(([at, name]) => withTensor(at, (one) => ({ ...one, name }))),
  fc
    .integer({ min: 0, max: 600 })
    .map((length): Edit => (shape) => ({ ...shape, data: new Uint8Array(length) })),
);

/** Files with some of them, then some changed bytes and perhaps a cut. */
export const drawnGguf: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(edit, { maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
    fc.option(fc.nat(), { freq: 8 }),
  )
  .map(([edits, changes, cut]) =>
    damaged(ggufBytes(edits.reduce((shape, change) => change(shape), HONEST)), changes, cut),
  );

function damaged(
  whole: Uint8Array,
  changes: readonly (readonly [number, number])[],
  cut: number | null,
): Uint8Array {
  const bytes = whole.slice(0, cut === null ? whole.length : cut % whole.length);
  for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
  return bytes;
}

/** A real file with some words of its first `head` bytes replaced by sizes near what readers check. */
export function drawnNear(whole: Uint8Array, head: number): fc.Arbitrary<Uint8Array> {
  const word = fc.tuple(fc.integer({ min: 4, max: head - 8 }), size, fc.boolean());
  return fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => {
    const bytes = whole.slice();
    const view = new DataView(bytes.buffer);
    for (const [at, value, isLong] of words) {
      if (isLong) view.setBigUint64(at, value, true);
      else view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    }
    return bytes;
  });
}
