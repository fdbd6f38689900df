import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readZip } from "../../src/formats/archive/zip.ts";
import { memorySource } from "../../src/sources/file.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught } from "../support/caught.ts";
import { zipBytes, type ZipPart, type ZipShape } from "../support/zip-bytes.ts";

const A: ZipPart = { name: "r/a", data: Buffer.from("first") };
const B: ZipPart = { name: "r/b", data: Buffer.from("second one") };

/** An entry whose data holds a local header and the data of another: how small zips pretend to be large. */
const OUTER: ZipPart = { name: "r/a", data: zipBytes([B]).subarray(0, 43) };
const INNER: ZipPart = { ...B, isOnlyListed: true, directory: { localBegin: 33 } };

async function open(parts: readonly ZipPart[], shape?: ZipShape) {
  return readZip(memorySource(zipBytes(parts, shape), "file.zip"));
}

describe("readZip", () => {
  it("gives the entries of the directory with their bytes", async () => {
    const entries = await open([B, A]);
    expect(entries.map(({ name }) => name)).toEqual(["r/b", "r/a"]);
    const texts = await Promise.all(
      entries.map(async ({ data }) => Buffer.from(await data.read(0, data.byteLength)).toString()),
    );
    expect(texts).toEqual(["second one", "first"]);
  });

  it("takes a comment at the end, sizes in a data descriptor, and an empty zip", async () => {
    const end = Buffer.from(zipBytes([A]));
    end.writeUInt16LE(3, end.byteLength - 2);
    const commented = Buffer.concat([end, Buffer.from("abc")]);
    expect(await readZip(memorySource(commented, "z"))).toHaveLength(1);
    const deferred = { ...A, local: { flags: 0x808, compressed: 0, uncompressed: 0 } };
    expect(await open([deferred])).toHaveLength(1);
    expect(await open([])).toEqual([]);
  });

  it("lists entries that are encrypted, or compressed in another way than deflate, as unsupported", async () => {
    const encrypted = { ...A, directory: { flags: 0x801 }, local: { flags: 0x801 } };
    const packed = { ...B, directory: { method: 12 }, local: { method: 12 } };
    const entries = await open([encrypted, packed]);
    expect(entries.map(({ unsupported }) => unsupported?.message)).toEqual([
      'file.zip: zip entry "r/a" is encrypted',
      'file.zip: zip entry "r/b" is compressed (method 12), expected stored (0) or deflated (8)',
    ]);
  });

  it("takes the last end record where bytes follow it, as torch does", async () => {
    const entries = await open([A], { after: Buffer.from("tail") });
    expect(entries.map(({ name }) => name)).toEqual(["r/a"]);
  });

  const claims: readonly (readonly [string, string, readonly ZipPart[], ZipShape])[] = [
    ["two entries with one name", "WB5101", [A, { ...B, name: "r/a" }], {}],
    ["a local header with another name", "WB3102", [{ ...A, local: { name: "r/x" } }], {}],
    ["a local header with another method", "WB3102", [{ ...A, local: { method: 8 } }], {}],
    ["a local header encrypted alone", "WB3102", [{ ...A, local: { flags: 0x801 } }], {}],
    ["a local header outside the file", "WB3102", [{ ...A, directory: { localBegin: 9999 } }], {}],
    ["a local header that is none", "WB3102", [A, { ...B, directory: { localBegin: 1 } }], {}],
    ["an entry inside another", "WB3102", [OUTER, INNER], {}],
    [
      "an entry into the directory",
      "WB3102",
      [{ ...A, directory: { compressed: 60, uncompressed: 60 } }],
      {},
    ],
    [
      "an entry over the next",
      "WB3102",
      [{ ...A, directory: { compressed: 9, uncompressed: 9 } }, B],
      {},
    ],
    ["a stored entry with two sizes", "WB3101", [{ ...A, directory: { uncompressed: 500 } }], {}],
    [
      "a 64-bit size without its field",
      "WB3101",
      [{ ...A, directory: { compressed: 0xffffffff, uncompressed: 0xffffffff } }],
      {},
    ],
    ["a count that is too high", "WB3101", [A], { entryCount: 2 }],
    ["a count that is too low", "WB3101", [A, B], { entryCount: 1 }],
    ["a directory that begins elsewhere", "WB3101", [A], { directoryBegin: 3 }],
    ["a directory outside the file", "WB3101", [A], { directoryBegin: 0xfffffff0 }],
    ["a directory of another length", "WB3101", [A], { directoryBytes: 10 }],
    [
      "bytes before the first entry",
      "WB3101",
      [A],
      { before: Buffer.from("#!/bin/sh\n"), directoryBegin: 40 },
    ],
    [
      "a second end record behind the first",
      "WB3101",
      [A],
      { after: Buffer.from(`PK\u0005\u0006${"\0".repeat(18)}`, "latin1") },
    ],
    ["more volumes", "WB4101", [A], { disk: 1 }],
  ];

  it.each(claims)("refuses a zip with %s", async (_name, code, parts, shape) => {
    const error = await caught(() => open(parts, shape));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^file\.zip: /);
  });

  it("ends in success or a typed error for any byte changed, and for any cut", async () => {
    const whole = zipBytes([A, B]);
    for (let at = 0; at < whole.byteLength; at++) {
      await expect(readZip(memorySource(whole.subarray(0, at), "z"))).rejects.toBeInstanceOf(
        WbError,
      );
      for (const change of [1, 0x80, 0xff]) {
        const bytes = Uint8Array.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        try {
          await readZip(memorySource(bytes, "z"));
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
        }
      }
    }
  });

  it("reads back any entries", async () => {
    const parts = fc.uniqueArray(
      fc.record({ name: fc.string({ minLength: 1, maxLength: 9 }), data: fc.uint8Array() }),
      { selector: ({ name }) => name, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(parts, async (drawn) => {
        const found = await open(drawn);
        const read = await Promise.all(
          found.map(async ({ name, data }) => ({
            name,
            data: await data.read(0, data.byteLength),
          })),
        );
        expect(read).toEqual(drawn);
      }),
    );
  });
});
