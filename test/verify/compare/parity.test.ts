import { describe, expect, test } from "vitest";
import { parityOfModels, type Parity } from "../../../src/verify/compare/parity.ts";
import { fakeLaboratory, type FakeModel } from "../../support/fake-laboratory.ts";

/** Nothing is measured: the gate is what the table says. */
const PLAIN = { compute: "f32", profile: "default", calibrate: false, shakenTokens: 0 } as const;

const PROMPTS = [
  { name: "first", ids: [5, 6, 7] },
  { name: "second", ids: [9] },
];

/** A model of two layers whose logits at each position are these numbers. */
function model(logits: FakeModel["logits"], drift = 0): FakeModel {
  return { layers: 2, vocabSize: 3, logits, drift };
}

const EVEN: FakeModel["logits"] = () => [4, 1, 0];
const SWAPPED: FakeModel["logits"] = () => [1, 4, 0];
const NEAR: FakeModel["logits"] = () => [4, 3.5, 0];

/** Ours against a model that gives 4, 1, 0 everywhere. */
async function against(
  logits: FakeModel["logits"],
  options: { readonly maxAbs?: number; readonly kl?: number } = {},
  reference: FakeModel["logits"] = EVEN,
): Promise<Parity> {
  const [ours, theirs] = [fakeLaboratory(model(logits)), fakeLaboratory(model(reference))];
  const found = await parityOfModels(ours, theirs, PROMPTS, { ...PLAIN, ...options });
  expect([ours.opened(), theirs.opened()]).toEqual([0, 0]);
  return found;
}

/** `by` added to the last token's logit behind one id. */
const movedAt =
  (id: number, by: number): FakeModel["logits"] =>
  ([state = 0]) => [4, 1, Math.round(state) === id ? by : 0];

describe("two models", () => {
  test("that give the same logits pass, every position of every prompt compared", async () => {
    const found = await against(EVEN);
    expect([found.passes, found.failures]).toEqual([true, []]);
    expect(found.prompts.map(({ name, positions, maxAbs }) => [name, positions, maxAbs])).toEqual([
      ["first", 3, 0],
      ["second", 1, 0],
    ]);
  });

  test.each([
    { what: "the first position", id: 5, prompt: 0, position: 0, name: "first" },
    { what: "the last position", id: 7, prompt: 0, position: 2, name: "first" },
    { what: "another prompt", id: 9, prompt: 1, position: 0, name: "second" },
  ])("that differ at $what alone do not", async ({ id, prompt, position, name }) => {
    const found = await against(movedAt(id, 0.5));
    expect(found.passes).toBe(false);
    expect(found.failures).toEqual([
      expect.stringMatching(new RegExp(`^${name}: logits differ by 5\\.00e-1, allowed are `)),
    ]);
    expect(found.prompts[prompt]?.worst).toEqual({ position, token: 2, ours: 0.5, reference: 0 });
  });

  test("are judged by the largest logit of the reference and the number of layers", async () => {
    const { gate } = await against(EVEN);
    expect(gate.maxAbs).toBeCloseTo(12 * 2 ** -24 * Math.sqrt(3) * 4, 12);
    expect(gate.kl).toBe(1e-9);
    const larger = await against(EVEN, {}, ([state = 0]) => [
      Math.round(state) === 9 ? -400 : 4,
      1,
      0,
    ]);
    expect(larger.gate.maxAbs).toBeCloseTo(12 * 2 ** -24 * Math.sqrt(3) * 400, 10);
  });
});

