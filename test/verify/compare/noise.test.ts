import { describe, expect, test } from "vitest";
import { measureNoise, reordered, spreadPermutation } from "../../../src/verify/compare/noise.ts";
import { rowsOf, type Laboratory, type Rows } from "../../../src/verify/compare/model-runner.ts";
import { fakeLaboratory, fakeRunner, type FakeModel } from "../../support/fake-laboratory.ts";

/** A model that gives a token's id and the layers it went through. */
const MODEL: FakeModel = {
  layers: 3,
  vocabSize: 2,
  logits: (state) => [state[0] ?? Number.NaN, state[1] ?? Number.NaN],
};

const PROMPTS = [[5, 6], [9]];
const POSITIONS = [[0, 1], [0]];
/** What the model gives: every layer counts one. */
const TRUE = [
  [5, 3, 6, 3],
  [9, 3],
];

function noiseAgainst(
  logits: readonly (readonly number[])[],
  positions = POSITIONS,
): Promise<number> {
  const arrays = logits.map((row) => Float32Array.from(row));
  return measureNoise(fakeRunner(MODEL), PROMPTS, positions, arrays);
}

describe("the noise of a model", () => {
  test.each([
    { what: "the same", logits: TRUE, noise: 0 },
    {
      what: "another number in the first prompt",
      logits: [
        [5, 3, 6, 3.25],
        [9, 3],
      ],
      noise: 0.25,
    },
    {
      what: "another number in the last prompt",
      logits: [
        [5, 3, 6, 3],
        [8, 3],
      ],
      noise: 1,
    },
    {
      what: "several",
      logits: [
        [5.5, 3, 6, 3],
        [9, 0],
      ],
      noise: 3,
    },
    {
      what: "NaN beside another number",
      logits: [
        [Number.NaN, 3, 6, 3],
        [7, 3],
      ],
      noise: 2,
    },
  ])("is the largest difference over all prompts: $what", async ({ logits, noise }) => {
    expect(await noiseAgainst(logits)).toBe(noise);
  });

  test("is measured at the positions that are compared", async () => {
    expect(
      await noiseAgainst(
        [
          [6, 3],
          [9, 3],
        ],
        [[1], [0]],
      ),
    ).toBe(0);
  });

  test("is not measured when it is stopped", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    const run = measureNoise(fakeRunner(MODEL), PROMPTS, POSITIONS, [], signal);
    await expect(run).rejects.toThrow("stop");
  });
});

describe("another order of the hidden channels", () => {
  test.each([
    [1, [0]],
    [2, [0, 1]],
    [3, [0, 1, 2]],
    [8, [0, 3, 6, 1, 4, 7, 2, 5]],
    [10, [0, 3, 6, 9, 2, 5, 8, 1, 4, 7]],
    [5, [0, 3, 1, 4, 2]],
  ])("of %d is %j", (size, order) => {
    expect(spreadPermutation(size)).toEqual(order);
  });

  test("steps by the largest number below 0.618 of the size that shares no factor with it", () => {
    expect(spreadPermutation(10_000)[1]).toBe(6179);
  });

  test("holds every channel once, for every size", () => {
    for (let size = 1; size <= 300; size++) {
      expect(new Set(spreadPermutation(size)).size).toBe(size);
    }
  });

  test("leaves few neighbours beside each other, where there is room", () => {
    for (const size of [64, 100, 128, 4096]) {
      const order = spreadPermutation(size);
      const beside = order.filter(
        (place, index) => Math.abs(place - (order[index - 1] ?? -9)) === 1,
      );
      expect([size, beside.length]).toEqual([size, 0]);
    }
  });
});

describe("the same model with its hidden channels in another order", () => {
  const base = fakeLaboratory(MODEL);
  const size = base.config.hiddenSize;
  const order = spreadPermutation(size);
  /** A parameter of any name counts its elements: [size, 2], [2, size] or [size]. */
  const tensorOf = (name: string): { shape: readonly number[]; data: Float32Array } => {
    const isVector = /bias$|norm\.weight$/.test(name);
    const isOut = /(o_proj|down_proj)\.weight$/.test(name);
    const shape = isVector ? [size] : isOut ? [size, 2] : [2, size];
    const elements = shape.reduce((product, one) => product * one, 1);
    return { shape, data: Float32Array.from({ length: elements }, (_unused, index) => index) };
  };
  const asked: (Rows | undefined)[] = [];
  const laboratory: Laboratory = {
    ...base,
    read: (name, rows) => {
      asked.push(rows);
      return Promise.resolve(rowsOf(tensorOf(name), rows));
    },
  };
  const layer = "model.layers.0.";

  test.each([
    "model.embed_tokens.weight",
    "lm_head.weight",
    `${layer}self_attn.q_proj.weight`,
    `${layer}self_attn.k_proj.weight`,
    `${layer}self_attn.v_proj.weight`,
    `${layer}mlp.gate_proj.weight`,
    `${layer}mlp.up_proj.weight`,
  ])("has the columns of %s in it, row by row, too", async (name) => {
    const read = reordered(laboratory)(name);
    const columns = [...order, ...order.map((place) => size + place)];
    expect((await read?.())?.data).toEqual(Float32Array.from(columns));
    asked.length = 0;
    const second = await read?.({ begin: 1, end: 2 });
    // Not the whole of it: the embeddings of a large model need not fit into memory.
    expect(asked).toEqual([{ begin: 1, end: 2 }]);
    expect(second).toEqual({ shape: [1, size], data: Float32Array.from(columns.slice(size)) });
  });

  test.each([`${layer}self_attn.o_proj.weight`, `${layer}mlp.down_proj.weight`])(
    "has the rows of %s in it, row by row, too",
    async (name) => {
      const read = reordered(laboratory)(name);
      const rows = order.flatMap((place) => [2 * place, 2 * place + 1]);
      expect((await read?.())?.data).toEqual(Float32Array.from(rows));
      const some = await read?.({ begin: 3, end: 5 });
      expect(some).toEqual({ shape: [2, 2], data: Float32Array.from(rows.slice(6, 10)) });
    },
  );

  test.each([
    "model.norm.weight",
    `${layer}input_layernorm.weight`,
    `${layer}post_attention_layernorm.weight`,
    `${layer}self_attn.o_proj.bias`,
  ])("has the numbers of %s in it", async (name) => {
    const found = await reordered(laboratory)(name)?.();
    expect(found).toEqual({ shape: [size], data: Float32Array.from(order) });
  });

  test.each([`${layer}self_attn.q_proj.bias`, `${layer}self_attn.v_proj.bias`])(
    "has %s as it was",
    (name) => {
      expect(reordered(laboratory)(name)).toBeUndefined();
    },
  );
});
