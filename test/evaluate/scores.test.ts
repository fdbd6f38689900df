import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passBatches } from "../../src/evaluate/scores/pass-batches.ts";
import { planPrefixes } from "../../src/evaluate/scores/prefix-plan.ts";
import { smallest, textScore } from "../../src/evaluate/scores/text-score.ts";
import { hostLogSums } from "../../src/runtime/backends/steps/log-sums.ts";

/** Texts of few different tokens, so that many begin alike. */
const someTexts = fc.array(
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 8 }),
  { minLength: 1, maxLength: 12 },
);

describe("a plan of prefixes", () => {
  it("asks for every token of every text behind the very tokens before it", () => {
    fc.assert(
      fc.property(someTexts, fc.boolean(), (texts, isShared) => {
        const plan = planPrefixes(texts, isShared);
        const passes = new Map(plan.passes.map((pass) => [pass.text, pass]));
        // A cache of the path, as a model would have it: which tokens it holds, and which were asked for behind each.
        let [path, asked]: [number[], number[][]] = [[], []];
        let computed = 0;
        for (const text of plan.order) {
          const ids = texts[text] ?? [];
          const pass = passes.get(text);
          if (pass !== undefined) {
            expect(path.slice(0, pass.keep)).toEqual(ids.slice(0, pass.keep));
            expect(path.length).toBeGreaterThanOrEqual(pass.keep);
            path = ids.slice(0, pass.end);
            asked = [...asked.slice(0, pass.keep), ...pass.next.map((list) => [...list])];
            computed += pass.end - pass.keep;
          }
          for (const [index, id] of ids.slice(1).entries()) {
            expect(path.slice(0, index + 1)).toEqual(ids.slice(0, index + 1));
            expect(asked[index]).toContain(id);
          }
        }
        expect(plan.order.toSorted((left, right) => left - right)).toEqual(
          texts.map((_, index) => index),
        );
        expect(plan.computed).toBe(computed);
        expect(plan.whole).toBe(texts.flat().length);
      }),
    );
  });

  it("computes each prefix that is followed by something once, and no other token", () => {
    fc.assert(
      fc.property(someTexts, (texts) => {
        const prefixes = new Set(
          texts.flatMap((ids) => ids.slice(1).map((_, index) => ids.slice(0, index + 1).join())),
        );
        expect(planPrefixes(texts, true).computed).toBe(prefixes.size);
      }),
    );
  });
});

describe("batches of passes", () => {
  it("take every token of every pass once and in order, as many as there is room for, alone or together", () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(someTexts, size, fc.boolean(), (texts, room, together) => {
        const { passes } = planPrefixes(texts, true);
        const batches = passBatches(passes, room, together);
        const parts = batches.flat();
        for (const pass of passes) {
          const own = parts.filter((part) => part.pass === pass);
          expect(own.map(({ begin }) => begin)).toEqual([
            pass.keep,
            ...own.slice(0, -1).map(({ end }) => end),
          ]);
          expect(own.at(-1)?.end).toBe(pass.end);
        }
        const order = parts.map(({ pass }) => passes.indexOf(pass));
        expect(order).toEqual(order.toSorted((left, right) => left - right));
        const sizes = batches.map((batch) =>
          batch.reduce((sum, { begin, end }) => sum + end - begin, 0),
        );
        if (together) expect(sizes.slice(0, -1).every((tokens) => tokens === room)).toBe(true);
        else expect(batches.every(({ length }) => length === 1)).toBe(true);
        expect(sizes.every((tokens) => tokens > 0 && tokens <= room)).toBe(true);
      }),
    );
  });
});

describe("scores", () => {
  it("are cross-entropies over the whole text, divided by all of its tokens but the padding", () => {
    expect(hostLogSums(Float32Array.of(2, 2, 1, 2), [2, 0])).toEqual([2, 3 + Math.exp(-1), 1, 2]);
    expect(textScore([1, 5, 6], [3, 6], undefined)).toBe(3);
    // Token 2 is the padding: as a target it adds nothing, and it does not count.
    expect(textScore([1, 5, 2, 6], [3, 100, 6], 2)).toBe(3);
  });

  it("are no number where a logit is none, wherever it stands", () => {
    for (const at of [0, 1, 2]) {
      const logits = Float32Array.of(1, 2, 3);
      logits[at] = Number.NaN;
      expect(hostLogSums(logits, [])[1]).toBeNaN();
    }
  });

  it("do not overflow", () => {
    expect(hostLogSums(Float32Array.of(3e38, 3e38), [])).toEqual([Math.fround(3e38), 2]);
  });

  it("choose the smallest, the first of equal ones, and none where one is no number", () => {
    expect(
      smallest(
        new Map([
          ["A", 2],
          ["B", 1],
          ["C", 1],
        ]),
      ),
    ).toBe("B");
    expect(
      smallest(
        new Map([
          ["A", 1],
          ["B", Number.NaN],
        ]),
      ),
    ).toBeUndefined();
  });
});
