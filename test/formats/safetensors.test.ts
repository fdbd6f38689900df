import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildSafetensorsHeader } from "../../src/formats/safetensors/build-header.ts";
import {
  isSafetensorsHead,
  openSafetensors,
  readSafetensors,
} from "../../src/formats/safetensors/read.ts";
import { memorySource, openFileSource } from "../../src/sources/file.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught } from "../support/caught.ts";
import { safetensorsBytes, safetensorsSource, vectorsHeader } from "../support/safetensors-file.ts";

const VECTOR = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';

describe("readSafetensors", () => {
  it("gives names, dtypes, shapes and the place of every tensor, in the order of their bytes", async () => {
    const header =
      '{"b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},"__metadata__":{"format":"pt"},' +
      '"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"empty":{"dtype":"U8","shape":[0,4],"data_offsets":[8,8]}}   ';
    const { tensors, metadata } = await readSafetensors(safetensorsSource(header, 20));
    expect(metadata).toEqual(new Map([["format", "pt"]]));
    const data = 8 + header.length;
    expect(
      tensors.map(({ name, dtype, shape, strides, byteOffset }) => [
        name,
        dtype,
        shape,
        strides,
        byteOffset - data,
      ]),
    ).toEqual([
      ["a", "I64", [], [], 0],
      ["empty", "U8", [0, 4], [4, 1], 8],
      ["b", "F16", [2, 3], [3, 1], 8],
    ]);
  });

  it.each([
    ["WB3502", VECTOR.slice(0, -1), 8, "expected , or }, found the end"],
    ["WB3502", "[]", 0, "expected an object, found array"],
    [
      "WB3502",
      VECTOR.replace("}}", '},"\\u0077":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}'),
      8,
      "twice",
    ],
    ["WB3503", '{"w":[]}', 0, "tensor w: expected an object, found a list of 0"],
    [
      "WB3503",
      '{"w":{"shape":[2],"data_offsets":[0,8]}}',
      8,
      "dtype: expected a text, found nothing",
    ],
    ["WB3503", VECTOR.replace("[2]", "[2.0]"), 8, "shape: expected a list of whole numbers"],
    ["WB3503", VECTOR.replace("[2]", "[-2]"), 8, "shape: expected a list of whole numbers"],
    ["WB3503", VECTOR.replace("[0,8]", "[0,8,9]"), 8, "data_offsets: expected two whole numbers"],
    ["WB3503", VECTOR.replace("[0,8]", "[0,18446744073709551615]"), 8, "data_offsets"],
    ["WB3503", '{"__metadata__":{"format":1}}', 0, "__metadata__ format: expected a text, found 1"],
    ["WB4501", VECTOR.replace("F32", "f32"), 8, 'dtype "f32" is not known'],
    ["WB4501", VECTOR.replace("F32", "C128"), 8, 'dtype "C128" is not known'],
    ["WB4501", VECTOR.replace("F32", "__proto__"), 8, "is not known"],
    [
      "WB3505",
      VECTOR.replace("[2]", "[3]"),
      8,
      "needs 12 bytes, but data_offsets [0, 8] give it 8",
    ],
    ["WB3505", VECTOR.replace("[0,8]", "[8,0]"), 8, "give it -8"],
    ["WB3505", VECTOR.replace("[2]", "[4294967296,4294967296,4294967296]"), 8, "below 2^53"],
    // The real reader multiplies before it meets the 0, torch and numpy do so too.
    ["WB3505", VECTOR.replace("[2]", "[1099511627776,1099511627776,0]"), 0, "below 2^53"],
    ["WB3503", VECTOR.replace("[2]", "[4611686018427387904]"), 8, "numbers below 2^53"],
    [
      "WB3505",
      VECTOR.replace("F32", "F4").replace("[2]", "[3]").replace("8]", "2]"),
      2,
      "4 bits each",
    ],
    ["WB3504", VECTOR.replace("[0,8]", "[4,12]"), 12, "begins at data byte 4, expected 0: a hole"],
    [
      "WB3504",
      VECTOR.replace("}}", '},"x":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}'),
      8,
      "an overlap",
    ],
    ["WB3504", VECTOR, 9, "9 bytes of data: bytes follow the last tensor"],
    ["WB3504", VECTOR, 7, "7 bytes of data: the file is truncated"],
    ["WB3504", "{}", 1, "bytes follow the last tensor"],
  ])("refuses with %s: %s with %i bytes of data", async (code, header, dataBytes, message) => {
    const error = await caught(() => readSafetensors(safetensorsSource(header, dataBytes)));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it("refuses a header length that passes the end of the file, or the limit, before reading it", async () => {
    const long = await caught(() => readSafetensors(safetensorsSource("{}", 0, 2n ** 63n)));
    expect(long.code).toBe("WB3501");
    expect(long.message).toMatchInlineSnapshot(
      `"model.safetensors: the header says it has 9223372036854775808 bytes, but only 2 follow byte 8"`,
    );
    const bytes = safetensorsBytes("{}", 0, 100_000_001n);
    const source = { ...memorySource(bytes, "big"), byteLength: 200_000_000 };
    expect((await caught(() => readSafetensors(source))).code).toBe("WB5501");
    const short = await caught(() => readSafetensors(memorySource(new Uint8Array(7), "short")));
    expect(short.code).toBe("WB3501");
  });

  it("takes any tiling, and ends in a typed error for any cut of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" }), {
          maxLength: 6,
        }),
        fc.nat(5),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (names, size, fraction) => {
          fc.pre(!names.includes("__metadata__") && !names.includes("__proto__"));
          const lengths = new Map(names.map((name, index) => [name, (size + index) % 6]));
          const total = [...lengths.values()].reduce((sum, length) => sum + 4 * length, 0);
          const bytes = safetensorsBytes(vectorsHeader(lengths), total);
          const { tensors } = await readSafetensors(memorySource(bytes, "whole"));
          expect(new Map(tensors.map(({ name, shape }) => [name, shape[0]]))).toEqual(lengths);
          const cut = bytes.subarray(0, Math.floor(fraction * (bytes.byteLength - 1)));
          await expect(readSafetensors(memorySource(cut, "cut"))).rejects.toBeInstanceOf(WbError);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("ends in success or a typed error for any single byte changed", async () => {
    const header =
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}';
    const whole = safetensorsBytes(header, 12);
    for (let at = 0; at < 8 + header.length; at++) {
      for (const value of [0, 0x20, 0x22, 0x30, 0x39, 0x5b, 0x7b, 0x7d, 0xff]) {
        const bytes = whole.slice();
        bytes[at] = value;
        try {
          await readSafetensors(memorySource(bytes, "changed"));
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
        }
      }
    }
  });
});

