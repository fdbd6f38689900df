import { expect, test } from "vitest";
import { wrongHeadRows } from "../../../src/verify/diagnose/golden/head-rows.ts";

const VOCAB = 40;
const NOISE = 0.1;

/** Logits of three tokens; those of each column off by what `off` gives. */
function outputs(off: (column: number) => number) {
  const reference = Float32Array.from({ length: 3 * VOCAB }, () => 1);
  const ours = reference.map((value, index) => value + off(index % VOCAB));
  return [{ ours, reference }];
}

test("a few tokens' logits that alone are wrong blame rows of the head", () => {
  const found = outputs((column) => (column === 3 || column === 7 ? 0.3 : 0.01));
  expect(wrongHeadRows(found, VOCAB, NOISE)).toEqual([3, 7]);
});

test.each([
  ["a departure of all tokens that passes the noise at a few", (column: number) => column / 380],
  ["nothing that is wrong", () => 0],
  ["many wrong tokens", (column: number) => (column < 5 ? 1 : 0)],
])("%s blames none", (_what, off) => {
  expect(wrongHeadRows(outputs(off), VOCAB, NOISE)).toBeUndefined();
});
