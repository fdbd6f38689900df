import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

/** q, k and v have biases, o and the feed-forward network have none. */
const RIGHT = join(FIXTURES, "qwen2");
const GOLDEN = join(FIXTURES, "goldens/qwen2.safetensors");
const EXTRA = "model.layers.0.self_attn.o_proj.bias";

let folder = "";
let model: EditableModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-zero-biases-"));
  const config = readFileSync(join(RIGHT, "config.json"), "utf8");
  model = await readEditable(join(RIGHT, "model.safetensors"), config);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The model with biases of o_proj and of down_proj in its first layer, which hold `value` at one place and else zeros. */
async function withBiases(name: string, value: number): Promise<string> {
  const edited = model.copy();
  for (const bias of [EXTRA, "model.layers.0.mlp.down_proj.bias"]) {
    const { shape } = edited.get("model.norm.weight");
    const data = new Float32Array(shape[0] ?? 0);
    data[3] = bias === EXTRA ? value : 0;
    edited.set(bias, { shape, data, dtype: "F32" });
  }
  const path = join(folder, name);
  await edited.write(path);
  return path;
}

test("biases of zeros that the model has not change nothing, which a note says", async () => {
  const path = await withBiases("zero", 0);
  for (const reference of [{ golden: GOLDEN }, { other: RIGHT }]) {
    const { verdict, comparisons, notes } = await verify(path, { ...reference, device: "wasm" });
    expect(comparisons.map(({ failures }) => failures)).toEqual([[]]);
    expect(verdict).toBe("pass");
    expect(notes.join("\n")).toContain(
      `2 biases that config.json does not ask for are zero throughout and change nothing: model.layers.0.mlp.down_proj.bias and so on`,
    );
  }
  const { verdict, notes } = await verify(RIGHT, { other: path, device: "wasm" });
  expect(verdict).toBe("pass");
  expect(notes.join("\n")).toContain("zero throughout");
});

test("one that is not zero is the bias of another model", async () => {
  const { verdict, comparisons } = await verify(await withBiases("other", 1e-3), {
    golden: GOLDEN,
    device: "wasm",
  });
  expect(verdict).toBe("fail");
  // Others of its biases config.json does ask for.
  expect(comparisons[0]?.diagnosis[0]?.evidence).toBe(
    "config.json asks for no such biases, the file has 2: model.layers.0.mlp.down_proj.bias and so on",
  );
});

test("a checkpoint whose biases are zero is that of a model without them", async () => {
  const edited = model.copy();
  const plain = model.copy();
  for (const name of model.names().filter((one) => one.endsWith("_proj.bias"))) {
    const { shape } = edited.get(name);
    edited.set(name, { shape, data: new Float32Array(shape[0] ?? 0), dtype: "F32" });
    plain.delete(name);
  }
  const [zeros, none] = [join(folder, "zeros"), join(folder, "none")];
  await edited.write(zeros);
  plain.config["architectures"] = ["LlamaForCausalLM"];
  plain.config["model_type"] = "llama";
  await plain.write(none);
  for (const [one, other] of [
    [zeros, none],
    [none, zeros],
  ] as const) {
    const { verdict, comparisons } = await verify(one, { other, device: "wasm" });
    expect(comparisons.map(({ failures }) => failures)).toEqual([[]]);
    expect(verdict).toBe("pass");
  }
});
