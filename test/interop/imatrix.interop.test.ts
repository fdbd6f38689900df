import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { prove } from "../../src/verify/prove.ts";
import { madeBy } from "../support/own-environment.ts";
import { runPython } from "../support/python.ts";
import { tamperedNibbles } from "../support/tampered-nibbles.ts";
import { writeDrawn } from "../support/write-drawn.ts";

/** Files that llama.cpp itself quantised by importance matrices, in both of their forms, are proved to the byte. */
const work = mkdtempSync(join(tmpdir(), "weighbridge-imatrix-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const COMMON = {
  vocab_size: 256,
  hidden_size: 256,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
};
const MODELS = {
  llama: {
    ...COMMON,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    intermediate_size: 256,
    num_hidden_layers: 1,
  },
  // Of so many layers the first has another type in Q4_0 and Q5_0 by a matrix.
  deep: {
    ...COMMON,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 64,
    intermediate_size: 64,
    num_hidden_layers: 8,
  },
  mixtral: {
    ...COMMON,
    architectures: ["MixtralForCausalLM"],
    model_type: "mixtral",
    intermediate_size: 256,
    num_hidden_layers: 1,
    num_local_experts: 4,
    num_experts_per_tok: 2,
  },
};
type Model = keyof typeof MODELS;

const SMALL = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"];
const KINDS = [...SMALL, "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K"];
const FORMS = ["dat", "gguf"] as const;

interface Case {
  readonly model: Model;
  readonly kind: string;
  readonly values: "realistic" | "random";
  readonly form: (typeof FORMS)[number] | undefined;
}
const CASES: readonly Case[] = [
  ...KINDS.flatMap((kind, index): readonly Case[] => [
    { model: "llama", kind, values: "realistic", form: FORMS[index % 2] },
    { model: "mixtral", kind, values: "random", form: FORMS[(index + 1) % 2] },
  ]),
  ...["Q4_0", "Q5_0"].map((kind): Case => ({
    model: "deep",
    kind,
    values: "realistic",
    form: "gguf",
  })),
];
/** What the matrices have nothing for. */
const WITHOUT = ["blk.0.attn_k.weight"];

const placeOf = ({ model, kind }: Case, name: string): string =>
  join(work, model, `${kind}-${name}`);
const targetOf = (one: Case): string => placeOf(one, "quantised.gguf");
const matrixOf = (one: Case): string => placeOf(one, `imatrix.${one.form ?? ""}`);
const originalOf = (model: Model): string => join(work, `${model}-original`);

beforeAll(async () => {
  for (const [model, fields] of Object.entries(MODELS)) {
    await writeDrawn(join(work, `${model}-original`), fields);
    await convert(join(work, `${model}-original`), join(work, model), {
      to: "gguf",
      quantize: "F32",
    });
  }
  const packages = madeBy("llama-cpp.mjs");
  const wanted = CASES.map((one, seed) => ({
    source: join(work, one.model, "model.gguf"),
    target: targetOf(one),
    matrix: matrixOf(one),
    ...one,
    seed,
    without: WITHOUT,
  }));
  runPython("llama_imatrix.py", wanted, `${packages}:${join(packages, "gguf-py")}`);
}, 900_000);

describe.each(CASES)("$model in $kind by a $values matrix as .$form", (one) => {
  test("is proved to the byte", async () => {
    const options = { imatrix: matrixOf(one), bytes: true };
    const result = await prove(targetOf(one), originalOf(one.model), options);
    expect(result.failures).toEqual([]);
    expect(result.blocks.identical).toBe(result.blocks.total);
    const uses = new Map(result.tensors.map(({ name, matrix }) => [name, matrix]));
    const isPlain = one.kind === "Q8_0";
    const key = "model.layers.0.self_attn.k_proj.weight";
    if (!isPlain) expect(uses.get(key)).toBe("missing");
    expect([...uses.values()].includes("used")).toBe(!isPlain);
  });

  test("shows every changed nibble, and its block", async () => {
    const { bytes, places } = await tamperedNibbles(targetOf(one), 19, 50);
    const path = placeOf(one, "tampered.gguf");
    writeFileSync(path, bytes);
    const result = await prove(path, originalOf(one.model), { imatrix: matrixOf(one) });
    const named = [...result.unexplained, ...result.otherScales].map(({ offset }) => offset);
    expect(named.toSorted((left, right) => left - right)).toEqual(places);
    expect(places.length).toBeGreaterThan(30);
    rmSync(path);
  });
});
