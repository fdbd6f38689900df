import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/runtime/generation/random.ts";
import { candidates } from "../../../src/runtime/generation/candidates.ts";
import {
  argmax,
  createSampler,
  penalizeRepetition,
} from "../../../src/runtime/generation/sampling.ts";
import { DEFAULT_SAMPLING } from "../../../src/runtime/generation/sampling-settings.ts";
import { stopWatcher } from "../../../src/runtime/generation/stop-strings.ts";

const sampled = (seed: number): number[] => {
  const sample = createSampler({ ...DEFAULT_SAMPLING, doSample: true, topK: 0, seed });
  return Array.from({ length: 40 }, () => sample(new Float32Array(1000), []));
};

const logits = (...values: number[]): Float32Array => Float32Array.from(values);

describe("penalizeRepetition", () => {
  it("divides positive logits and multiplies negative ones, once per id", () => {
    const scores = logits(2.2, -1, 3, 0);
    penalizeRepetition(scores, [0, 0, 1, 3], 1.1);
    // 2.2f / 1.1f = 2 exactly in float32; −1 · 1.1f; 3 untouched; 0 stays 0.
    expect([...scores]).toEqual([2, Math.fround(-1.1), 3, 0]);
  });
});

describe("argmax", () => {
  it("takes the lowest id on ties and never NaN", () => {
    expect(argmax(logits(Number.NaN, 1, 5, 5))).toBe(2);
  });
});

describe("candidates", () => {
  const even = logits(Math.log(0.5), Math.log(0.25), Math.log(0.125), Math.log(0.125));

  it("keeps ties at the k-th place, as TopKLogitsWarper does", () => {
    expect(candidates(even, { ...DEFAULT_SAMPLING, topK: 3 }).ids).toEqual([0, 1, 2, 3]);
    expect(candidates(even, { ...DEFAULT_SAMPLING, topK: 2 }).ids).toEqual([0, 1]);
  });

  it("drops the least likely while they add up to at most 1 − top_p", () => {
    // Dropping 0.125 and 0.125 makes 0.25 ≤ 1 − 0.7; dropping 0.25 more would make 0.5.
    expect(candidates(even, { ...DEFAULT_SAMPLING, topK: 0, topP: 0.7 }).ids).toEqual([0, 1]);
    expect(candidates(even, { ...DEFAULT_SAMPLING, topK: 0, topP: 1e-9 }).ids).toEqual([0]);
  });

  it("normalises what is left", () => {
    const { probabilities } = candidates(even, { ...DEFAULT_SAMPLING, topK: 2 });
    expect(probabilities[0]).toBeCloseTo(2 / 3, 6);
    expect(probabilities[1]).toBeCloseTo(1 / 3, 6);
  });

  it("never offers an id whose logit is −∞ or NaN", () => {
    const scores = logits(Number.NEGATIVE_INFINITY, 0, Number.NaN, 1);
    expect(candidates(scores, { ...DEFAULT_SAMPLING, topK: 0 }).ids).toEqual([3, 1]);
  });
});

describe("settings at the end of their range", () => {
  const values = logits(-3, 20, 19.5, -1e30, 20.5);

  it.each([1e-6, 1e-38, 1e-45, 1e-300, 5e-324])("a temperature of %d is greedy", (temperature) => {
    for (const shift of [0, -40]) {
      const { ids, probabilities } = candidates(
        values.map((logit) => logit + shift),
        { ...DEFAULT_SAMPLING, temperature },
      );
      expect([ids[0], probabilities[0]]).toEqual([4, 1]);
    }
  });

  it("infinite logits share alike", () => {
    const infinite = logits(1, Infinity, 2, Infinity);
    const { ids, probabilities } = candidates(infinite, DEFAULT_SAMPLING);
    expect(ids.slice(0, 2)).toEqual([1, 3]);
    expect([...probabilities]).toEqual([0.5, 0.5, 0, 0]);
  });
});

describe("createSampler", () => {
  it("draws by the probabilities", () => {
    const sample = createSampler({ ...DEFAULT_SAMPLING, doSample: true, seed: 7 });
    const counts = [0, 0, 0];
    for (let round = 0; round < 20_000; round++) {
      const id = sample(logits(Math.log(0.6), Math.log(0.3), Math.log(0.1)), []);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    // Standard deviation is at most √(20000 · 0.25) ≈ 71; five of them.
    expect(Math.abs((counts[0] ?? 0) - 12_000)).toBeLessThan(355);
    expect(Math.abs((counts[1] ?? 0) - 6_000)).toBeLessThan(355);
  });

  it("gives the same ids for the same seed and others for another", () => {
    expect(sampled(3)).toEqual(sampled(3));
    expect(sampled(3)).not.toEqual(sampled(4));
  });

  it.each([
    [{ temperature: 0 }, "temperature: expected a number above 0, found 0"],
    [{ topP: 1.5 }, "top-p: expected a number in (0, 1], found 1.5"],
    [{ topK: -1 }, "top-k: expected 0 or more, found -1"],
    [{ repetitionPenalty: 0 }, "repetition-penalty: expected a number above 0, found 0"],
    [{ seed: 0.5 }, "seed: expected a whole number, found 0.5"],
  ])("refuses %j", (change, message) => {
    expect(() => createSampler({ ...DEFAULT_SAMPLING, ...change })).toThrowError(message);
  });
});

describe("seededRandom", () => {
  it("is uniform enough in mean and in its buckets", () => {
    const random = seededRandom(1);
    const buckets = Array.from({ length: 16 }, () => 0);
    for (let round = 0; round < 160_000; round++) {
      const index = Math.floor(random() * 16);
      buckets[index] = (buckets[index] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

describe("stopWatcher", () => {
  it("refuses an empty stop text, which every text would hold", () => {
    expect(() => stopWatcher(["a", ""])).toThrowErrorMatchingInlineSnapshot(
      `[WbError: stop: expected a text, found an empty one]`,
    );
  });

  it("shows everything before the first stop string and nothing of it, however the text is cut", () => {
    const stops = ["<eoa>", "\n\nQ:"];
    const word = fc.constantFrom("<", "eo", "a>", "\n", "Q", ":", "x", "<eoa>");
    fc.assert(
      fc.property(fc.array(word), (parts) => {
        const whole = parts.join("");
        const ends = stops.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0);
        const watcher = stopWatcher(stops);
        let shown = "";
        let stopped = false;
        for (const part of parts) {
          if (stopped) break;
          const step = watcher.push(part);
          shown += step.text;
          stopped = step.stopped;
        }
        shown += watcher.end();
        expect(stopped).toBe(ends.length > 0);
        if (!stopped) expect(shown).toBe(whole);
        else
          expect(
            whole.startsWith(shown) && stops.some((stop) => whole.startsWith(shown + stop)),
          ).toBe(true);
      }),
    );
  });
});
