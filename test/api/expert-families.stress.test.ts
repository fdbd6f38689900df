import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { expectedWeights, FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { storedFacts } from "../support/stored-facts.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-experts-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("a folder of each writer", () => {
  it.each(FIXTURE_FOLDERS.filter(({ group }) => group === "experts"))(
    "$name has the weights that were saved, and gives the golden's logits",
    async ({ name, path, weights, golden }) => {
      const target = join(work, `${name}-converted`);
      await convert(path, target);
      expect(await storedFacts(join(target, "model.safetensors"))).toEqual(
        expectedWeights(weights),
      );
      const found = await verify(path, { golden, device: "wasm" });
      expect([found.verdict, found.diagnosis]).toEqual(["pass", []]);
    },
  );
});

interface Shaped {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A new folder of the work folder with tensors of zeros. */
async function written(name: string, tensors: readonly Shaped[]): Promise<string> {
  const folder = join(work, name);
  mkdirSync(folder);
  const zeros = tensors.map((tensor) => {
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    return { ...tensor, dtype: "BF16" as const, bytes: new Uint8Array(2 * count) };
  });
  await writeSafetensors(join(folder, "model.safetensors"), zeros, new Map());
  return folder;
}

function configOf(folder: string): object {
  const config: unknown = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  return isRecord(config) ? config : {};
}

/** Writes a folder's config.json with some fields changed into another. */
function setConfig(
  source: string,
  folder: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...configOf(source), ...fields }));
}

/** A folder with the names of a fixture's tensors, some of them left out or of other shapes, or more of them. */
async function changed(
  fixture: string,
  name: string,
  change: (name: string, shape: readonly number[]) => readonly number[] | undefined,
  more: readonly Shaped[] = [],
): Promise<string> {
  const source = join(FIXTURES, fixture);
  const { checkpoint } = await openCheckpoint(join(source, "model.safetensors"));
  const tensors = checkpoint.tensors.flatMap((tensor) => {
    const shape = change(tensor.name, tensor.shape);
    return shape === undefined ? [] : [{ name: tensor.name, shape }];
  });
  await checkpoint.close();
  const folder = await written(name, [...tensors, ...more]);
  setConfig(source, folder, {});
  return folder;
}

const changedMixtral = async (
  name: string,
  change: (name: string, shape: readonly number[]) => readonly number[] | undefined,
): Promise<string> => changed("mixtral", name, change);

describe("experts that are stacked in one tensor", () => {
  it("of which the stack has too few are missing by name", async () => {
    const folder = join(work, "few");
    const source = join(FIXTURES, "glm4_moe-state");
    mkdirSync(folder);
    copyFileSync(join(source, "pytorch_model.bin"), join(folder, "pytorch_model.bin"));
    setConfig(source, folder, { n_routed_experts: 7 });
    const error = await caught(() => convert(folder, join(work, "no")));
    expect(error.code).toBe("WB3702");
    expect(error.message).toContain("model.layers.1.mlp.gate.weight: expected [7, 32]");
    expect(error.message).toContain("model.layers.1.mlp.experts.6.gate_proj.weight is missing");
  });

  it("are told apart from the stack that they come out of", async () => {
    const { tensors } = await convert(join(FIXTURES, "qwen3_moe-state"), join(work, "unstacked"));
    expect(
      tensors.find(({ to }) => to === "model.layers.1.mlp.experts.3.up_proj.weight"),
    ).toMatchObject({
      from: ["model.layers.1.mlp.experts.gate_up_proj"],
      action: "split",
      shape: [12, 32],
    });
  });
});

describe("routers", () => {
  it("that are square have the layout of the family's writers, which for GLM-4.5 is not that of other Linears", async () => {
    const source = join(FIXTURES, "glm4_moe-paddleformers");
    const { checkpoint } = await openCheckpoint(join(source, "model_state.pdparams"));
    const stored = checkpoint.tensors.map(({ name, shape }) => ({ name, shape }));
    await checkpoint.close();
    // As many experts as there are channels.
    const expert = stored.filter(({ name }) => name.includes(".experts.0."));
    const more = Array.from({ length: 26 }, (_unused, index) =>
      expert.map(({ name, shape }) => ({ name: name.replace(".0.", `.${index + 6}.`), shape })),
    );
    const square = [...stored, ...more.flat()].map(({ name, shape }) =>
      name.includes(".mlp.gate.")
        ? { name, shape: shape.map((size) => (size === 6 ? 32 : size)) }
        : { name, shape },
    );
    const folder = await written("square", square);
    setConfig(source, folder, { n_routed_experts: 32 });
    const { tensors } = await convert(folder, join(work, "square-converted"));
    const actionOf = (name: string): unknown => tensors.find(({ to }) => to === name)?.action;
    expect(actionOf("model.layers.1.mlp.gate.weight")).toBe("copy");
    expect(actionOf("model.layers.0.mlp.up_proj.weight")).toBe("transpose");
  });
});

