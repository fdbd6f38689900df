import { describe, expect, it } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { fitNames } from "../../src/mapping/fit-names.ts";
import { refuseProblems } from "../../src/mapping/problems.ts";
import { openModel, type OpenedModel } from "../../src/session/open-model.ts";
import { join } from "node:path";
import { FIXTURES } from "../support/fixture-manifest.ts";
import type { Checkpoint, StoredTensor } from "../../src/tensor/table.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";

async function tiny(): Promise<{ checkpoint: Checkpoint; config: ModelConfig }> {
  const model: OpenedModel = await openModel(join(FIXTURES, "internlm-tiny"));
  await model.checkpoint.close();
  if (model.config === undefined) throw new Error("the fixture has a config.json");
  return { checkpoint: model.checkpoint, config: model.config };
}

async function fitted(rename: (name: string) => string, more: readonly string[] = []) {
  const { checkpoint, config } = await tiny();
  const [first] = checkpoint.tensors;
  if (first === undefined) throw new Error("the fixture has tensors");
  const tensors: readonly StoredTensor[] = [
    ...checkpoint.tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    ...more.map((name) => ({ ...first, name })),
  ];
  const plain = checkpoint.tensors.map(({ name }) => name);
  return { ...fitNames({ ...checkpoint, tensors }, config), plain };
}

describe("names in front of which a program put its own", () => {
  it.each(["model.", "policy.model.", "a.b.c.", "language_model."])(
    "fit without %s",
    async (prefix) => {
      const { checkpoint, notes, plain } = await fitted((name) => `${prefix}${name}`);
      expect(checkpoint.tensors.map(({ name }) => name)).toEqual(plain);
      expect(checkpoint.tensors.map(({ storedName }) => storedName)).toEqual(
        plain.map((name) => `${prefix}${name}`),
      );
      expect(notes).toHaveLength(1);
    },
  );

  it("stay where they are the family's, or where no beginning helps", async () => {
    expect((await fitted((name) => name)).notes).toEqual([]);
    const { checkpoint, notes } = await fitted((name) => `${name}.x`);
    expect(notes).toEqual([]);
    expect(checkpoint.tensors[0]?.storedName).toBeUndefined();
  });

  it("lose a value head, which is named", async () => {
    const heads = ["v_head.summary.weight", "v_head.summary.bias"];
    const { checkpoint, notes, plain } = await fitted((name) => name, heads);
    expect(checkpoint.tensors).toHaveLength(plain.length);
    expect(checkpoint.skipped.map(({ name }) => name)).toEqual(expect.arrayContaining(heads));
    expect(notes.join()).toContain("v_head.summary.bias");
  });

  it("leave moving averages beside the model out, and say so", async () => {
    const { checkpoint: tinyOnes, config } = await tiny();
    const plain = tinyOnes.tensors.map(({ name }) => name);
    const under = (prefix: string): readonly StoredTensor[] =>
      tinyOnes.tensors.map((tensor) => ({ ...tensor, name: `${prefix}${tensor.name}` }));
    for (const [model, average] of [
      ["model.", "ema_model."],
      ["", "model_ema."],
    ] as const) {
      const tensors = [...under(average), ...under(model)];
      const { checkpoint, notes } = fitNames({ ...tinyOnes, tensors }, config);
      expect(checkpoint.tensors.map(({ storedName, name }) => storedName ?? name)).toEqual(
        plain.map((name) => `${model}${name}`),
      );
      expect(checkpoint.skipped.filter(({ why }) => why.includes("moving average"))).toHaveLength(
        plain.length,
      );
      expect(notes[0]).toMatch(/^left out: .*moving average/);
    }
    // LitEma takes the dots out of names, and counts.
    const [first] = tinyOnes.tensors;
    if (first === undefined) throw new Error("the fixture has tensors");
    const flat = tinyOnes.tensors.map(({ name, ...rest }) => ({
      ...rest,
      name: `model_ema.${name.replaceAll(".", "")}`,
    }));
    const numbers = ["model_ema.decay", "model_ema.num_updates"].map((name) => ({
      ...first,
      name,
      shape: [],
      strides: [],
    }));
    const lit = fitNames(
      { ...tinyOnes, tensors: [...under("model."), ...flat, ...numbers] },
      config,
    );
    expect(lit.checkpoint.tensors.map(({ name }) => name)).toEqual(plain);
    const alone = fitNames({ ...tinyOnes, tensors: under("ema_model.") }, config);
    expect(alone.checkpoint.tensors.map(({ name }) => name)).toEqual(plain);
  });

  it("are refused with the way out where an adapter stands in the model", () => {
    const names = ["q.base_layer.weight", "q.lora_A.default.weight"];
    const problems = names.map((tensor) => ({ kind: "unknown" as const, tensor, message: tensor }));
    const hintOf = (some: typeof problems): string => {
      try {
        refuseProblems(some, "f");
      } catch (error) {
        return error instanceof WbError ? error.hint : "";
      }
      return "";
    };
    expect(hintOf(problems)).toContain("--drop '*lora_*'");
    expect(hintOf(problems.slice(1))).not.toContain("--drop");
  });

  it("keep what is no value head, so that the planner refuses it", async () => {
    const { checkpoint, plain } = await fitted((name) => name, ["head.extra"]);
    expect(checkpoint.tensors).toHaveLength(plain.length + 1);
  });
});
