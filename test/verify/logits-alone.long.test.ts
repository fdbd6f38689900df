import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import type { Diagnosis } from "../../src/verify/diagnose/diagnosis.ts";
import { readGolden } from "../../src/verify/golden/read.ts";
import { integers } from "../../src/verify/golden/write.ts";
import { verify } from "../../src/verify/run.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-logits-alone-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The golden of a fixture less its hidden states. */
async function logitsOf(name: string): Promise<string> {
  const { checkpoint } = await openCheckpoint(join(FIXTURES, "goldens", `${name}.safetensors`));
  const { prompts, vocabSize, metadata } = await readGolden(checkpoint);
  await checkpoint.close();
  const tensors = prompts.flatMap(({ ids, logits }, index) => [
    integers(`prompt.${index}.input_ids`, ids),
    {
      name: `prompt.${index}.logits`,
      dtype: "F32" as const,
      shape: [logits.length / vocabSize, vocabSize],
      bytes: new Uint8Array(logits.slice().buffer),
    },
  ]);
  const path = join(folder, `${name}.safetensors`);
  await writeSafetensors(path, tensors, metadata);
  return path;
}

/** What is said first of a model with a mistake. */
async function said(
  name: string,
  change: (model: EditableModel) => void,
): Promise<Diagnosis | undefined> {
  const place = join(FIXTURES, name);
  const config = readFileSync(join(place, "config.json"), "utf8");
  const model = await readEditable(join(place, "model.safetensors"), config);
  change(model);
  const path = join(folder, "model");
  await model.write(path);
  const golden = await logitsOf(name);
  const { verdict, diagnosis } = await verify(path, { golden, device: "wasm", calibrate: false });
  rmSync(path, { recursive: true });
  expect(verdict).toBe("fail");
  return diagnosis[0];
}

/** Place i gets the parameters of layer held[i]. */
function holdLayers(model: EditableModel, held: readonly number[]): void {
  const right = model.copy();
  for (const [place, layer] of held.entries())
    for (const name of right.names().filter((one) => one.includes(`.layers.${layer}.`)))
      model.set(name.replace(`.layers.${layer}.`, `.layers.${place}.`), right.get(name));
}

describe("from logits alone", () => {
  test("one layer that stands elsewhere is named with its place", async () => {
    const found = await said("grouped-deep", (model) => {
      holdLayers(model, [0, 2, 3, 4, 1, 5]);
    });
    expect([found?.cause, found?.tensors.length]).toEqual(["layer-order", 36]);
    expect(found?.evidence).toContain(
      "layer 1 stands in place 4, and those between one place off; put right",
    );
  });

  test("layers one place off, of which the last stands twice, are one finding", async () => {
    const found = await said("grouped-deep", (model) => {
      holdLayers(model, [1, 2, 3, 4, 5, 5]);
    });
    expect([found?.cause, found?.tensors.length]).toEqual(["duplicated", 18]);
    expect(found?.evidence).toContain("layers 4 and 5 are the same in all their tensors");
  });

  test.each([null, 12])("a cap of logits that is %s is solved for", async (cap) => {
    const found = await said("gemma2", ({ config }) => {
      config["final_logit_softcapping"] = cap;
    });
    expect(found?.cause).toBe("config-mismatch");
    expect(found?.evidence).toContain(
      `final_logit_softcapping is ${cap ?? "none"}; with 3 put right`,
    );
  });
});
