import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderSarif } from "../../src/api/render-sarif.ts";
import { scan } from "../../src/api/scan.ts";
import { caught } from "../support/caught.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { torchTar } from "../support/hostile/tar-files.ts";
import { pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-scan-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const SYSTEM: readonly Piece[] = [
  ["GLOBAL", "posix", "system"],
  ["BINUNICODE", "id"],
  "TUPLE1",
  "REDUCE",
];

/** A payload beside an honest global, then garbage: what ran has run by the time Python fails. */
const PAYLOAD = pickleBytes(
  ...SYSTEM,
  ["GLOBAL", "collections", "OrderedDict"],
  Buffer.alloc(9, 0xff),
);

describe("scan", () => {
  it.each(FIXTURE_FOLDERS)(
    "finds $name safe, and every name in it allowed",
    async ({ path, format }) => {
      const { verdict, globals, files } = await scan(path);
      expect(verdict).toBe("safe");
      expect(globals.every(({ allowed }) => allowed)).toBe(true);
      expect(globals.length > 0).toBe(format !== "safetensors");
      expect(files.length).toBeGreaterThan(0);
    },
  );

  it("lists what is not allowed with its byte, and goes on to list the rest", async () => {
    const { verdict, globals, files } = await scan(put("evil.pdparams", PAYLOAD));
    expect(verdict).toBe("unsafe");
    expect(
      globals.map(({ module, name, offset, allowed }) => [module, name, offset, allowed]),
    ).toEqual([
      ["posix", "system", 0, false],
      ["collections", "OrderedDict", 23, true],
    ]);
    expect(files.map(({ state }) => state)).toEqual(["not-understood"]);
    expect(files[0]?.why).toContain("expected a pickle opcode");
  });

  it("finds a payload in each pickle of an archive", async () => {
    const archive = zipBytes([{ name: "x/data.pkl", data: pickleBytes(...SYSTEM, "STOP") }]);
    expect((await scan(put("evil.pt", archive))).verdict).toBe("unsafe");
    const second = zipBytes([
      { name: "x/data.pkl", data: pickleBytes("EMPTY_DICT", "STOP") },
      { name: "y/data.pkl", data: pickleBytes(...SYSTEM, "STOP") },
    ]);
    const { verdict, reasons } = await scan(put("two.pt", second));
    expect([verdict, reasons[0]?.code]).toEqual(["unsafe", "WB5301"]);
  });

  it("calls indirect calls, bombs and programs unsafe", async () => {
    const indirect = pickleBytes(...SYSTEM.slice(0, 1), "POP", ["EXT1", 1], "STOP");
    expect((await scan(put("indirect", indirect))).verdict).toBe("unsafe");
    const bomb = pickleBytes(
      "EMPTY_DICT",
      ["BINPUT", 0],
      ["BINUNICODE", "a"],
      ["BINGET", 0],
      "SETITEM",
      "STOP",
    );
    const { reasons } = await scan(put("bomb", Buffer.concat([pickleBytes(["PROTO", 2]), bomb])));
    expect(reasons.map(({ code }) => code)).toEqual(["WB5204"]);
  });

  it("names the code of a TorchScript program, and calls it neither safe nor unsafe", async () => {
    const script = zipBytes([
      {
        name: "s/data.pkl",
        data: pickleBytes(["GLOBAL", "__torch__", "Net"], "EMPTY_TUPLE", "NEWOBJ", "STOP"),
      },
      { name: "s/constants.pkl", data: pickleBytes("EMPTY_TUPLE", "STOP") },
      { name: "s/code/__torch__.py", data: Buffer.from("class Net(Module):\n  pass\n") },
    ]);
    const { verdict, files } = await scan(put("script.pt", script));
    expect(verdict).toBe("incomplete");
    expect(files[0]?.why).toContain("a TorchScript program");
    expect(files[0]?.why).toContain("s/code/__torch__.py");
    const evil = zipBytes([
      { name: "s/data.pkl", data: pickleBytes(...SYSTEM, "STOP") },
      { name: "s/constants.pkl", data: pickleBytes("EMPTY_TUPLE", "STOP") },
    ]);
    expect((await scan(put("evil-script.pt", evil))).verdict).toBe("unsafe");
  });

  it("calls a pickle without tensors safe", async () => {
    const { verdict, files } = await scan(
      put("numbers", pickleBytes(["PROTO", 2], "EMPTY_DICT", "STOP")),
    );
    expect([verdict, files.map(({ state }) => state)]).toEqual(["safe", ["examined"]]);
  });

  it("does not call safe what it could not read to the end", async () => {
    const cut = await scan(put("cut", pickleBytes(["PROTO", 2], "EMPTY_DICT")));
    expect([cut.verdict, cut.files[0]?.state]).toEqual(["incomplete", "not-understood"]);
    expect((await scan(put("gguf", Buffer.from("GGUF and more")))).verdict).toBe("incomplete");
    expect((await caught(() => scan(join(folder, "nothing")))).code).toBe("WB3001");
  });

  it("is not crowded out by 100,000 harmless names, nor content with the first of two pickles", async () => {
    const one = pickleBytes(["GLOBAL", "collections", "OrderedDict"], "POP");
    const harmless = Buffer.alloc(100_001 * one.byteLength, one);
    const crowd = torchTar({ root: [harmless, ...SYSTEM, "STOP"] });
    const { verdict, globals } = await scan(put("crowd.tar", crowd));
    expect([verdict, globals.filter(({ allowed }) => !allowed).length]).toEqual(["unsafe", 1]);
    const second = Buffer.concat([
      pickleBytes(["PROTO", 2], "EMPTY_DICT", "STOP"),
      pickleBytes(...SYSTEM, "STOP"),
    ]);
    expect((await scan(put("second.pdparams", second))).verdict).toBe("unsafe");
    const third = Buffer.concat([
      pickleBytes(["PROTO", 2], "EMPTY_DICT", "STOP"),
      Buffer.from("x"),
    ]);
    expect((await scan(put("garbage.pdparams", third))).verdict).toBe("incomplete");
  });

  it("follows an index, wherever its shards are, and says so when one is missing", async () => {
    const below = mkdtempSync(join(folder, "below-"));
    const index = join(below, "pytorch_model.bin.index.json");
    mkdirSync(join(below, "sub"));
    writeFileSync(join(below, "config.json"), "{}");
    writeFileSync(join(below, "sub/evil.bin"), PAYLOAD);
    writeFileSync(index, JSON.stringify({ weight_map: { w: "sub/evil.bin" } }));
    expect((await scan(below)).verdict).toBe("unsafe");
    expect((await scan(index)).verdict).toBe("unsafe");
    writeFileSync(index, JSON.stringify({ weight_map: { w: "sub/none.bin" } }));
    const { verdict, files } = await scan(index);
    expect([verdict, files.map(({ state }) => state)]).toEqual([
      "incomplete",
      ["harmless", "not-understood"],
    ]);
    writeFileSync(index, JSON.stringify({ weight_map: { w: "../evil.bin" } }));
    expect((await scan(index)).reasons.map(({ code }) => code)).toEqual(["WB5601"]);
  });

  it("scans every file of a folder, and all shards of an index", async () => {
    const mixed = mkdtempSync(join(tmpdir(), "weighbridge-scan-"));
    try {
      copyFileSync(join(FIXTURES, "paddle-a/model_state.pdparams"), join(mixed, "good.pdparams"));
      writeFileSync(join(mixed, "optimizer.pt"), PAYLOAD);
      writeFileSync(join(mixed, "README.md"), "text");
      const { verdict, files } = await scan(mixed);
      expect(verdict).toBe("unsafe");
      expect(files.map(({ file, state }) => [file, state])).toEqual([
        [join(mixed, "README.md"), "harmless"],
        [join(mixed, "good.pdparams"), "examined"],
        [join(mixed, "optimizer.pt"), "not-understood"],
      ]);
      expect(readdirSync(mixed)).toHaveLength(3);
    } finally {
      rmSync(mixed, { recursive: true, force: true });
    }
    const index = join(FIXTURES, "pytorch-sharded/pytorch_model.bin.index.json");
    expect((await scan(index)).files).toHaveLength(4);
  });
});

describe("renderSarif", () => {
  it("gives one result for each finding, with rule, file and byte", async () => {
    const result = await scan(put("evil 1.pdparams", pickleBytes(...SYSTEM, "STOP")));
    const log: unknown = JSON.parse(renderSarif(result, "1.2.3", folder));
    expect(log).toMatchObject({
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "weighbridge", version: "1.2.3", rules: [{ id: "WB5201" }] } },
          results: [
            {
              ruleId: "WB5201",
              ruleIndex: 0,
              level: "error",
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: "evil%201.pdparams" },
                    region: { startLine: 1, byteOffset: 0, byteLength: 1 },
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it("of a safe file has no results", async () => {
    const log: unknown = JSON.parse(
      renderSarif(await scan(join(FIXTURES, "paddle-a")), "1", folder),
    );
    expect(log).toMatchObject({ runs: [{ results: [] }] });
  });
});
