import { expect, test } from "vitest";
import { assemblyOf, wholeView, type Assembly } from "../../src/mapping/assembly.ts";
import { diffTensors } from "../../src/verify/compare/diff-checkpoints.ts";
import { tiedOnce } from "../../src/verify/tied-once.ts";
import { countingBytes, memoryTensor } from "../support/memory-checkpoint.ts";

function side(...tensors: readonly (readonly [name: string, storage: string, seed: number])[]) {
  return new Map<string, Assembly>(
    tensors.map(([name, storage, seed]) => {
      const bytes = countingBytes("F32", 6, seed);
      return [name, assemblyOf(wholeView(memoryTensor(name, "F32", [2, 3], bytes, { storage })))];
    }),
  );
}

async function classes(left: ReadonlyMap<string, Assembly>, right: ReadonlyMap<string, Assembly>) {
  const diffs = tiedOnce(await diffTensors(left, right), left, right);
  return Object.fromEntries(diffs.map(({ name, class: kind }) => [name, kind]));
}

const ONCE = side(["wte", "a", 1]);
const TWICE = side(["wte", "a", 1], ["head", "a", 1]);

test("tied weights that one side stores once are equal, on either side", async () => {
  expect(await classes(TWICE, ONCE)).toEqual({ wte: "identical", head: "identical" });
  expect(await classes(ONCE, TWICE)).toEqual({ wte: "identical", head: "identical" });
});

test("a tensor with the values of another, in a storage of its own, is not tied", async () => {
  const copied = side(["wte", "a", 1], ["head", "b", 1]);
  expect(await classes(copied, ONCE)).toEqual({ wte: "identical", head: "onlyLeft" });
});

test("a twin that differs makes nothing equal", async () => {
  expect(await classes(TWICE, side(["wte", "a", 9]))).toEqual({ wte: "differ", head: "onlyLeft" });
});