const same = (_name: string, shape: readonly number[]): readonly number[] => shape;

describe("what predicts tokens further ahead", () => {
  it("is left out of GLM-4.5's files, and said", async () => {
    const folder = await changed("glm4_moe", "glm-ahead", same, [
      { name: "model.layers.2.input_layernorm.weight", shape: [32] },
      { name: "model.layers.2.mlp.experts.5.down_proj.weight", shape: [32, 12] },
      { name: "model.layers.2.eh_proj.weight", shape: [32, 64] },
    ]);
    setConfig(folder, folder, { num_nextn_predict_layers: 1 });
    const { dropped } = await convert(folder, join(work, "glm-ahead-converted"));
    expect(dropped.map(({ name }) => name)).toHaveLength(3);
    expect(configOf(join(work, "glm-ahead-converted"))).toMatchObject({
      num_nextn_predict_layers: 0,
    });
  });

  it("is refused where config.json has no such layer", async () => {
    const folder = await changed("glm4_moe", "glm-behind", same, [
      { name: "model.layers.2.input_layernorm.weight", shape: [32] },
    ]);
    setConfig(folder, folder, { num_nextn_predict_layers: 0 });
    const error = await caught(() => convert(folder, join(work, "no")));
    expect([error.code, error.message]).toEqual([
      "WB3702",
      expect.stringContaining("is not a tensor of the model: config.json has 2 layers"),
    ]);
  });

  it("is left out of ERNIE 4.5's files, and said", async () => {
    const folder = await changed("ernie4_5_moe", "ernie-ahead", same, [
      { name: "ernie.mtp_block.0.self_attn.qkv_proj.weight", shape: [32, 64] },
      { name: "ernie.mtp_block.0.mlp.experts.3.up_gate_proj.weight", shape: [32, 24] },
      { name: "ernie.mtp_emb_norm.0.weight", shape: [32] },
      { name: "ernie.mtp_linear_proj.0.weight", shape: [64, 32] },
    ]);
    const { dropped } = await convert(folder, join(work, "ernie-ahead-converted"));
    expect(dropped.map(({ name }) => name)).toHaveLength(4);
  });
});

describe("what transformers keeps in float32", () => {
  it("is left as it is by a cast to a half dtype", async () => {
    const target = join(work, "kept");
    await convert(join(FIXTURES, "ernie4_5_moe"), target, { dtype: "F16" });
    const facts = await storedFacts(join(target, "model.safetensors"));
    const dtypeOf = (name: string): unknown => facts[`model.layers.1.mlp.${name}`]?.[0];
    expect([
      dtypeOf("gate.weight"),
      dtypeOf("moe_statics.e_score_correction_bias"),
      dtypeOf("experts.0.up_proj.weight"),
    ]).toEqual(["F32", "F32", "F16"]);
  });
});

describe("a model with experts", () => {
  const router = "model.layers.0.block_sparse_moe.gate.weight";

  it("of which one is missing is refused by that tensor's name", async () => {
    const folder = await changedMixtral("missing", (name, shape) =>
      name.includes("layers.1.block_sparse_moe.experts.3.w1.") ? undefined : shape,
    );
    const error = await caught(() => convert(folder, join(work, "no")));
    expect(error.code).toBe("WB3702");
    expect(error.message).toContain(
      "model.layers.1.block_sparse_moe.experts.3.w1.weight is missing",
    );
  });

  it("with a router of another width than config.json has experts is refused by its name", async () => {
    const folder = await changedMixtral("wide", (name, shape) =>
      name === router ? [6, 32] : shape,
    );
    const error = await caught(() => convert(folder, join(work, "no")));
    expect(error.code).toBe("WB3702");
    expect(error.message).toContain(`${router}: expected [5, 32], found [6, 32]`);
  });

  it("has routers whose layout is told by their own shapes", async () => {
    const folder = await changedMixtral("transposed", (name, shape) =>
      name.endsWith("block_sparse_moe.gate.weight") ? shape.toReversed() : shape,
    );
    const target = join(work, "router");
    await convert(folder, target);
    const facts = await storedFacts(join(target, "model.safetensors"));
    expect([facts[router]?.[1], facts["lm_head.weight"]?.[1]]).toEqual([
      [5, 32],
      [128, 32],
    ]);
  });
});
