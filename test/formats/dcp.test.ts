import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { openCheckpoint } from "../../src/formats/open.ts";
import { tilesFill, type Tile } from "../../src/formats/dcp/tiles.ts";
import { diff } from "../../src/verify/diff.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { archive, dictOf } from "../support/hostile/torch-files.ts";
import { memoryTensor } from "../support/memory-checkpoint.ts";

const PLACE = join(FIXTURES, "torch-dcp");
const folder = mkdtempSync(join(tmpdir(), "weighbridge-dcp-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what torch.distributed.checkpoint saved in parts", () => {
  it.each(["fsdp", "cut"])("is put together: %s", async (name) => {
    const compared = await diff(join(PLACE, name), join(PLACE, `${name}.pt`));
    expect(compared.same).toBe(true);
    expect(compared.summary).toMatchObject({ identical: name === "fsdp" ? 5 : 4, onlyLeft: 0 });
  });

  it("is the model, and what else is there is named", async () => {
    const { checkpoint } = await openCheckpoint(join(PLACE, "fsdp"));
    await checkpoint.close();
    expect(checkpoint).toMatchObject({ format: "torch-dcp" });
    expect(checkpoint.files).toHaveLength(4);
    expect(checkpoint.skipped.map(({ name }) => name)).toEqual(["optimizer", "steps", "step"]);
    const states = await openCheckpoint(join(PLACE, "fsdp"), {
      selection: { select: "optimizer.state" },
    });
    await states.checkpoint.close();
    expect(states.checkpoint.tensors.length).toBeGreaterThan(10);
  });
});

it("is taken where Lightning wrote the rest of its checkpoint beside it", async () => {
  const place = join(folder, "lightning.ckpt");
  cpSync(join(PLACE, "fsdp"), place, { recursive: true });
  writeFileSync(join(place, "meta.pt"), archive(dictOf()));
  const { checkpoint } = await openCheckpoint(place);
  await checkpoint.close();
  expect(checkpoint.format).toBe("torch-dcp");
  expect(checkpoint.tensors).toHaveLength(5);
});

/** A copy of a fixture with one of its files changed. */
function changed(name: string, file: string, change: (bytes: Buffer) => Uint8Array): string {
  const place = join(folder, name);
  cpSync(join(PLACE, "cut"), place, { recursive: true });
  const path = join(place, file);
  writeFileSync(path, change(readFileSync(path)));
  return place;
}

/** The same bytes with one text in place of another as long. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
}

test.each([
  ["a file that is cut off", "__1_0.distcp", (bytes: Buffer) => bytes.subarray(0, 900), "WB3607"],
  [
    "a table of another kind",
    ".metadata",
    (bytes: Buffer) => replaced(bytes, "ChunkStorageMetadata", "TensorStorageMetadat"),
    "WB5201",
  ],
  [
    "a table without a field",
    ".metadata",
    (bytes: Buffer) => replaced(bytes, "chunks", "chunkz"),
    "WB3607",
  ],
  [
    "a table that names a file elsewhere",
    ".metadata",
    (bytes: Buffer) => replaced(bytes, "__0_0.distcp", "../etc/passw"),
    "WB5601",
  ],
  [
    "a table that names a program",
    ".metadata",
    (bytes: Buffer) => replaced(bytes, "_StorageInfo", "_StorageEvil"),
    "WB5201",
  ],
] as const)("%s is refused", async (name, file, change, code) => {
  const place = changed(name.replaceAll(" ", "-"), file, change);
  expect((await caught(() => openCheckpoint(place))).code).toBe(code);
});

function tile(offsets: readonly number[], sizes: readonly number[]): Tile {
  return { offsets, sizes, tensor: memoryTensor("t", "F32", sizes, new Uint8Array(0)) };
}

test("chunks that overlap or leave a gap do not fill a tensor", () => {
  const halves = [tile([0, 0], [2, 3]), tile([2, 0], [2, 3])];
  expect(tilesFill(halves, [4, 3])).toBe(true);
  expect(tilesFill([tile([0, 0], [2, 3]), tile([1, 0], [2, 3])], [4, 3])).toBe(false);
  expect(tilesFill(halves.slice(1), [4, 3])).toBe(false);
  expect(tilesFill(halves, [4, 4])).toBe(false);
  expect(tilesFill([...halves, tile([4, 0], [0, 3])], [4, 3])).toBe(true);
});
