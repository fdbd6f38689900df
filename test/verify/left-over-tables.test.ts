import { describe, expect, test } from "vitest";
import { leftOverTables } from "../../src/verify/diagnose/hypotheses/config-hypotheses.ts";
import { internlmConfig } from "../support/model-config.ts";

/** Dynamic scaling beyond 32 positions. */
const CONFIG = internlmConfig({
  max_position_embeddings: 32,
  rotary: { base: 10_000, type: "dynamic", scaling_factor: 2 },
});

const tokensOf = (
  lengths: readonly (readonly [number, number])[],
): readonly (readonly number[])[] =>
  leftOverTables(
    CONFIG,
    lengths.map(([length, generated]) => ({ length, generated })),
  ).map((tables) => tables.map(({ tokens }) => tokens));

describe("rotary tables that a longer prompt left over", () => {
  test("are those of the longest prompt so far, and of what was generated after it", () => {
    expect(
      tokensOf([
        [76, 83],
        [57, 64],
      ]),
    ).toContainEqual([76, 83]);
  });

  test("end at a prompt below the trained context, or never", () => {
    expect(
      tokensOf([
        [40, 0],
        [20, 0],
      ]),
    ).toEqual([[40, 40]]);
  });

  test("are none where the prompts grow", () => {
    expect(
      tokensOf([
        [57, 0],
        [76, 0],
      ]),
    ).toEqual([]);
  });

  test("are of one base for all positions", () => {
    const [tables = []] = leftOverTables(CONFIG, [
      { length: 64, generated: 0 },
      { length: 40, generated: 0 },
    ]);
    // 10000 · (2 · 64/32 − 1)^(d/(d−2)).
    const dims = CONFIG.rotaryDims;
    expect(tables[1]?.config.rope.scaling).toEqual({ kind: "none" });
    expect(tables[1]?.config.rope.theta).toBeCloseTo(10_000 * 3 ** (dims / (dims - 2)), 3);
  });
});
