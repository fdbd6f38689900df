import { describe, expect, test } from "vitest";
import { additiveMask } from "../../../src/runtime/backends/steps/mask.ts";
import { positionsOfMask } from "../../../src/runtime/model/positions.ts";
import { LOWEST } from "../../../src/runtime/backends/ops.ts";

const low = LOWEST.f32;

describe("the additive mask", () => {
  test("is none for one new token without padding", () => {
    expect(additiveMask("f32", undefined, 9, 1, 10)).toBeUndefined();
  });

  test("hides later keys", () => {
    const mask = additiveMask("f32", undefined, 1, 2, 3);
    expect(mask?.shape).toEqual([1, 1, 2, 3]);
    expect([...(mask?.data ?? [])]).toEqual([0, 0, low, 0, 0, 0]);
  });

  test("hides padding, and is −∞ where both apply, as float32 sums are", () => {
    const mask = additiveMask("f32", [Uint8Array.of(0, 1, 1), Uint8Array.of(1, 1, 0)], 0, 3, 3);
    expect(mask?.shape).toEqual([2, 1, 3, 3]);
    expect([...(mask?.data ?? [])]).toEqual(
      [
        [low, low, low, low, 0, low, low, 0, 0],
        [0, low, Number.NEGATIVE_INFINITY, 0, 0, Number.NEGATIVE_INFINITY, 0, 0, low],
      ].flat(),
    );
  });
});

describe("positions under padding", () => {
  test("count the visible tokens before, and are 1 at padding", () => {
    expect([...positionsOfMask(Uint8Array.of(0, 0, 1, 1, 1))]).toEqual([1, 1, 0, 1, 2]);
    expect([...positionsOfMask(Uint8Array.of(1, 1, 0))]).toEqual([0, 1, 1]);
  });
});
