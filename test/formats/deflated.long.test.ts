import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inflatedSource } from "../../src/formats/archive/inflated.ts";
import { readZip, type ZipEntry } from "../../src/formats/archive/zip.ts";
import { memorySource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";
import { zipBytes, type ZipPart } from "../support/zip-bytes.ts";

const TEXT = Buffer.from("weights ".repeat(1000));

/** An entry of method 8 whose directory names this length. */
async function deflated(plain: Uint8Array, uncompressed = plain.byteLength): Promise<ZipEntry> {
  const data = deflateRawSync(plain);
  const fields = { method: 8, uncompressed, compressed: data.byteLength };
  const part: ZipPart = { name: "r/a", data, directory: fields, local: fields };
  const bytes = Buffer.from(zipBytes([part]));
  // The builder's checksum is that of the packed bytes: 0 is none.
  bytes.writeUInt32LE(0, bytes.indexOf(Buffer.from("PK\u0001\u0002", "latin1")) + 16);
  const [entry] = await readZip(memorySource(bytes, "z"));
  if (entry === undefined) throw new Error("no entry");
  return entry;
}

describe("a deflated record", () => {
  it("is read as its plain bytes, from anywhere in it", async () => {
    const { data } = await deflated(TEXT);
    expect(Buffer.from(await data.read(8, 7)).toString()).toBe("weights");
    expect(Buffer.compare(await data.read(0, TEXT.byteLength), TEXT)).toBe(0);
  });

  it("beyond 200 times its bytes and 16 MiB is refused as a bomb", async () => {
    const error = await caught(() => deflated(new Uint8Array(32 * 2 ** 20)));
    expect(error.code).toBe("WB5102");
  });

  it.each([TEXT.byteLength - 1, TEXT.byteLength + 1])(
    "of another length than it names (%i) is damaged",
    async (length) => {
      const { data } = await deflated(TEXT, length);
      expect((await caught(() => data.read(0, length))).code).toBe("WB3102");
    },
  );

  it("whose checksum is wrong is refused once it was read", async () => {
    const packed = memorySource(deflateRawSync(TEXT), "z");
    const facts = { byteLength: TEXT.byteLength, crc32: 1, where: "z: r/a" };
    const source = inflatedSource(packed, facts, { kept: undefined });
    expect((await caught(() => source.read(0, 1))).code).toBe("WB3104");
  });

  it("that is large is streamed forwards, and anew from its beginning", async () => {
    const size = 65 * 2 ** 20;
    const plain = Buffer.alloc(size);
    for (let at = 0; at < size; at += 4) plain.writeUInt32LE((at * 2654435761) >>> 0, at);
    const packed = memorySource(deflateRawSync(plain, { level: 1 }), "z");
    const facts = { byteLength: size, crc32: 0, where: "z: r/a" };
    const source = inflatedSource(packed, facts, { kept: undefined });
    for (const begin of [size - 8, 0, 2 ** 20])
      expect(Buffer.compare(await source.read(begin, 8), plain.subarray(begin, begin + 8))).toBe(0);
  });
});
