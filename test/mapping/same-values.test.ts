import { expect, test } from "vitest";
import { refuseOtherCopies } from "../../src/mapping/same-values.ts";
import { caught } from "../support/caught.ts";
import { countingBytes, memoryTensor } from "../support/memory-checkpoint.ts";

const tensor = (name: string, seed: number) =>
  memoryTensor(name, "F32", [4], countingBytes("F32", 4, seed));

test("a second copy with other values is refused, one with the same goes", async () => {
  const first = tensor("r.weight_ih_l0", 1);
  const none = new AbortController().signal;
  await refuseOtherCopies([{ copy: tensor("r.0.cell.weight_ih", 1), of: first }], none);
  const error = await caught(() =>
    refuseOtherCopies([{ copy: tensor("r.0.cell.weight_ih", 2), of: first }], none),
  );
  expect(error.code).toBe("WB3707");
  expect(error.message).toMatchInlineSnapshot(
    `"r.0.cell.weight_ih and r.weight_ih_l0 are to be one parameter under two names, but their values differ here"`,
  );
});
