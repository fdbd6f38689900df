import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { forward } from "../../src/runtime/model/forward.ts";
import { openGenerator } from "../../src/session/generator.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { expectedWeights, FIXTURES } from "../support/fixture-manifest.ts";
import { openDecoderOf } from "../support/open-decoder.ts";
import { storedFacts } from "../support/stored-facts.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-encoders-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A folder with the tensors of a fixture under other names. */
async function renamed(set: string, nameOf: (name: string) => string): Promise<string> {
  const folder = join(work, `${set}-renamed`);
  mkdirSync(folder);
  copyFileSync(join(FIXTURES, set, "config.json"), join(folder, "config.json"));
  const { checkpoint } = await openCheckpoint(join(FIXTURES, set, "model.safetensors"));
  const tensors = await Promise.all(
    checkpoint.tensors.map(async (tensor) => ({
      name: nameOf(tensor.name),
      dtype: tensor.dtype,
      shape: tensor.shape,
      bytes: (await readAssembly(assemblyOf(wholeView(tensor)))).slice(),
    })),
  );
  await checkpoint.close();
  await writeSafetensors(join(folder, "model.safetensors"), tensors, new Map([["format", "pt"]]));
  return folder;
}

/** What a folder of Paddle's says of the matrix in the head. */
async function headDenseOf(folder: string): Promise<unknown> {
  const facts = await storedFacts(join(folder, "model_state.pdparams"));
  return facts["lm_head.dense.weight"];
}

describe("an encoder", () => {
  it("tells each token by those on both sides of it", async () => {
    const model = await openDecoderOf(join(FIXTURES, "bert"), await openWasm(1), "resident");
    try {
      const outputs = await forward(model.layerwise, [
        [5, 9, 33],
        [5, 9, 34],
      ]);
      const [left, right] = outputs.map(({ logits }) => [...logits.subarray(0, 128)]);
      expect(left).not.toEqual(right);
    } finally {
      await model.close();
    }
  });

  it("does not generate, and says what it does", async () => {
    const error = await caught(() => openGenerator(join(FIXTURES, "ernie"), { device: "wasm" }));
    expect([error.code, error.message]).toEqual([
      "WB4707",
      expect.stringContaining("ErnieForMaskedLM is an encoder"),
    ]);
  });

  it("keeps a pooler and its head where the file has them, and says that no logits depend on them", async () => {
    const folder = join(work, "kept");
    await convert(join(FIXTURES, "bert-paddle"), folder);
    expect(await storedFacts(join(folder, "model.safetensors"))).toEqual(expectedWeights("bert"));
    const golden = join(FIXTURES, "goldens/bert.safetensors");
    const { verdict, coverage } = await verify(folder, { golden, device: "wasm" });
    expect([verdict, coverage.unreached.slice(1)]).toEqual([
      "pass",
      [
        "1 of 2 rows of model.embed_types.weight: prompts have the first kind alone",
        "model.pooler.dense.weight, model.pooler.dense.bias, model.next_sentence.weight, model.next_sentence.bias: no logits depend on them",
      ],
    ]);
  });

  it("has its norms under gamma and beta in older files", async () => {
    const folder = await renamed("bert", (name) =>
      name
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"),
    );
    const target = join(work, "old");
    await convert(folder, target);
    expect(await storedFacts(join(target, "model.safetensors"))).toEqual(expectedWeights("bert"));
  });

  it("has a square matrix in its head, which Paddle has transposed as it has all others", async () => {
    const target = join(work, "square");
    await convert(join(FIXTURES, "roberta"), target, { to: "paddle" });
    expect(await headDenseOf(target)).toEqual(await headDenseOf(join(FIXTURES, "roberta-paddle")));
    const plain = await storedFacts(join(FIXTURES, "roberta/model.safetensors"));
    expect(await headDenseOf(target)).not.toEqual(plain["lm_head.dense.weight"]);
  });
});
