import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { unpack, type PackedKind } from "../../src/scan/archive/unpack.ts";
import { Budget } from "../../src/scan/context.ts";
import { decodeStreams, type StreamFormat } from "../../src/scan/decode/streams.ts";
import { examine } from "../../src/scan/examine.ts";
import { Findings } from "../../src/scan/findings.ts";
import { memorySource } from "../../src/sources/file.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const FOLDER = join(FIXTURES, "packed");

/** Name, whether a payload is in it, and the digest of what one stream holds: fixtures/make/packed.py. */
const LIST = list(readFileSync(join(FOLDER, "list.json"), "utf8"));

function list(text: string): readonly (readonly [string, boolean, string | null])[] {
  const rows: unknown = JSON.parse(text);
  return (Array.isArray(rows) ? rows : []).map((row: unknown) => {
    const fields: readonly unknown[] = Array.isArray(row) ? row : [];
    const [name, hasPayload, digest] = fields;
    return [String(name), hasPayload === true, typeof digest === "string" ? digest : null];
  });
}

const KINDS: Readonly<Record<string, PackedKind>> = {
  gz: "gzip",
  z: "zlib",
  bz2: "bzip2",
  xz: "xz",
  lzma: "lzma",
  zst: "zstd",
  lz4: "lz4",
};
const kindOf = (name: string): PackedKind | undefined =>
  KINDS[name.slice(name.lastIndexOf(".") + 1)];

async function judged(name: string, bytes: Uint8Array): Promise<readonly [string, boolean]> {
  const findings = new Findings("f");
  const { state } = await examine(memorySource(bytes, "f"), {
    findings,
    budget: new Budget(),
    name,
    member: "",
    depth: 0,
    isScript: false,
    signal: undefined,
  });
  return [state, findings.isUnsafe];
}

describe("what the real libraries compressed", () => {
  it("is examined to its last byte, and a payload in it found", async () => {
    const wrong: unknown[] = [];
    for (const [name, hasPayload] of LIST) {
      const { verdict, files } = await scan(join(FOLDER, name));
      const wanted = hasPayload ? "unsafe" : "safe";
      const isOpen = files[0]?.state === "not-understood";
      // Some readers pass over what stands behind a stream, and others do not.
      if (verdict !== wanted || isOpen !== name.includes("-behind-"))
        wrong.push([name, verdict, files[0]?.why]);
    }
    expect(wrong).toEqual([]);
    expect(LIST.length).toBeGreaterThan(80);
  });

  it("comes out byte for byte", async () => {
    const streams = LIST.filter(([, , digest]) => digest !== null);
    for (const [name, , digest] of streams) {
      const source = memorySource(readFileSync(join(FOLDER, name)), name);
      const { data, fault } = await unpack(source, kindOf(name) ?? "gzip", new Budget());
      const bytes = await data.read(0, data.byteLength);
      expect([name, fault, createHash("sha256").update(bytes).digest("hex")]).toEqual([
        name,
        undefined,
        digest,
      ]);
    }
    expect(streams.length).toBeGreaterThan(40);
  });
});

describe("a compressed stream that is cut or changed", () => {
  const small = LIST.filter(([name]) => /^payload-(?!two|behind)/.test(name));

  it("is not understood wherever it is cut", async () => {
    for (const [name] of small) {
      const whole = readFileSync(join(FOLDER, name));
      // Of a tar in zeros, the end may be cut off.
      for (let cut = whole.byteLength - 1; cut > 14; cut -= 1 + Math.floor(whole.byteLength / 12))
        expect([name, cut, (await judged(name, whole.subarray(0, cut)))[0]]).toEqual([
          name,
          cut,
          "not-understood",
        ]);
    }
  });

  it("is judged, and fails in no other way, with each of its bytes changed", async () => {
    const states = new Set<string>();
    for (const [name] of small) {
      const whole = readFileSync(join(FOLDER, name));
      for (let at = 0; at < whole.byteLength; at += 1 + Math.floor(whole.byteLength / 15)) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at & 7));
        states.add((await judged(name, bytes))[0]);
      }
    }
    expect([...states]).toContain("not-understood");
  });

  it("shows the payload that it begins with, though it breaks off", async () => {
    const bytes = readFileSync(join(FOLDER, "payload-xz-crc64.xz"));
    // The block's checksum, and all behind it, are not there.
    expect(await judged("a.xz", bytes.subarray(0, -30))).toEqual(["not-understood", true]);
    const gzip = readFileSync(join(FOLDER, "payload-gzip.gz"));
    expect(await judged("a.gz", gzip.subarray(0, -9))).toEqual(["not-understood", true]);
  });
});

const MIB = 2 ** 20;

describe("a stream that claims more than it has", () => {
  it.each<[string, StreamFormat, string]>([
    // One segment of 2^62 bytes; a block of one byte, repeated.
    ["zstd", "zstd", "28b52ffde000000000000000400b000041"],
    ["an lz4 frame", "lz4", "04224d186c4000000000000000400000"],
    ["lzma with a window of 4 GiB", "lzma", "5dffffffffffffffffffffff7f0000000000"],
  ])("takes no memory for it: %s", (_what, format, hex) => {
    const before = process.memoryUsage().rss;
    const { fault, bytes } = decodeStreams(format, Buffer.from(hex, "hex"), 64 * MIB);
    expect(fault).toBeDefined();
    expect(bytes.byteLength).toBeLessThan(MIB);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
  });

  it("ends at the limit, with what came before", () => {
    // bzip2 and zstd of zeros: each block of a few bytes makes more than a hundred thousand.
    const blocks = Buffer.concat(
      Array.from({ length: 1000 }, () => Buffer.from([0x02, 0x00, 0x10, 0x00])),
    );
    const frame = Buffer.concat([Buffer.from("28b52ffd0050", "hex"), blocks]);
    const { fault, bytes } = decodeStreams("zstd", frame, 16 * MIB);
    expect(fault).toBe(`has more than ${16 * MIB} bytes`);
    expect(bytes.byteLength).toBe(16 * MIB);
  });
});

/** How joblib wrote before 0.10: a mark, the length in hexadecimal, filled up to 19 characters, and a stream of zlib. */
const zfile = (data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`ZF${`0x${data.byteLength.toString(16)}`.padEnd(19)}`),
    deflateSync(data),
  ]);

it("a file of joblib of before 0.10 is examined", async () => {
  expect(await judged("a.pkl", zfile(Buffer.from("cposix\nsystem\n.")))).toEqual([
    "examined",
    true,
  ]);
  expect(await judged("a.pkl", zfile(Buffer.from("(lp0\nI1\na.")))).toEqual(["examined", false]);
  expect((await judged("a.pkl", zfile(Buffer.alloc(9)).subarray(0, -3)))[0]).toBe("not-understood");
});
