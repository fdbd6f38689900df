import { expect, test } from "vitest";
import { judgeValues } from "../../../src/verify/diagnose/values/value-diagnosis.ts";
import { fakeLaboratory } from "../../support/fake-laboratory.ts";

const [ROWS, COLUMNS] = [40, 64];

/** A matrix whose elements from `begin` to before `end` are zeros. */
function holed(begin: number, end: number): { shape: readonly number[]; data: Float32Array } {
  const data = Float32Array.from({ length: ROWS * COLUMNS }, (_unused, index) =>
    index >= begin && index < end ? 0 : Math.sin(index + 1),
  );
  return { shape: [ROWS, COLUMNS], data };
}

const LABORATORY = {
  ...fakeLaboratory({ layers: 1, vocabSize: ROWS, logits: () => [] }),
  facts: () => ({ dtype: "F32" as const, shape: [ROWS, COLUMNS] }),
};
const EMBEDDINGS = "model.embed_tokens.weight";
const UP = "model.layers.0.mlp.up_proj.weight";

test.each([
  ["a padding token's row of embeddings", EMBEDDINGS, 3 * COLUMNS, 4 * COLUMNS, []],
  ["rows behind the last token", EMBEDDINGS, 36 * COLUMNS, 40 * COLUMNS, []],
  ["a hole that is no row of embeddings", EMBEDDINGS, 3 * COLUMNS + 5, 5 * COLUMNS, ["corrupt"]],
  ["a row of another matrix", UP, 3 * COLUMNS, 4 * COLUMNS, ["corrupt"]],
])("of zeros, %s is judged by what right models have", async (_what, name, begin, end, causes) => {
  const found = await judgeValues([name], LABORATORY, () => Promise.resolve(holed(begin, end)));
  expect(found.map(({ cause }) => cause)).toEqual(causes);
});
