import { expect, test } from "vitest";
import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";
import { LocalLab } from "../../../src/verify/diagnose/golden/local-lab.ts";
import { nearVersions } from "../../../src/verify/diagnose/pair/near-versions.ts";
import { fakeLaboratory } from "../../support/fake-laboratory.ts";

const LAB = new LocalLab(fakeLaboratory({ layers: 3, vocabSize: 4, logits: () => [] }), {
  path: "golden",
  vocabSize: 4,
  prompts: [],
  metadata: new Map(),
});
const OPEN: Diagnosis = { cause: "undetermined", tensors: [], layer: 1, evidence: "it departs" };
const REST = "; all other layers, the embeddings and the head are right";

test("of one layer that nothing explains, it is said that all else is right", async () => {
  const [found] = await nearVersions(LAB, [OPEN], 1);
  expect([found?.cause, found?.evidence]).toEqual(["undetermined", `it departs${REST}`]);
});

test("what else was found of that layer stays", async () => {
  const named: Diagnosis = { ...OPEN, cause: "transposed" };
  const found = await nearVersions(LAB, [named, OPEN], 1);
  expect(found).toEqual([named, { ...OPEN, evidence: `it departs${REST}` }]);
});

test("that is not said where another part departs, too, or where the layer is explained", async () => {
  expect((await nearVersions(LAB, [OPEN], 2))[0]?.evidence).not.toContain(REST);
  const named: Diagnosis = { ...OPEN, cause: "transposed" };
  expect(await nearVersions(LAB, [named], 1)).toEqual([named]);
});
