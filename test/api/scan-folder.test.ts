import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderSarif } from "../../src/api/render-sarif.ts";
import { scan, type ScanResult } from "../../src/api/scan.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { zipBytes, type ZipPart } from "../support/zip-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-scan-folder-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Scans a folder of these files beside a valid file of safetensors. */
function scanBeside(files: Readonly<Record<string, Uint8Array>>): Promise<ScanResult> {
  const place = mkdtempSync(join(folder, "place-"));
  copyFileSync(
    join(FIXTURES, "safetensors-single/model.safetensors"),
    join(place, "model.safetensors"),
  );
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), bytes);
  }
  return scan(place);
}

const RUN: readonly Piece[] = [
  ["GLOBAL", "posix", "system"],
  ["BINUNICODE", "true"],
  "TUPLE1",
  "REDUCE",
  "STOP",
];
const PAYLOAD = Buffer.from(pickleBytes(["PROTO", 2], ...RUN));
const ascii = (text: string): Buffer => Buffer.from(text, "latin1");

/** A zip with one deflated member. */
function deflatedZip(name: string, data: Uint8Array, part: Partial<ZipPart> = {}): Uint8Array {
  const compressed = deflateRawSync(data);
  const fields = { method: 8, uncompressed: data.byteLength };
  return zipBytes([{ name, data: compressed, directory: fields, local: fields, ...part }]);
}

const npy = (descr: string, data: Uint8Array): Uint8Array => {
  const text = `{'descr': ${descr}, 'fortran_order': False, 'shape': (1,), }`.padEnd(117) + "\n";
  return Buffer.concat([
    ascii("\u0093NUMPY\u0001\u0000"),
    Buffer.from([118, 0]),
    ascii(text),
    data,
  ]);
};

function tar(name: string, data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${data.byteLength.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        0", 148);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (data.byteLength % 512)) % 512);
  return Buffer.concat([header, data, padding, Buffer.alloc(1024)]);
}

/** Each runs a command where Python loads it in the usual way. */
const PAYLOADS: Readonly<Record<string, () => Readonly<Record<string, Uint8Array>>>> = {
  "protocol 0 with INST": () => ({ "pytorch_model.bin": ascii("(S'true'\niposix\nsystem\n.") }),
  "protocol 0 with GLOBAL": () => ({ "w.pkl": ascii("cposix\nsystem\n(S'true'\ntR.") }),
  "memo indexes as Python spells numbers": () => ({
    "pytorch_model.bin": ascii(
      "\u0080\u0004\u008c\u0006systemp1_0\n0\u008c\u0005posixp +20 \n0g 2_0\ng010\n\u0093\u008c\u0004true\u0085R.",
    ),
  }),
  "a memo index cut off by a NUL": () => ({
    "pytorch_model.bin": ascii(
      "\u0080\u0004\u008c\u0006systemp1\u0000x\n0\u008c\u0005posixg1\n\u0093\u008c\u0004true\u0085R.",
    ),
  }),
  "numbers in every base before the call": () => ({
    "pytorch_model.bin": ascii(
      "I0x1f\n0I017\n0I 0b1_0 \n0L0o17L\n0F1_0.5\n0F-Infinity\n0cposix\nsystem\n(S'true'\ntR.",
    ),
  }),
  "a name written with escapes": () => ({
    "pytorch_model.bin": ascii(
      "\u0080\u0004S'\\x70osi\\170'\nV\\u0073ystem\n\u0093\u008c\u0004true\u0085R.",
    ),
  }),
  "a deflated data.pkl": () => ({ "pytorch_model.bin": deflatedZip("m/data.pkl", PAYLOAD) }),
  "another local name": () => ({
    "pytorch_model.bin": zipBytes([
      { name: "m/data.pkl", data: PAYLOAD, local: { name: "m/data.txt" } },
    ]),
  }),
  "another encrypted bit in the directory": () => ({
    "pytorch_model.bin": zipBytes([
      { name: "m/data.pkl", data: PAYLOAD, directory: { flags: 0x801 } },
    ]),
  }),
  "another encrypted bit in the local header": () => ({
    "pytorch_model.bin": zipBytes([{ name: "m/data.pkl", data: PAYLOAD, local: { flags: 0x801 } }]),
  }),
  "other local sizes": () => ({
    "pytorch_model.bin": zipBytes([
      { name: "m/data.pkl", data: PAYLOAD, local: { compressed: 3, uncompressed: 3 } },
    ]),
  }),
  "two sizes of a stored member": () => ({
    "pytorch_model.bin": zipBytes([
      { name: "m/data.pkl", data: PAYLOAD, directory: { uncompressed: 3 } },
    ]),
  }),
  "bytes behind the end of the zip": () => ({
    "pytorch_model.bin": zipBytes([{ name: "m/data.pkl", data: PAYLOAD }], {
      after: ascii("more"),
    }),
  }),
  gzip: () => ({ "m.pkl.gz": gzipSync(PAYLOAD) }),
  zlib: () => ({ "m.pkl.z": deflateSync(PAYLOAD) }),
  "a subfolder": () => ({ "unet/diffusion_pytorch_model.bin": PAYLOAD }),
  "a hidden subfolder": () => ({ ".hidden/a/b/c.bin": PAYLOAD }),
  "a plain zip": () => ({ "models.zip": deflatedZip("a/model.pkl", PAYLOAD) }),
  "a zip in a tar in gzip": () => ({
    "m.nemo": gzipSync(
      tar("model_weights.ckpt", zipBytes([{ name: "a/data.pkl", data: PAYLOAD }])),
    ),
  }),
  "a tar": () => ({ "m.tar": tar("model.pkl", PAYLOAD) }),
  "an array of objects": () => ({ "w.npy": npy("'|O'", PAYLOAD) }),
  "an array of objects under another name of their dtype": () => ({
    "w.npy": npy('"object"', PAYLOAD),
  }),
  "arrays of objects": () => ({ "w.npz": deflatedZip("w.npy", npy("'|O'", PAYLOAD)) }),
};

describe("a folder with a valid model and", () => {
  it.each(Object.keys(PAYLOADS))("%s is unsafe", async (name) => {
    const { verdict, globals } = await scanBeside(PAYLOADS[name]?.() ?? {});
    expect([verdict, globals.map((global) => `${global.module}.${global.name}`)]).toEqual([
      "unsafe",
      expect.arrayContaining(["posix.system"]),
    ]);
  });
});

describe("a name that the end of its frame cuts in two", () => {
  it("is unsafe, since CPython's C unpickler imports the rest of it alone", async () => {
    const frame = Buffer.from("800495090000000000000028", "hex");
    const cut = Buffer.concat([frame, ascii("icollections\nOrderedDict\n.")]);
    const { verdict, reasons } = await scanBeside({ "pytorch_model.bin": cut });
    expect([verdict, reasons.map(({ code }) => code)]).toEqual(["unsafe", ["WB5203"]]);
  });
});

/** Nothing is known against them, and nothing for them. */
const UNKNOWN: Readonly<Record<string, () => Readonly<Record<string, Uint8Array>>>> = {
  "a broken pickle": () => ({ "a.bin": PAYLOAD.subarray(0, 1) }),
  "bytes behind a pickle": () => ({
    "a.pkl": Buffer.concat([pickleBytes("EMPTY_DICT", "STOP"), Buffer.alloc(9, 0xff)]),
  }),
  "a frame longer than its pickle": () => ({
    "a.pkl": Buffer.concat([
      pickleBytes(["PROTO", 4], ["FRAME", 9], "EMPTY_DICT", "STOP"),
      pickleBytes("EMPTY_DICT", "STOP"),
    ]),
  }),
  xz: () => ({ "a.pkl.xz": Buffer.from("fd377a585a000004", "hex") }),
  bzip2: () => ({ "a.pkl.bz2": ascii("BZh91AY&SY") }),
  "7-Zip": () => ({ "a.7z": Buffer.from("377abcaf271c0004", "hex") }),
  "a program": () => ({ "modeling.py": ascii("import os\n") }),
  "an unknown format": () => ({ "a.bin": Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9]) }),
  "damaged safetensors": () => ({ "b.safetensors": ascii("\u0040\0\0\0\0\0\0\0{}") }),
  "a damaged zip": () => ({ "a.pt": ascii("PK\u0003\u0004 and no more") }),
  "a gzip bomb": () => ({ "a.gz": gzipSync(Buffer.alloc(80 * 2 ** 20)) }),
};

