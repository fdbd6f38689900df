import { describe, expect, it } from "vitest";
import { parseIndex, type WeightIndex } from "../../src/formats/sets/index-file.ts";
import { rankOfFile } from "../../src/formats/sets/rank-file.ts";
import { joinCheckpoints, openShards } from "../../src/formats/sets/shards.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import type { Checkpoint, StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { countingBytes, memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";

function indexOf(value: unknown): WeightIndex {
  return parseIndex(new TextEncoder().encode(JSON.stringify(value)), "folder/w.index.json");
}

describe("parseIndex", () => {
  it("gives names, files and the total size", () => {
    const index = indexOf({
      metadata: { total_size: 12 },
      weight_map: { a: "s1", b: "s2", c: "s1", "__proto__ ": "sub/s3" },
    });
    expect(index.files).toEqual(["s1", "s2", "sub/s3"]);
    expect(index.fileOf.get("c")).toBe("s1");
    expect(index.totalSize).toBe(12);
    expect(indexOf({ weight_map: { a: "s" } }).totalSize).toBeUndefined();
  });

  it.each(["../s", "/etc/passwd", "a/../../s", "C:\\s", "C:s", "a\\..\\s", ".", "", "a//b", "s\0"])(
    "refuses the shard %j, which is not inside the folder",
    async (file) => {
      const error = await caught(() => indexOf({ weight_map: { a: file } }));
      expect(error.code).toBe("WB5601");
    },
  );

  it.each([
    [[], "expected an object with weight_map, found none"],
    [{ weight_map: [] }, "found array"],
    [{ weight_map: { a: 1 } }, "weight_map of a: expected a file name, found number"],
    [{ weight_map: {} }, "weight_map is empty"],
  ])("refuses %j", async (value, message) => {
    const error = await caught(() => indexOf(value));
    expect(error.code).toBe("WB3601");
    expect(error.message).toContain(message);
  });

  it("refuses a tensor that is named twice", async () => {
    const text = '{"weight_map": {"a": "s1", "a": "s2"}}';
    const error = await caught(() => parseIndex(new TextEncoder().encode(text), "x"));
    expect(error.code).toBe("WB3601");
  });
});

/** Opens shards from a list of tensor names each, and counts those that are open. */
function shardFolder(shards: Readonly<Record<string, readonly string[]>>) {
  const state = { open: 0 };
  const openFile = (path: string): Promise<Checkpoint> => {
    const names = shards[path.replace("folder/", "")];
    if (names === undefined) {
      return Promise.reject(new WbError("WB3001", `${path}: no such file`, { details: { path } }));
    }
    state.open++;
    const tensors = names.map((name) =>
      memoryTensor(name, "F32", [1], countingBytes("F32", 1), { storage: "0" }),
    );
    const close = (): Promise<void> => {
      state.open--;
      return Promise.resolve();
    };
    return Promise.resolve(memoryCheckpoint(tensors, { path, files: [path], close }));
  };
  return { state, openFile };
}

describe("openShards", () => {
  const index = indexOf({ weight_map: { a: "s1", b: "s2", c: "s1" } });

  it("joins the shards, with storages of their own", async () => {
    const { state, openFile } = shardFolder({ s1: ["a", "c"], s2: ["b"] });
    const checkpoint = await openShards(index, openFile);
    expect(checkpoint.tensors.map(({ name }) => name)).toEqual(["a", "c", "b"]);
    expect(new Set(checkpoint.tensors.map(({ storage }) => storage)).size).toBe(2);
    expect(checkpoint.files).toEqual(["folder/s1", "folder/s2"]);
    expect(state.open).toBe(2);
    await checkpoint.close();
    expect(state.open).toBe(0);
  });

  it("lists every difference from the index, and closes what it opened", async () => {
    const { state, openFile } = shardFolder({ s1: ["a", "d"] });
    const error = await caught(() => openShards(index, openFile));
    expect(error.code).toBe("WB3602");
    expect(error.message).toMatchInlineSnapshot(`
      "folder/w.index.json: the shards are not those of the index:
        shard s2 is missing
        d is in s1, but not in the index
        c: the index says s1, found in no shard"
    `);
    expect(state.open).toBe(0);
  });

  it("refuses a tensor in two shards, or in another than the index says", async () => {
    const twice = shardFolder({ s1: ["a", "c"], s2: ["b", "c"] });
    expect((await caught(() => openShards(index, twice.openFile))).code).toBe("WB3604");
    const moved = shardFolder({ s1: ["a"], s2: ["b", "c"] });
    const error = await caught(() => openShards(index, moved.openFile));
    expect(error.code).toBe("WB3603");
    expect(error.message).toContain("c: the index says s1, found in s2");
  });
});

function tensor(name: string): StoredTensor {
  return memoryTensor(name, "F32", [1], countingBytes("F32", 1));
}

describe("joinCheckpoints", () => {
  it("keeps equal names of different ranks apart", () => {
    const joined = joinCheckpoints("folder", [
      { checkpoint: memoryCheckpoint([tensor("a")]), rank: { tp: 0, pp: 0 } },
      { checkpoint: memoryCheckpoint([tensor("a")]), rank: { tp: 1, pp: 0 } },
    ]);
    expect(joined.tensors.map(({ name, rank }) => [name, rank?.tp])).toEqual([
      ["a", 0],
      ["a", 1],
    ]);
  });

  it("refuses repeated names of one rank, and mixed formats", async () => {
    const parts = [memoryCheckpoint([tensor("a")]), memoryCheckpoint([tensor("a")])];
    const repeated = await caught(() =>
      joinCheckpoints(
        "folder",
        parts.map((checkpoint) => ({ checkpoint })),
      ),
    );
    expect(repeated.code).toBe("WB3604");
    const mixed = [memoryCheckpoint([tensor("a")]), memoryCheckpoint([], { format: "paddle" })];
    const formats = await caught(() =>
      joinCheckpoints(
        "folder",
        mixed.map((checkpoint) => ({ checkpoint })),
      ),
    );
    expect(formats.code).toBe("WB3605");
    expect((await caught(() => joinCheckpoints("folder", []))).code).toBe("WB3602");
  });
});

describe("rankOfFile", () => {
  it.each([
    ["model_state.tp00.pdparams", { tp: 0, pp: 0 }],
    ["model_state.tp03_pp01.pdparams", { tp: 3, pp: 1 }],
    ["model_state.pp01.pdparams", { tp: 0, pp: 1 }],
    ["model_tp1_pp0.pt", { tp: 1, pp: 0 }],
    ["model_tp12_pp3.pt", { tp: 12, pp: 3 }],
    ["model_state.pdparams", undefined],
    ["model_state-00001-of-00002.pdparams", undefined],
    ["pytorch_model.bin", undefined],
    ["model_config.pt", undefined],
    ["optimizer_tp0_pp0_zo0.pt", undefined],
  ])("of %s is %j", (name, rank) => {
    expect(rankOfFile(name)).toEqual(rank);
  });
});
