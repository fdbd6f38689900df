import { expect, test } from "vitest";
import { mergeDiagnoses } from "../../../src/verify/diagnose/merge-diagnoses.ts";
import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";

const cast = (tensor: string, evidence: string): Diagnosis => ({
  cause: "cast",
  tensors: [tensor],
  evidence,
});

test("a sentence is said of the tensors that it was found for", () => {
  const [joined] = mergeDiagnoses([
    cast("a", "every value is one of int8"),
    cast("b", "every value is rounded to bfloat16"),
    cast("c", "every value is one of int8"),
  ]);
  expect(joined?.tensors).toEqual(["a", "b", "c"]);
  expect(joined?.evidence).toBe(
    "a and 1 more: every value is one of int8; b: every value is rounded to bfloat16",
  );
});

test("one sentence of all tensors is said once", () => {
  const [joined] = mergeDiagnoses([cast("a", "it is so"), cast("b", "it is so")]);
  expect(joined?.evidence).toBe("it is so, in each of them");
});

test("of many different sentences the first are said, and how many are not", () => {
  const [joined] = mergeDiagnoses(
    ["a", "b", "c", "d", "e"].map((name) => cast(name, `of ${name}`)),
  );
  expect(joined?.evidence).toBe("a: of a; b: of b; c: of c; and 2 more of this cause");
});
