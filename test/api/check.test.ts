import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { check } from "../../src/api/check.ts";
import { caught, factOf } from "../support/caught.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";

const copies: string[] = [];
afterEach(() => {
  for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
});

/** A copy of a fixture to do harm to. */
function copyOf(fixture: string): (file: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-check-"));
  copies.push(folder);
  cpSync(join(FIXTURES, fixture), folder, { recursive: true });
  return (file) => join(folder, file);
}

function edit(path: string, from: string | RegExp, to: string): void {
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
}

async function codesOf(path: string): Promise<readonly string[]> {
  const { problems } = await check(path);
  return [...new Set(problems.map(({ code }) => code))];
}

describe("check", () => {
  it.each(FIXTURE_FOLDERS.filter(({ name }) => name !== "dtypes"))(
    "finds nothing wrong with $name",
    async ({ path }) => {
      const { problems, tensors } = await check(path);
      expect(problems).toEqual([]);
      expect(tensors).toBeGreaterThan(0);
    },
  );

  it("asks which file of a folder is meant where nothing says so", async () => {
    const error = await caught(() => check(join(FIXTURES, "dtypes")));
    expect(error.code).toBe("WB3008");
    expect(factOf(error, "choices")).toContain("everything.bin");
  });

  it("finds stored rotary frequencies that config.json contradicts", async () => {
    const at = copyOf("internlm-tiny");
    edit(at("config.json"), '"bias"', '"rope_theta": 500, "bias"');
    const { problems } = await check(at("pytorch_model.bin"));
    expect(problems.map(({ code }) => code)).toEqual(["WB3708"]);
    expect(problems[0]?.message).toContain("they are those of rope_theta 10000");
  });

  it("finds a missing shard, and names it", async () => {
    const at = copyOf("safetensors-sharded");
    rmSync(at("model-00002-of-00002.safetensors"));
    const { problems } = await check(at(""));
    expect(problems).toEqual([
      {
        code: "WB3602",
        message: "shard model-00002-of-00002.safetensors is missing",
        file: "model-00002-of-00002.safetensors",
      },
    ]);
  });

  it("finds a truncated shard, and goes on with the others", async () => {
    const at = copyOf("safetensors-sharded");
    truncateSync(at("model-00001-of-00002.safetensors"), 40_000);
    const { problems } = await check(at("model.safetensors.index.json"));
    expect(problems.map(({ code, file }) => [code, file])).toEqual([
      ["WB3504", at("model-00001-of-00002.safetensors")],
    ]);
  });

  it("finds every name in which the index and the shards differ, and a wrong total", async () => {
    const at = copyOf("pytorch-sharded");
    const index = at("pytorch_model.bin.index.json");
    edit(index, '"model.norm.weight"', '"model.nrom.weight"');
    edit(index, /"total_size": *\d+/, '"total_size": 5');
    const { problems } = await check(at(""));
    expect(problems.map(({ code, tensor }) => [code, tensor])).toEqual([
      ["WB3603", "model.norm.weight"],
      ["WB3603", "model.nrom.weight"],
      ["WB3606", undefined],
    ]);
  });

  it("finds missing and unexpected tensors, and shapes that config.json does not give", async () => {
    const at = copyOf("safetensors-single");
    edit(at("config.json"), '"num_hidden_layers": 3', '"num_hidden_layers": 4');
    const missing = await check(at("model.safetensors"));
    expect(missing.problems).toHaveLength(13);
    expect(missing.problems[0]).toMatchObject({
      code: "WB3702",
      tensor: "model.layers.3.self_attn.q_proj.weight",
    });
    edit(at("config.json"), '"num_hidden_layers": 4', '"num_hidden_layers": 2');
    const unexpected = await check(at("model.safetensors"));
    expect(unexpected.problems[0]?.message).toContain(
      "is not a tensor of the model: config.json has 2 layers",
    );
    edit(at("config.json"), '"num_hidden_layers": 2', '"num_hidden_layers": 3');
    edit(at("config.json"), '"intermediate_size": 88', '"intermediate_size": 80');
    expect(await codesOf(at(""))).toEqual(["WB3702"]);
  });

  it("finds a damaged header, a damaged config.json, and an index that is none", async () => {
    const at = copyOf("safetensors-sharded");
    writeFileSync(at("config.json"), "{");
    expect(await codesOf(at(""))).toEqual(["WB3701"]);
    writeFileSync(at("model.safetensors.index.json"), '{"weight_map": {"a": "b", "a": "c"}}');
    expect(await codesOf(at(""))).toEqual(["WB3601", "WB3701"]);
    const paddle = copyOf("paddle-a");
    truncateSync(paddle("model_state.pdparams"), 1000);
    const { problems } = await check(paddle(""));
    expect(problems[0]?.code).toMatch(/^WB3/);
  });

  it("finds a rank that lacks a part", async () => {
    const at = copyOf("paddle-tp2");
    cpSync(at("model_state.tp00.pdparams"), at("model_state.tp02.pdparams"));
    const found = await codesOf(at(""));
    expect(found).toEqual(["WB3702"]);
    rmSync(at("model_state.tp01.pdparams"));
    expect(await codesOf(at(""))).toEqual(["WB3602"]);
  });

  it("throws what is no fault of the files: paths that are not there, unsafe or foreign content", async () => {
    const at = copyOf("safetensors-sharded");
    expect((await caught(() => check(at("nothing")))).code).toBe("WB3001");
    edit(at("model.safetensors.index.json"), /model-00001-of-00002/g, "../up");
    expect((await caught(() => check(at("")))).code).toBe("WB5601");
    writeFileSync(at("x"), "%PDF and more than sixteen bytes of it");
    expect((await caught(() => check(at("x")))).code).toBe("WB4001");
  });

  it("checks files only where there is no config.json, and says so", async () => {
    const at = copyOf("safetensors-single");
    rmSync(at("config.json"));
    const { architecture, notes, problems } = await check(at(""));
    expect([architecture, problems]).toEqual(["none", []]);
    expect(notes.join("\n")).toContain("names and shapes are not checked");
  });
});