describe("buildSafetensorsHeader", () => {
  it("puts metadata first, by name, and aligns what follows", () => {
    const tensors = [{ name: "w", dtype: "F32", shape: [1] }] as const;
    const metadata = new Map([
      ["format", "pt"],
      ["author", "b"],
    ]);
    const { header } = buildSafetensorsHeader(tensors, metadata, "w.safetensors");
    const length = Number(Buffer.from(header).readBigUInt64LE(0));
    const text = Buffer.from(header.subarray(8)).toString("utf8");
    expect([length % 8, text.length]).toEqual([0, length]);
    expect(text.trimEnd()).toBe(
      '{"__metadata__":{"author":"b","format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    );
  });
});

describe("isSafetensorsHead", () => {
  it("tells safetensors from an index, which can have a brace at the same place", () => {
    expect(isSafetensorsHead(safetensorsBytes(VECTOR, 8))).toBe(true);
    expect(isSafetensorsHead(safetensorsBytes(` \n${VECTOR}`, 8))).toBe(true);
    expect(isSafetensorsHead(new TextEncoder().encode('{"abc" :{"weight_map": {}}}'))).toBe(false);
    expect(isSafetensorsHead(new TextEncoder().encode("PK\u0003\u0004{{{{{{{{{{{{"))).toBe(false);
  });
});

describe("openSafetensors", () => {
  it("reads what the safetensors library wrote", async () => {
    const checkpoint = await openSafetensors(
      await openFileSource("fixtures/safetensors-single/model.safetensors"),
    );
    expect(checkpoint.format).toBe("safetensors");
    const embeddings = checkpoint.tensors.find(({ name }) => name === "model.embed_tokens.weight");
    expect([embeddings?.dtype, embeddings?.shape]).toEqual(["F16", [384, 32]]);
    await checkpoint.close();
  });
});
