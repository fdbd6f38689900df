import { describe, expect, test } from "vitest";
import type { Hypothesis } from "../../../src/verify/diagnose/hypotheses/hypothesis.ts";
import type { Changes } from "../../../src/verify/diagnose/golden/local-lab.ts";
import { SearchBudget } from "../../../src/verify/diagnose/golden/search.ts";
import { inSeveralLayers } from "../../../src/verify/diagnose/golden/several-layers.ts";

const at = (layer: number, module: string): string => `model.layers.${layer}.${module}.weight`;
const read = (): Promise<{ shape: readonly number[]; data: Float32Array }> =>
  Promise.resolve({ shape: [1], data: new Float32Array(1) });
const READERS = { read, readBits: () => Promise.resolve(undefined) };

function mistake(layer: number, module: string): Hypothesis {
  const name = at(layer, module);
  return {
    cause: "transposed",
    tensors: [name],
    mistake: "stored as [in, out]",
    undo: async () => new Map([[name, await read()]]),
  };
}

const undone = async (one: Hypothesis): Promise<Changes> =>
  (await one.undo(read, READERS.readBits)) ?? new Map();

/** Each of the wrong tensors moves logits by 1; so does each right one that is changed. */
const distanceWith =
  (wrong: readonly string[]) =>
  (changes: Changes): Promise<number> => {
    const left = wrong.filter((name) => !changes.has(name)).length;
    const spoilt = [...changes.keys()].filter((name) => !wrong.includes(name)).length;
    return Promise.resolve(Math.sqrt(left + spoilt));
  };

/** Every mistake in six layers, with how far each alone leaves logits. */
async function nearness(
  wrong: readonly string[],
  misleading: ReadonlySet<string>,
): Promise<ReadonlyMap<Hypothesis, number>> {
  const found = new Map<Hypothesis, number>();
  for (const module of ["self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj"])
    for (let layer = 0; layer < 6; layer++) {
      const one = mistake(layer, module);
      const distance = await distanceWith(wrong)(await undone(one));
      found.set(one, misleading.has(one.tensors[0] ?? "") ? 0.5 : distance);
    }
  return found;
}

describe("mistakes of one kind in several layers", () => {
  const wrong = [1, 3, 4].map((layer) => at(layer, "self_attn.o_proj"));

  test("are put right together", async () => {
    const [best] = await inSeveralLayers(
      await nearness(wrong, new Set()),
      READERS,
      distanceWith(wrong),
      new SearchBudget(100),
    );
    expect([best?.tensors, best?.cause]).toEqual([wrong, "transposed"]);
    expect(best?.mistake).toBe("in layers 1, 3, 4: stored as [in, out]");
  });

  test("leave out a layer that helps alone and not beside the others", async () => {
    const [best] = await inSeveralLayers(
      await nearness(wrong, new Set([at(5, "self_attn.o_proj")])),
      READERS,
      distanceWith(wrong),
      new SearchBudget(100),
    );
    expect(best?.tensors).toEqual(wrong);
  });

  test("take in a layer that helps only once those before it are right", async () => {
    const late = wrong[2] ?? "";
    const distance = (changes: Changes): Promise<number> => {
      const early = wrong.slice(0, 2).filter((name) => !changes.has(name)).length;
      const spoilt = [...changes.keys()].filter((name) => !wrong.includes(name)).length;
      const behind = early > 0 || !changes.has(late) ? 1 : 0;
      return Promise.resolve(early + spoilt + behind);
    };
    const list = new Map<Hypothesis, number>();
    for (const module of ["self_attn.q_proj", "self_attn.o_proj"])
      for (let layer = 0; layer < 6; layer++) {
        const one = mistake(layer, module);
        list.set(one, await distance(await undone(one)));
      }
    const [best] = await inSeveralLayers(list, READERS, distance, new SearchBudget(200));
    expect(best?.mistake).toBe("in layers 1, 3, 4: stored as [in, out]");
  });

  test("are not made of what helps in one layer, nor looked for without tries", async () => {
    const one = [at(2, "mlp.up_proj")];
    const list = await nearness(one, new Set());
    expect(await inSeveralLayers(list, READERS, distanceWith(one), new SearchBudget(100))).toEqual(
      [],
    );
    const many = await nearness(wrong, new Set());
    expect(await inSeveralLayers(many, READERS, distanceWith(wrong), new SearchBudget(0))).toEqual(
      [],
    );
  });
});
