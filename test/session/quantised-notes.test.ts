import { expect, test } from "vitest";
import type { WeightFacts, WeightSource } from "../../src/runtime/model/weights.ts";
import { quantisedNotes } from "../../src/session/quantised-notes.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";

const config = internlmConfig({ ...SMALL, num_hidden_layers: 1, bias: false });
const quantised = {
  activations: "f32" as const,
  elementBytes: (type: string) => (type === "Q8_0" ? 34 / 32 : undefined),
  upload: () => {
    throw new Error("nothing is uploaded by a note");
  },
};

/** A source in which a parameter is what `facts` says of it. */
function sourceOf(facts: (name: string) => Partial<WeightFacts>): WeightSource {
  return {
    facts: (name) => ({ dtype: "F32", shape: [], ...facts(name) }),
    read: () => Promise.reject(new Error("nothing is read by a note")),
  };
}

test("what is multiplied as it is stored is counted by type, embeddings apart", () => {
  const source = sourceOf((name) =>
    name.includes("norm") ? {} : { quantised: ["Q8_0"], blocks: "Q8_0" },
  );
  expect(quantisedNotes(config, source, { quantised })).toEqual([
    "weights: quantised matrices are multiplied as they are stored: 8 Q8_0",
  ]);
});

test("what is dequantised is named with its reason", () => {
  const source = sourceOf((name) => {
    if (name.includes("q_proj")) return { quantised: ["MXFP4"], blocks: "MXFP4" };
    if (name.includes("k_proj")) return { quantised: ["Q8_0", "Q6_K"] };
    return name.includes("mlp") ? { quantised: ["Q8_0"], blocks: "Q8_0" } : {};
  });
  expect(quantisedNotes(config, source, { quantised })).toEqual([
    "weights: quantised matrices are multiplied as they are stored: 3 Q8_0",
    "weights: quantised matrices are dequantised when they are loaded, since there are no kernels for their types: 1 MXFP4",
    "weights: quantised matrices are dequantised when they are loaded, since their rows are not whole blocks of one type: 1 Q8_0+Q6_K",
  ]);
  expect(quantisedNotes(config, source, {})).toEqual([
    "weights: quantised matrices are dequantised when they are loaded, since only kernels in float32 multiply them as they are: 1 MXFP4, 1 Q8_0+Q6_K, 3 Q8_0",
  ]);
});

test("activations in int8 are told, and what is multiplied without", () => {
  const int8 = { quantised: { ...quantised, activations: "int8" as const } };
  const source = sourceOf((name) =>
    name.includes("mlp") ? { quantised: ["Q8_0"], blocks: "Q8_0" } : {},
  );
  expect(quantisedNotes(config, source, int8)).toEqual([
    "weights: quantised matrices are multiplied as they are stored: 3 Q8_0",
    "activations: rounded to int8, 32 at a time, for these matrices: the logits are not those of the dequantised model, which `verify` judges",
    "activations: float32 for 5 of the matrices, which are not multiplied in blocks",
  ]);
  const nothing = sourceOf(() => ({}));
  expect(() => quantisedNotes(config, nothing, int8)).toThrow(
    expect.objectContaining({ code: "WB6204" }),
  );
});

test("nothing is said where nothing is quantised", () => {
  expect(
    quantisedNotes(
      config,
      sourceOf(() => ({})),
      { quantised },
    ),
  ).toEqual([]);
});
