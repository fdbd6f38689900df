import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { openFileSource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { zipBytes } from "../support/zip-bytes.ts";

const WEIGHTS = join(FIXTURES, "safetensors-single/model.safetensors");

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-kinds-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function fifo(name: string): string {
  const path = join(folder, name);
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return path;
}

function index(shard: string): string {
  const path = join(folder, "model.safetensors.index.json");
  writeFileSync(path, JSON.stringify({ weight_map: { w: shard } }));
  return path;
}

describe.skipIf(process.platform === "win32")("what is no regular file", () => {
  it("is refused without waiting for a writer, be it named, linked to, or a shard", async () => {
    const path = fifo("pipe.safetensors");
    const link = join(folder, "link.safetensors");
    symlinkSync(path, link);
    for (const named of [path, link, index("pipe.safetensors")]) {
      const error = await caught(() => openCheckpoint(named));
      expect([error.code, error.message]).toEqual(["WB3002", expect.stringContaining("a FIFO")]);
    }
    expect((await caught(() => scan(path))).code).toBe("WB3002");
  });

  it("is passed over in a folder", async () => {
    fifo("model.safetensors");
    expect((await caught(() => openCheckpoint(folder))).code).toBe("WB3006");
  });

  it("is refused as a shard when it is a folder or a device", async () => {
    mkdirSync(join(folder, "shard"));
    const error = await caught(() => openCheckpoint(index("shard")));
    expect([error.code, error.message]).toEqual(["WB3002", expect.stringContaining("a folder")]);
    symlinkSync("/dev/zero", join(folder, "zero"));
    expect((await caught(() => openCheckpoint(join(folder, "zero")))).code).toBe("WB3002");
  });
});

describe.skipIf(process.platform === "win32")("a symbolic link", () => {
  it("is followed to its file, as the Hugging Face cache needs", async () => {
    mkdirSync(join(folder, "blobs"));
    mkdirSync(join(folder, "snapshots"));
    cpSync(WEIGHTS, join(folder, "blobs/0123"));
    symlinkSync("../blobs/0123", join(folder, "snapshots/model.safetensors"));
    const { checkpoint } = await openCheckpoint(join(folder, "snapshots"));
    expect(checkpoint.tensors.length).toBeGreaterThan(10);
    await checkpoint.close();
  });

  it("that leads nowhere, or to itself, is a typed error", async () => {
    symlinkSync("nowhere", join(folder, "dangling.safetensors"));
    symlinkSync("loop.safetensors", join(folder, "loop.safetensors"));
    const dangling = await caught(() => openCheckpoint(join(folder, "dangling.safetensors")));
    expect(dangling.code).toBe("WB3001");
    const loop = await caught(() => openCheckpoint(join(folder, "loop.safetensors")));
    expect(loop.code).toBe("WB3009");
  });
});

describe("a file that shrinks while it is read", () => {
  it("is a typed error, and no bytes of before or of elsewhere are given", async () => {
    const path = join(folder, "model.safetensors");
    cpSync(WEIGHTS, path);
    const source = await openFileSource(path);
    truncateSync(path, 1000);
    const error = await caught(() => source.read(900, 200));
    expect(error.message).toContain("expected 200 bytes at 900, found 100; the file shrank");
    expect(error.code).toBe("WB3003");
    await source.close();
  });
});

describe("a file's name", () => {
  it("with a NUL in it is a typed error", async () => {
    expect((await caught(() => openCheckpoint("a\0b"))).code).toBe("WB6002");
  });

  it("says nothing about its format", async () => {
    const path = join(folder, "model.pdparams");
    cpSync(WEIGHTS, path);
    const { checkpoint } = await openCheckpoint(path);
    expect(checkpoint.format).toBe("safetensors");
    await checkpoint.close();
  });
});

function zipOf(...names: readonly string[]): Uint8Array {
  return zipBytes(names.map((name) => ({ name, data: Buffer.from("{}") })));
}

describe("what is a file of something else", () => {
  it.each([
    ["HDF5", Buffer.from("894844460d0a1a0a00", "hex")],
    ["gzip", Buffer.from("1f8b0800000000000003", "hex")],
    ["TensorFlow Lite", Buffer.from("1c00000054464c3314002000", "hex")],
    ["msgpack (Flax)", Buffer.from("81a6706172616d7381a161c7", "hex")],
    ["ONNX", Buffer.from("0808120770797461", "hex")],
    ["torch.export", zipOf("m/archive_format", "m/data/weights/weight_0", "m/models/model.json")],
    ["torch.export", zipOf("serialized_exported_program.json", "serialized_state_dict.pt")],
    ["torch.package", zipOf("p/.data/extern_modules", "p/model/model.pkl")],
    ["Keras", zipOf("metadata.json", "config.json", "model.weights.h5")],
  ])("is named: %s", async (kind, bytes) => {
    const path = join(folder, "weights");
    writeFileSync(path, bytes);
    const error = await caught(() => openCheckpoint(path));
    expect([error.code, error.message]).toEqual(["WB4001", expect.stringContaining(kind)]);
  });
});
