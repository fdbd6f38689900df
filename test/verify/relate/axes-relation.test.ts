import { describe, expect, test } from "vitest";
import { axesRelation } from "../../../src/verify/relate/axes-relation.ts";
import { withAxes } from "../../../src/verify/relate/axis-order.ts";

const SHAPE = [3, 5, 8];
const RIGHT = {
  shape: SHAPE,
  data: Float32Array.from({ length: 120 }, (_unused, index) => Math.sin(index * index + 1)),
};

/** The right one whose place along the last axis is another one's. */
function last(from: (place: number) => number) {
  const data = RIGHT.data.map(
    (_value, index) => RIGHT.data[index - (index % 8) + from(index % 8)] ?? 0,
  );
  return { shape: SHAPE, data };
}

describe("axes of a tensor of experts", () => {
  test.each([
    [
      "[gate | up] for [up | gate]",
      last((place) => (place + 4) % 8),
      "fused-order",
      "along axis 2: its two halves of columns stand in each other's place",
    ],
    [
      "gate and up in turn",
      last((place) => (place % 2) * 4 + Math.floor(place / 2)),
      "fused-order",
      "along axis 2: the columns are the other side's with their axes in another order: r (b a) -> r (a b), a=4, b=2",
    ],
    [
      "columns in reverse",
      last((place) => 7 - place),
      "rank-order",
      "along axis 2: its 8 parts along columns stand in the order 7, 6, 5, 4, 3, 2, 1, 0 of the other side, as parts of parallel ranks joined in another order do",
    ],
    [
      "two axes exchanged under the same shape",
      { shape: SHAPE, data: withAxes(RIGHT, [1, 0, 2]).data },
      "transposed",
      "its numbers in a row are the other side's with axes 1, 0, 2, under the same shape [3, 5, 8]",
    ],
    [
      "two axes exchanged",
      withAxes(RIGHT, [0, 2, 1]),
      "transposed",
      "its axes stand in another order: [3, 8, 5] is the other side's with axes 0, 2, 1",
    ],
  ])("%s", (_name, ours, cause, text) => {
    expect(axesRelation(ours, RIGHT)).toMatchObject({ cause, text });
  });

  test("are said nothing of where the values are others, or the same", () => {
    expect(axesRelation({ shape: SHAPE, data: RIGHT.data.toSorted() }, RIGHT)).toBeUndefined();
    expect(axesRelation(RIGHT, RIGHT)).toBeUndefined();
  });
});
