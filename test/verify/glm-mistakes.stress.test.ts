import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import type { Cause } from "../../src/verify/diagnose/diagnosis.ts";
import { readEditable, type EditableModel, type Values } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const SOURCE = join(FIXTURES, "chatglm2");
const GOLDEN = join(FIXTURES, "goldens/chatglm2.safetensors");
const [HEADS, GROUPS, HEAD_DIM, ROTATED, INNER] = [6, 2, 8, 4, 72];

interface Mistake {
  readonly name: string;
  readonly cause: Cause;
  readonly tensors: readonly string[];
  make(model: EditableModel): void;
}

const own = (layer: number, name: string): string => `model.layers.${layer}.${name}`;
const attention = (layer: number, names: string, suffixes = ["weight", "bias"]): string[] =>
  names
    .split("")
    .flatMap((letter) =>
      suffixes.map((suffix) => own(layer, `self_attn.${letter}_proj.${suffix}`)),
    );

function takeRows({ shape, data }: Values, order: (row: number) => number): Values {
  const width = data.length / (shape[0] ?? 1);
  const at = (index: number): number => order(Math.floor(index / width)) * width + (index % width);
  return { shape, data: data.map((_value, index) => data[at(index)] ?? Number.NaN) };
}

function transposed({ shape, data }: Values): Values {
  const [height = 1, width = 1] = shape;
  const at = (index: number): number => (index % height) * width + Math.floor(index / height);
  return { shape: [width, height], data: data.map((_value, index) => data[at(index)] ?? 0) };
}

const edits = (
  name: string,
  cause: Cause,
  tensors: readonly string[],
  work: (values: Values) => Values,
): Mistake => ({
  name,
  cause,
  tensors,
  make: (model) => {
    for (const tensor of tensors) model.set(tensor, work(model.get(tensor)));
  },
});

const exchanges = (name: string, ...pairs: readonly (readonly [string, string])[]): Mistake => ({
  name,
  cause: "swapped",
  tensors: pairs.flat(),
  make: (model) => {
    for (const [left, right] of pairs) {
      const [a, b] = [model.get(left), model.get(right)];
      model.set(left, b);
      model.set(right, a);
    }
  },
});

/** Even dimensions of the first `dims` before odd ones, in each head. */
const intoHalves =
  (dims: number) =>
  (values: Values): Values =>
    takeRows(values, (row) => {
      const index = row % HEAD_DIM;
      if (index >= dims) return row;
      return row - index + (index < dims / 2 ? 2 * index : 2 * (index - dims / 2) + 1);
    });

/** Blocks of [q | k | v] when each group's queries, key and value stand together. */
const BY_GROUP = Array.from({ length: GROUPS }, (_unused, group) => [
  ...Array.from({ length: HEADS / GROUPS }, (_none, head) => (group * HEADS) / GROUPS + head),
  HEADS + group,
  HEADS + GROUPS + group,
]).flat();

function resplit(layer: number, blocks: readonly number[]): Mistake["make"] {
  return (model) => {
    for (const suffix of ["weight", "bias"]) {
      const names = attention(layer, "qkv", [suffix]);
      const parts = names.map((name) => model.get(name));
      const fused = parts.flatMap(({ data }) => [...data]);
      const block = fused.length / blocks.length;
      const moved = blocks.flatMap((from) => fused.slice(from * block, (from + 1) * block));
      let begin = 0;
      for (const [index, name] of names.entries()) {
        const { shape = [], data } = parts[index] ?? { data: [] };
        model.set(name, {
          shape,
          data: Float32Array.from(moved.slice(begin, begin + data.length)),
        });
        begin += data.length;
      }
    }
  };
}

const gateUp = (layer: number): string[] => [own(layer, "mlp.gate_up_proj.weight")];

