import { ggufBytes, numberKey, textKey, type GgufShape, type GgufTensor } from "../gguf-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";

const F32 = 0;
const Q4_0 = 2;
const [U32, ARRAY, STRING] = [4, 9, 8];
const HUGE = 2n ** 62n;

function vector(name: string, offset: number | bigint, elements: number | bigint = 4): GgufTensor {
  return { name, dimensions: [elements], type: F32, offset };
}

const file = (shape: GgufShape) => (): Uint8Array => ggufBytes(shape);
const one = (tensor: GgufTensor, bytes = 32) =>
  file({ tensors: [tensor], data: new Uint8Array(bytes) });

const CASES: readonly Case[] = [
  ["gguf-head", "ends after its magic", "WB3511", () => Buffer.from("GGUF")],
  ["gguf-version-1", "is of version 1", "WB4511", file({ version: 1 })],
  ["gguf-version-9", "is of version 9", "WB4511", file({ version: 9 })],
  ["gguf-tensors", "says it has 2^62 tensors", "WB5511", file({ tensorCount: HUGE })],
  ["gguf-keys", "says it has 2^62 keys", "WB5511", file({ keyCount: HUGE })],
  ["gguf-no-tensor", "says it has a tensor more than it has", "WB3511", file({ tensorCount: 1n })],
  [
    "gguf-text",
    "has a text of 2^62 bytes",
    "WB5511",
    file({ metadata: [{ key: "a", type: STRING, value: (out) => out.u64(HUGE) }] }),
  ],
  [
    "gguf-text-past",
    "has a text that reaches past its end",
    "WB3511",
    file({ metadata: [{ key: "a", type: STRING, value: (out) => out.u64(1000) }] }),
  ],
  [
    "gguf-not-utf8",
    "has a name that is not UTF-8",
    "WB3511",
    one({ ...vector("", 0), name: new Uint8Array([0xff, 0xfe]) }),
  ],
  [
    "gguf-array",
    "has an array of 2^62 items",
    "WB5511",
    file({
      metadata: [
        {
          key: "a",
          type: ARRAY,
          value: (out) => {
            out.u32(U32);
            out.u64(HUGE);
          },
        },
      ],
    }),
  ],
  [
    "gguf-array-past",
    "has an array that reaches past its end",
    "WB3511",
    file({
      metadata: [
        {
          key: "a",
          type: ARRAY,
          value: (out) => {
            out.u32(U32);
            out.u64(1000);
          },
        },
      ],
    }),
  ],
  [
    "gguf-nested",
    "has an array of arrays",
    "WB3511",
    file({
      metadata: [
        {
          key: "a",
          type: ARRAY,
          value: (out) => {
            out.u32(ARRAY);
            out.u64(1);
          },
        },
      ],
    }),
  ],
  [
    "gguf-value-type",
    "has a value of a type that there is not",
    "WB3511",
    file({ metadata: [{ key: "a", type: 77, value: (out) => out.u32(0) }] }),
  ],
  [
    "gguf-key-twice",
    "has one key twice",
    "WB3511",
    file({ metadata: [textKey("a", "b"), textKey("a", "c")] }),
  ],
  [
    "gguf-alignment",
    "aligns to 0 bytes",
    "WB3511",
    file({ metadata: [numberKey("general.alignment", 0)] }),
  ],
  [
    "gguf-alignment-odd",
    "aligns to 24 bytes",
    "WB3511",
    file({ metadata: [numberKey("general.alignment", 24)] }),
  ],
  [
    "gguf-rank",
    "has a tensor of 2^31 dimensions",
    "WB3511",
    () => {
      const bytes = ggufBytes({ tensors: [vector("a", 0)] });
      // Behind the magic, the version, two counts and the name with its length.
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(24 + 9, 2 ** 31, true);
      return bytes;
    },
  ],
  ["gguf-size", "has a tensor of 2^62 elements", "WB5511", one(vector("a", 0, HUGE))],
  [
    "gguf-product",
    "has a tensor whose size wraps around 2^64",
    "WB3512",
    one({ name: "a", dimensions: [2 ** 32, 2 ** 32, 4], type: F32, offset: 0 }),
  ],
  ["gguf-cut", "has a tensor that ends past the file's end", "WB3512", one(vector("a", 0), 15)],
  [
    "gguf-overlap",
    "has two tensors in one place",
    "WB3512",
    file({ tensors: [vector("a", 0), vector("b", 0)], data: new Uint8Array(64) }),
  ],
  ["gguf-offset", "has a tensor at 2^63", "WB3512", one(vector("a", 2n ** 63n))],
  ["gguf-hole", "hides bytes before its first tensor", "WB3512", one(vector("a", 32), 64)],
  [
    "gguf-name-twice",
    "has one tensor twice",
    "WB3511",
    file({ tensors: [vector("a", 0), vector("a", 32)], data: new Uint8Array(64) }),
  ],
  [
    "gguf-block",
    "has a quantised tensor whose rows are no whole blocks",
    "WB3512",
    one({ name: "a", dimensions: [33], type: Q4_0, offset: 0 }, 64),
  ],
  [
    "gguf-type",
    "has a tensor of a type that there is not",
    "WB4511",
    one({ name: "a", dimensions: [32], type: 777, offset: 0 }, 64),
  ],
];

export const BROKEN_GGUF: readonly HostileFile[] = hostileFiles("broken", "llama.cpp", CASES);