describe("a gate that was asked for", () => {
  test.each([
    { maxAbs: 0.5, passes: true },
    { maxAbs: 0.499, passes: false },
    { maxAbs: 0, passes: false },
  ])("of $maxAbs, for logits that differ by 0.5: $passes", async ({ maxAbs, passes }) => {
    const found = await against(movedAt(6, 0.5), { maxAbs, kl: 1 });
    expect(found.passes).toBe(passes);
    expect(found.gate).toEqual({
      maxAbs,
      kl: 1,
      origin: [`--max-abs ${maxAbs}, as asked`, "--kl 1, as asked"],
    });
  });

  test("of the largest difference alone sets the KL divergence's by it", async () => {
    const found = await against(movedAt(6, 0.5), { maxAbs: 0.5 });
    expect(found.gate).toEqual({ maxAbs: 0.5, kl: 0.5, origin: ["--max-abs 0.5, as asked"] });
  });

  test("of the KL divergence is held to, within it and beyond it", async () => {
    const kl = (await against(movedAt(9, 3), { maxAbs: 9, kl: 9 })).prompts[1]?.kl ?? 0;
    expect(kl).toBeGreaterThan(0.01);
    expect((await against(movedAt(9, 3), { maxAbs: 9, kl })).failures).toEqual([]);
    const found = await against(movedAt(9, 3), { maxAbs: 9, kl: kl * 0.999 });
    expect(found.failures).toEqual([
      expect.stringMatching(/^second: KL divergence \d\.\d\de-\d, allowed is \d\.\d\de-\d$/),
    ]);
    expect(found.passes).toBe(false);
  });

  test("of the KL divergence alone leaves the other as it is", async () => {
    const [asked, own] = [await against(EVEN, { kl: 0.25 }), await against(EVEN)];
    expect(asked.gate).toEqual({
      maxAbs: own.gate.maxAbs,
      kl: 0.25,
      origin: [...own.gate.origin, "--kl 0.25, as asked"],
    });
  });

  test("decides which tokens may change places: those nearer to each other than it", async () => {
    const tie = await against(SWAPPED, { maxAbs: 0.5, kl: 9 }, NEAR);
    expect(tie.prompts.map(({ nearTies, top1Agreement }) => [nearTies, top1Agreement])).toEqual([
      [3, 1],
      [1, 1],
    ]);
    const apart = await against(SWAPPED, { maxAbs: 0.49, kl: 9 }, NEAR);
    expect(apart.prompts.map(({ nearTies, top1Agreement }) => [nearTies, top1Agreement])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe("no verdict is given without numbers", () => {
  test.each([
    { what: "NaN in ours", ours: [4, Number.NaN, 0], reference: [4, 1, 0] },
    { what: "NaN in the reference", ours: [4, 1, 0], reference: [4, Number.NaN, 0] },
    { what: "infinity in ours", ours: [4, Infinity, 0], reference: [4, 1, 0] },
    { what: "infinity in the reference", ours: [4, 1, 0], reference: [4, 1, -Infinity] },
  ])("$what", async ({ ours, reference }) => {
    const found = await against(
      () => ours,
      { maxAbs: 1e9, kl: 1e9 },
      () => reference,
    );
    expect(found.failures).toEqual([
      "first: one side has NaN or infinity",
      "second: one side has NaN or infinity",
    ]);
    expect(found.passes).toBe(false);
  });

  test("for vocabularies of two sizes", async () => {
    const found = await against(() => [4, 1], { maxAbs: 9, kl: 9 });
    expect(found.passes).toBe(false);
    expect(found.failures).toContain("first: the two sides have different sizes");
  });

  test("without prompts", async () => {
    const [ours, theirs] = [fakeLaboratory(model(EVEN)), fakeLaboratory(model(EVEN))];
    const found = await parityOfModels(ours, theirs, [], { ...PLAIN, maxAbs: 1 });
    expect([found.passes, found.failures]).toEqual([false, ["nothing was compared"]]);
  });
});

describe("the curve over the layers", () => {
  test("says where two models part, and how large the reference is there", async () => {
    const [ours, theirs] = [fakeLaboratory(model(EVEN, 0.25)), fakeLaboratory(model(EVEN))];
    const { curve, passes } = await parityOfModels(ours, theirs, PROMPTS, PLAIN);
    expect(curve).toEqual([
      { step: "embeddings", maxAbs: 0, scale: 9 },
      { step: "layer 0", maxAbs: 0.25, scale: 9 },
      { step: "layer 1", maxAbs: 0.5, scale: 9 },
      { step: "final norm", maxAbs: 0.5, scale: 9 },
    ]);
    expect(passes).toBe(true);
  });

  test("is told layer by layer while it is made, and stops when it is asked to", async () => {
    const told: (readonly number[])[] = [];
    const [ours, theirs] = [fakeLaboratory(model(EVEN)), fakeLaboratory(model(EVEN))];
    const onLayer = (done: number, total: number): void => {
      told.push([done, total]);
    };
    await parityOfModels(ours, theirs, PROMPTS, { ...PLAIN, onLayer });
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(parityOfModels(ours, theirs, PROMPTS, { ...PLAIN, signal })).rejects.toThrow(
      "stop",
    );
    expect([ours.opened(), theirs.opened()]).toEqual([0, 0]);
  });
});