const MISTAKES: readonly Mistake[] = [
  exchanges(
    "keys and values of layer 0",
    [own(0, "self_attn.k_proj.weight"), own(0, "self_attn.v_proj.weight")],
    [own(0, "self_attn.k_proj.bias"), own(0, "self_attn.v_proj.bias")],
  ),
  exchanges("the norms of layer 1", [
    own(1, "input_layernorm.weight"),
    own(1, "post_attention_layernorm.weight"),
  ]),
  exchanges("gate_up of both layers", [gateUp(0)[0] ?? "", gateUp(1)[0] ?? ""]),
  edits("up before gate in layer 1", "fused-order", gateUp(1), (values) =>
    takeRows(values, (row) => (row + INNER) % (2 * INNER)),
  ),
  edits("gate and up alternately in layer 0", "fused-order", gateUp(0), (values) =>
    takeRows(values, (row) => (row % 2) * INNER + Math.floor(row / 2)),
  ),
  edits("rotary in halves in layer 0", "rotary-permuted", attention(0, "qk"), intoHalves(ROTATED)),
  edits(
    "whole heads in halves in layer 1",
    "rotary-permuted",
    attention(1, "qk"),
    intoHalves(HEAD_DIM),
  ),
  edits(
    "keys alone in halves in layer 1",
    "rotary-permuted",
    attention(1, "k"),
    intoHalves(ROTATED),
  ),
  edits(
    "queries transposed round in layer 1",
    "transposed",
    attention(1, "q", ["weight"]),
    transposed,
  ),
  edits(
    "dense transposed round in layer 0",
    "transposed",
    attention(0, "o", ["weight"]),
    transposed,
  ),
  {
    name: "a qkv by group cut into queries, keys, values in layer 0",
    cause: "qkv-split-order",
    tensors: attention(0, "qkv"),
    make: resplit(0, BY_GROUP),
  },
  {
    name: "queries, keys, values cut by group in layer 1",
    cause: "qkv-split-order",
    tensors: attention(1, "qkv"),
    make: resplit(
      1,
      BY_GROUP.map((_block, index) => BY_GROUP.indexOf(index)),
    ),
  },
  edits("no key biases in layer 1", "bias-missing", attention(1, "k", ["bias"]), (values) => ({
    shape: values.shape,
    data: values.data.map(() => 0),
  })),
  edits("the head a row further down", "row-shifted", ["lm_head.weight"], (values) =>
    takeRows(values, (row) => (row + 351) % 352),
  ),
  edits("embeddings two rows further up", "row-shifted", ["model.embed_tokens.weight"], (values) =>
    takeRows(values, (row) => (row + 2) % 352),
  ),
  edits("the groups' values in each other's place", "head-order", attention(0, "v"), (values) =>
    takeRows(values, (row) => (row + HEAD_DIM) % (GROUPS * HEAD_DIM)),
  ),
  {
    name: "layernorm_epsilon 1e-3",
    cause: "config-mismatch",
    tensors: [],
    make: (model) => Object.assign(model.config, { layernorm_epsilon: 1e-3 }),
  },
];

const TRIED = MISTAKES;

describe("mistakes in ChatGLM2, whose golden is stock transformers'", () => {
  let folder = "";
  let model: EditableModel | undefined;
  const right = new Map<string, number>();
  const missed: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-glm-mistakes-"));
    model = await readEditable(SOURCE, readFileSync(join(SOURCE, "config.json"), "utf8"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(TRIED)("$name: is noticed, by golden and by the other checkpoint", async (mistake) => {
    const broken = model?.copy();
    if (broken === undefined) throw new Error("no model");
    mistake.make(broken);
    const path = join(folder, mistake.name.replaceAll(/\W/g, "-"));
    await broken.write(path);
    for (const [mode, options] of [
      ["golden", { golden: GOLDEN }],
      ["pair", { other: SOURCE }],
    ] as const) {
      const { verdict, diagnosis } = await verify(path, { ...options, device: "wasm" });
      expect([mode, verdict]).toEqual([mode, "fail"]);
      const [first] = diagnosis;
      const blamed = first?.tensors ?? [];
      const isPlace =
        mistake.tensors.length === 0
          ? blamed.length === 0
          : blamed.length > 0 && blamed.every((name) => mistake.tensors.includes(name));
      if (first?.cause === mistake.cause && isPlace) right.set(mode, (right.get(mode) ?? 0) + 1);
      else
        missed.push(`${mode}: ${mistake.name}: ${first?.cause ?? "nothing"} ${blamed.join(", ")}`);
    }
  });

  test("nine tenths and more get their right name and place first", () => {
    expect(MISTAKES.length).toBeGreaterThanOrEqual(12);
    for (const mode of ["golden", "pair"])
      expect({ mode, share: (right.get(mode) ?? 0) / TRIED.length, missed }).toSatisfy(
        ({ share }: { share: number }) => share >= 0.9,
      );
  });

  test.each(["chatglm2", "chatglm2-paddle", "chatglm2-paddle-legacy", "glm"])(
    "equal weights are not accused: %s",
    async (name) => {
      const path = join(FIXTURES, name);
      const found = await verify(path, { golden: GOLDEN, other: SOURCE, device: "wasm" });
      expect([found.verdict, found.diagnosis]).toEqual(["pass", []]);
    },
  );
});
