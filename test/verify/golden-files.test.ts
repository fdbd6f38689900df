import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const MODEL = join(FIXTURES, "safetensors-single");
const VOCABULARY = 384;

interface Part {
  readonly name: string;
  readonly dtype: "I32" | "F32";
  readonly shape: readonly number[];
}

/** The tensors of one prompt of two tokens. */
function prompt(index: number): readonly Part[] {
  return [
    { name: `prompt.${index}.input_ids`, dtype: "I32", shape: [2] },
    { name: `prompt.${index}.logits`, dtype: "F32", shape: [2, VOCABULARY] },
  ];
}

function states(layer: number, width: number): Part {
  return { name: `prompt.0.hidden_states.${layer}`, dtype: "F32", shape: [2, width] };
}

const POSITIONS: Part = { name: "prompt.0.positions", dtype: "I32", shape: [3] };

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-goldens-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  { what: "a prompt behind a gap", parts: [...prompt(0), ...prompt(2)] },
  { what: "more positions than rows", parts: [...prompt(0), POSITIONS] },
  { what: "states of two widths", parts: [...prompt(0), states(0, 32), states(1, 16)] },
  { what: "logits without ids", parts: prompt(0).slice(1) },
  { what: "ids without logits", parts: prompt(0).slice(0, 1) },
])("a golden with $what is refused as damaged", async ({ parts }) => {
  const golden = join(folder, "golden.safetensors");
  const tensors = parts.map(({ name, dtype, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name, dtype, shape, bytes: new Uint8Array(count * 4) };
  });
  await writeSafetensors(golden, tensors, new Map());
  expect((await caught(() => verify(MODEL, { golden, device: "wasm" }))).code).toBe("WB3911");
});
