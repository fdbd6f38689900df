import { expect, test } from "vitest";
import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";
import { LocalLab } from "../../../src/verify/diagnose/golden/local-lab.ts";
import { nearVersions } from "../../../src/verify/diagnose/pair/near-versions.ts";
import { fakeLaboratory } from "../../support/fake-laboratory.ts";

const GOLDEN = { path: "golden", vocabSize: 4, prompts: [], metadata: new Map() };
const LAB = new LocalLab(fakeLaboratory({ layers: 3, vocabSize: 4, logits: () => [] }), GOLDEN);
const OPEN: Diagnosis = { cause: "undetermined", tensors: [], layer: 1, evidence: "it departs" };
const causes = (list: readonly Diagnosis[]): readonly string[] => list.map(({ cause }) => cause);
const REST = "; all other layers, the embeddings and the head are right";

test("of one layer that nothing explains, it is said that all else is right", async () => {
  const [found] = await nearVersions(LAB, [OPEN], 1, false);
  expect([found?.cause, found?.evidence]).toEqual(["undetermined", `it departs${REST}`]);
});

test("what else was found of that layer stays", async () => {
  const named: Diagnosis = { ...OPEN, cause: "transposed" };
  const found = await nearVersions(LAB, [named, OPEN], 1, false);
  expect(found).toEqual([named, { ...OPEN, evidence: `it departs${REST}` }]);
});

test("that is not said where another part departs, too, or where the layer is explained", async () => {
  expect((await nearVersions(LAB, [OPEN], 2, false))[0]?.evidence).not.toContain(REST);
  const named: Diagnosis = { ...OPEN, cause: "transposed" };
  expect(await nearVersions(LAB, [named], 1, false)).toEqual([named]);
});

test("layers that nothing explains are no other version beside a mistake in another layer", async () => {
  const open = [1, 2].map((layer): Diagnosis => ({ ...OPEN, layer }));
  const named: Diagnosis = { cause: "low-rank", tensors: [], layer: 0, evidence: "an adapter" };
  const lab = new LocalLab(fakeLaboratory({ layers: 3, vocabSize: 4, logits: () => [] }), GOLDEN);
  lab.share = () => Promise.resolve(0.1);
  expect(causes(await nearVersions(lab, [named, ...open], 3, false))).toEqual([
    "low-rank",
    "undetermined",
  ]);
  expect(causes(await nearVersions(lab, open, 2, false))).toEqual(["other-version"]);
  const [cut] = await nearVersions(lab, open, 2, true);
  expect(cut?.evidence).toContain("explains it, as far as the search went: another version");
});
