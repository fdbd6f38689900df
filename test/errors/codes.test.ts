import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openModel, requireConfig } from "../../src/session/open-model.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "../../src/convert/staging/file-system.ts";
import { ERROR_CODES } from "../../src/errors/codes.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { installNative } from "../../src/runtime/backends/native/install/install.ts";
import {
  compileAddon,
  fetchPackage,
  fetchWheels,
} from "../../src/runtime/backends/native/install/steps.ts";
import { parseSentencePieceModel } from "../../src/runtime/tokenizer/sentencepiece-model.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";

const TESTS = join(import.meta.dirname, "..");
const MODEL = join(FIXTURES, "internlm-tiny/pytorch_model.bin");

const folder = mkdtempSync(join(tmpdir(), "weighbridge-codes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

describe("every error code", () => {
  it("is provoked by a test", () => {
    const sources = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(join(TESTS, name), "utf8"))
      .join("\n");
    expect(Object.keys(ERROR_CODES).filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });

  it("has a title, a meaning and a remedy, and a class and an area that exist", () => {
    for (const [code, { title, meaning, remedy }] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^WB[1-79]\d{3}$/);
      for (const text of [title, meaning, remedy]) expect(text.length).toBeGreaterThan(8);
    }
  });
});

function changed(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 1);
}

/** A disk that takes bytes and keeps others. */
const lyingDisk: FileSystem = {
  ...REAL_FILE_SYSTEM,
  openForWriting: async (path, flags) => {
    const file = await REAL_FILE_SYSTEM.openForWriting(path, flags);
    return {
      ...file,
      write: (bytes, position) => file.write(position === 0 ? bytes : changed(bytes), position),
      writeNow: (bytes, position) => {
        file.writeNow(position === 0 ? bytes : changed(bytes), position);
      },
    };
  },
};

describe("an error of the environment", () => {
  it("WB1901: the disk gives back other bytes than it was given", async () => {
    const target = join(folder, "false");
    const error = await caught(() => convert(MODEL, target, { fileSystem: lyingDisk }));
    expect(error.code).toBe("WB1901");
  });

  it("WB9001: the caller's reason for stopping is what is thrown", async () => {
    const signal = AbortSignal.abort(new WbError("WB9001", "interrupted"));
    const error = await caught(() => convert(MODEL, join(folder, "stopped"), { signal }));
    expect(error.code).toBe("WB9001");
  });

  it("WB6101: no native build is pinned for the platform", async () => {
    vi.stubGlobal("process", { ...process, platform: "sunos", arch: "mips" });
    expect((await caught(() => installNative({ variant: "cpu" }))).code).toBe("WB6101");
  });

  it("WB6104, WB6105, WB6106: pip, npm or the compiler fails", async () => {
    expect((await caught(() => fetchWheels(folder, [], "false", {}))).code).toBe("WB6104");
    expect((await caught(() => compileAddon(folder, "false", {}))).code).toBe("WB6106");
    vi.stubEnv("PATH", folder);
    expect((await caught(() => fetchPackage(folder, {}))).code).toBe("WB6105");
  });
});

describe("an error of the model", () => {
  it("WB3705: there is no config.json to tell the dimensions", async () => {
    const path = join(folder, "alone.bin");
    writeFileSync(path, archive(dictOf(tensor())));
    const model = await openModel(path);
    const error = await caught(async () => requireConfig(model));
    await model.checkpoint.close();
    expect(error.code).toBe("WB3705");
  });

  it("WB4901: the target has no such dtype", async () => {
    const path = join(folder, "complex.bin");
    const storage = { type: "ComplexDoubleStorage", length: 1 };
    const one = tensor({ shape: [1], strides: [1] }, storage);
    writeFileSync(path, archive(dictOf(one), { "0": 16 }));
    const target = join(folder, "complex");
    const error = await caught(() => convert(path, target, { architecture: "none" }));
    expect(error.code).toBe("WB4901");
  });

  it("WB4801: the tokenizer is of a kind that is not supported", async () => {
    // One piece "a" for unknown text; field 2 of ModelProto is the trainer's settings, their field 3 the model's type: 3 is "word".
    const bytes = Uint8Array.of(0x0a, 0x05, 0x0a, 0x01, 0x61, 0x18, 0x02, 0x12, 0x02, 0x18, 0x03);
    expect((await caught(() => parseSentencePieceModel(bytes, "tokenizer.model"))).code).toBe(
      "WB4801",
    );
  });
});
