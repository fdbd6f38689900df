import { expect } from "vitest";
import { expectedTensors } from "../../src/model/tensors.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { Decoder } from "../../src/runtime/model/decoder.ts";
import type { Residence } from "../../src/runtime/model/weight-store.ts";
import { BIT_FAMILIES, familyConfig, someTexts } from "./bit-models.ts";
import { drawnQuantised } from "./drawn-weights.ts";
import { wholeTexts } from "./row-bits.ts";

/** Of 30 families with two layers or more: matrices with rows of whole blocks of 32. */
const MATRICES = 300;

/** Every family's logits have the same bits with blocks of a type and with the numbers that they stand for, in every residence. */
export async function expectBlocksOfFamilies(
  backend: Backend,
  type: string,
  residences: readonly Residence[],
): Promise<void> {
  let matrices = 0;
  for (const name of BIT_FAMILIES) {
    const config = await familyConfig(name);
    const texts = someTexts(config).slice(0, 2);
    const all = [];
    for (const inBlocks of [false, true]) {
      const source = drawnQuantised(config, type, inBlocks);
      for (const residence of residences) {
        const decoder = new Decoder(backend, config, source, residence);
        all.push(await wholeTexts(decoder, texts));
        await decoder.dispose();
      }
      matrices += expectedTensors(config).filter(
        (tensor) => source.facts(tensor.name)?.blocks !== undefined,
      ).length;
    }
    for (const rows of all.slice(1)) expect(rows, name).toEqual(all[0]);
  }
  expect(matrices).toBeGreaterThan(MATRICES);
}
