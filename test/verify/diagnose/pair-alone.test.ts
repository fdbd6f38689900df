import { expect, test } from "vitest";
import { assemblyOf, wholeView } from "../../../src/mapping/assembly.ts";
import { judgeAlone } from "../../../src/verify/diagnose/pair/pair-alone.ts";
import { Pair } from "../../../src/verify/diagnose/pair/pair.ts";
import { memoryTensor } from "../../support/memory-checkpoint.ts";

const NAME = "model.layers.0.mlp.down_proj.weight";

/** Numbers of one size whose order has no pattern. */
const RIGHT = Float32Array.from({ length: 600 }, (_unused, index) => {
  const bits = Math.imul(index + 1, 2_654_435_761) >>> 8;
  return bits / 2 ** 23 - 1;
});

async function judged(change: (value: number, index: number) => number) {
  const side = (data: Float32Array) =>
    new Map([
      [
        NAME,
        assemblyOf(wholeView(memoryTensor(NAME, "F32", [20, 30], new Uint8Array(data.buffer)))),
      ],
    ]);
  const pair = new Pair(side(RIGHT.map(change)), side(RIGHT.slice()));
  const { cause, evidence } = await judgeAlone(pair, NAME);
  return [cause, evidence];
}

test("a tensor whose small values are lost is no other version of itself", async () => {
  const [cause, evidence] = await judged((value) => (Math.abs(value) < 0.4 ? 0 : value));
  const lost = RIGHT.filter((value) => Math.abs(value) < 0.4).length;
  expect(cause).toBe("corrupt");
  expect(evidence).toBe(
    `${((100 * lost) / 600).toPrecision(2)} % of its values are 0 where the other side's are not, and these are the smallest; the others are equal to the bit: it was pruned, or rounded to nothing`,
  );
});

test("values lost at random are not called the smallest", async () => {
  const [, evidence] = await judged((value, index) => ((index * 7) % 11 < 4 ? 0 : value));
  expect(evidence).toContain("37 % of its values are 0");
  expect(evidence).not.toContain("smallest");
});

test("every second value another one is told by its share", async () => {
  const found = await judged((value, index) => (index % 2 === 0 ? Math.cos(index) : value));
  expect(found).toEqual(["corrupt", "50 % of its values differ; the others are equal to the bit"]);
});

test("a step of training that moves some values by a little is another version", async () => {
  const [cause] = await judged((value, index) =>
    index % 2 === 0 ? value * (1 + 0.02 * Math.cos(index)) : value,
  );
  expect(cause).toBe("other-version");
});

test("a tensor whose values stand elsewhere, or all are others, is not called corrupt", async () => {
  const [cause, evidence] = await judged((_value, index) => RIGHT[(index * 7) % 600] ?? 0);
  expect(cause).toBe("undetermined");
  expect(evidence).toBe(
    "its values are the other side's, each once, in an order that is not known; 1.0 % of them stand in their own place",
  );
  const [other, found] = await judged((_value, index) => Math.cos(index * index));
  expect(other).toBe("undetermined");
  expect(found).toMatch(
    /^its values are not the other side's, in no way that is known: none is equal, and their correlation is -?0\.0\d$/u,
  );
});

test("rows that came of their own are not called corrupt, rows that did not are", async () => {
  const [cause, evidence] = await judged((value, index) =>
    index >= 90 && index < 180 ? value ** 3 : value,
  );
  expect(cause).toBe("undetermined");
  expect(evidence).toMatch(
    /^all 90 elements that differ are among 90 to 179: rows 3 to 5; their correlation with the other side's is 0\.9/u,
  );
  const [damaged] = await judged((value, index) =>
    index >= 90 && index < 180 ? Math.cos(index * index) : value,
  );
  expect(damaged).toBe("corrupt");
});

test("a change that leaves a tenth of the values as they were is not called corrupt", async () => {
  const [cause, evidence] = await judged((value, index) =>
    index % 9 === 0 ? value : Math.cos(index * index),
  );
  expect(cause).toBe("undetermined");
  expect(evidence).toContain("in no way that is known: 11 % are equal, and their correlation is");
});
