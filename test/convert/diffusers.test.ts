import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { inspect } from "../../src/api/inspect.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { caught } from "../support/caught.ts";

const pipeline = mkdtempSync(join(tmpdir(), "weighbridge-diffusers-"));
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-diffused-"));
afterAll(() => {
  for (const place of [pipeline, outputs]) rmSync(place, { recursive: true, force: true });
});

async function part(name: string, file: string, config: unknown): Promise<string> {
  const place = join(pipeline, name);
  mkdirSync(place);
  writeFileSync(join(place, "config.json"), JSON.stringify(config));
  const tensors = ["a.weight", "b.weight"].map((tensor, index) => ({
    name: tensor,
    dtype: "F32" as const,
    shape: [3],
    bytes: new Uint8Array(Float32Array.of(index, 2, 3).buffer),
  }));
  await writeSafetensors(join(place, file), tensors, new Map());
  return place;
}

writeFileSync(join(pipeline, "model_index.json"), '{"_class_name":"StableDiffusionPipeline"}');
const unet = await part("unet", "diffusion_pytorch_model.safetensors", {
  _class_name: "UNet2DConditionModel",
});
const encoder = await part("text_encoder", "model.safetensors", {
  architectures: ["CLIPTextModel"],
});

/** Names of the weights' files. */
async function filesOf(source: string, options: Parameters<typeof convert>[2]) {
  const target = mkdtempSync(join(outputs, "to-"));
  rmSync(target, { recursive: true });
  await convert(source, target, { architecture: "none", ...options });
  return readdirSync(target)
    .filter((name) => name.includes("model"))
    .sort();
}

test("a part of a pipeline keeps the name by which Diffusers finds it", async () => {
  expect(await filesOf(unet, {})).toEqual(["diffusion_pytorch_model.safetensors"]);
  expect(await filesOf(unet, { to: "pytorch" })).toEqual(["diffusion_pytorch_model.bin"]);
  expect(await filesOf(unet, { maxShardSize: 16 })).toEqual([
    "diffusion_pytorch_model-00001-of-00002.safetensors",
    "diffusion_pytorch_model-00002-of-00002.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
  ]);
  expect(await filesOf(unet, { to: "paddle" })).toEqual(["model_state.pdparams"]);
  expect(await filesOf(encoder, {})).toEqual(["model.safetensors"]);
});

test("a pipeline names its parts, and a part its class", async () => {
  const whole = await caught(() => inspect(pipeline));
  expect([whole.code, whole.message]).toEqual([
    "WB3008",
    expect.stringContaining("text_encoder, unet"),
  ]);
  const { code, message } = await caught(() => convert(unet, join(outputs, "none")));
  expect([code, message]).toEqual([
    "WB4701",
    expect.stringContaining("UNet2DConditionModel is a class of Diffusers"),
  ]);
});