describe("a folder with a valid model and what is not understood", () => {
  it.each(Object.keys(UNKNOWN))("is incomplete, and so in SARIF: %s", async (name) => {
    const files = UNKNOWN[name]?.() ?? {};
    const result = await scanBeside(files);
    expect(result.verdict).toBe("incomplete");
    const open = result.files.filter(({ state }) => state === "not-understood");
    expect(open.map(({ file }) => file).join()).toContain(Object.keys(files)[0]);
    expect(JSON.parse(renderSarif(result, "1", folder))).toMatchObject({
      runs: [
        {
          results: [
            {
              ruleId: "WB4002",
              level: "warning",
              locations: [{ physicalLocation: { region: { startLine: 1 } } }],
            },
          ],
        },
      ],
    });
  });
});

describe.skipIf(process.platform === "win32")("what cannot be opened", () => {
  it("is not understood: pipes, links that lead nowhere or to folders", async () => {
    const place = mkdtempSync(join(folder, "closed-"));
    execFileSync("mkfifo", [join(place, "pipe.bin")]);
    mkdirSync(join(place, "below"));
    symlinkSync("nowhere", join(place, "dangling.bin"));
    symlinkSync("below", join(place, "link"));
    const { verdict, files } = await scan(place);
    expect(verdict).toBe("incomplete");
    expect(files.map(({ file, state }) => [file.slice(place.length + 1), state])).toEqual([
      ["dangling.bin", "not-understood"],
      ["link", "not-understood"],
      ["pipe.bin", "not-understood"],
    ]);
  });
});

describe("a folder of honest files", () => {
  it("is safe, every file with its reason", async () => {
    const { verdict, files } = await scanBeside({
      "config.json": ascii('{"a": 1}'),
      "README.md": ascii("cat\ndog\n"),
      "vocab.txt": ascii("cos\nsystem\nhello\n"),
      "w.npy": npy("'<f4'", Buffer.alloc(4)),
      "w.npz": deflatedZip("w.npy", npy("'<f4'", Buffer.alloc(4))),
      "empty.txt": new Uint8Array(0),
    });
    expect(files.filter(({ state }) => state === "not-understood")).toEqual([]);
    expect(verdict).toBe("safe");
    expect(files).toHaveLength(7);
    expect(files.every(({ why }) => why !== "")).toBe(true);
  });
});
