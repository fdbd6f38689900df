import { describe, expect, it } from "vitest";
import { Input } from "../../src/scan/decode/input.ts";
import { Output } from "../../src/scan/decode/output.ts";
import { xxh64 } from "../../src/scan/decode/xxh64.ts";
import { decodeZstdFrame } from "../../src/scan/decode/zstd.ts";

/** Made by xxhash 4.1.0 for Python. */
const KNOWN: readonly (readonly [text: string, hash: bigint])[] = [
  [
    Buffer.from(Uint8Array.from({ length: 1000 }, (_, at) => at * at * 7 + at)).toString("latin1"),
    0xed0b042ef7c8fe40n,
  ],
  ["", 0xef46db3751d8e999n],
  ["a", 0xd24ec4f1a98c6e5bn],
  ["abc", 0x44bc2cf5ad770999n],
  ["Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1n],
];

describe("XXH64", () => {
  it.each(KNOWN)("of %j", (text, hash) => {
    expect(xxh64(Buffer.from(text, "latin1"))).toBe(hash);
  });
});

/** A frame of one raw block with its checksum (RFC 8878, 3.1.1). */
function frame(content: Buffer): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, content.byteLength]);
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.byteLength << 3) | 1, 0, 3);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(Number(BigInt.asUintN(32, xxh64(content))));
  return Buffer.concat([head, block, content, sum]);
}

const decoded = (bytes: Uint8Array): string => {
  const output = new Output(1000);
  decodeZstdFrame(new Input(bytes), output);
  return Buffer.from(output.bytes).toString();
};

describe("a frame of zstd with a checksum", () => {
  const content = Buffer.from("the weights of a bridge, and of what goes over it");
  it("is read where its content has it", () => {
    expect(decoded(frame(content))).toBe(content.toString());
  });

  it.each(Array.from({ length: content.byteLength + 4 }, (_, at) => at))(
    "is damaged with a bit of its content or checksum flipped: %i",
    (at) => {
      const bytes = frame(content);
      const place = 9 + at;
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      expect(() => decoded(bytes)).toThrow("another checksum");
    },
  );
});
