import { describe, expect, test } from "vitest";
import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";
import { withoutCommuting } from "../../../src/verify/diagnose/pair/commuting.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseModelConfig } from "../../../src/model/config/parse.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

const CONFIG = parseModelConfig(
  readFileSync(join(FIXTURES, "mixtral", "config.json"), "utf8"),
  "config.json",
);
const EXPERTS = CONFIG.experts?.count ?? 0;
const LAYER = "model.layers.1.mlp.";
const PARTS = ["gate_proj", "up_proj", "down_proj"];

const holds = (expert: number, part: string, source: number): Diagnosis => {
  const tensor = `${LAYER}experts.${expert}.${part}.weight`;
  const of = `${LAYER}experts.${source}.${part}.weight`;
  return {
    cause: "swapped",
    tensors: [tensor],
    evidence: `it holds the values of ${of}`,
    claims: [{ tensor, of, kind: "equal" }],
  };
};

const inOrder = (
  tensor: string,
  axis: "rows" | "columns",
  order: readonly number[],
): Diagnosis => ({
  cause: "rank-order",
  tensors: [tensor],
  evidence: "in another order",
  claims: [{ tensor, kind: "order", axis, order }],
});

const at = (part: string): string => `${LAYER}experts.2.${part}.weight`;

const router = (order: readonly number[]): Diagnosis =>
  inOrder(`${LAYER}gate.weight`, "rows", order);

/** Each place holds the expert behind it, round the end. */
const NEXT = Array.from({ length: EXPERTS }, (_unused, place) => (place + 1) % EXPERTS);
const EXPERTS_MOVED = NEXT.flatMap((source, place) =>
  PARTS.map((part) => holds(place, part, source)),
);

describe("experts in another order", () => {
  test("compute the same with the rows of their router in it", () => {
    const [only, ...others] = withoutCommuting([...EXPERTS_MOVED, router(NEXT)], CONFIG);
    expect([only?.harmless, only?.tensors.length, others]).toEqual([true, 3 * EXPERTS + 1, []]);
    expect(only?.evidence).toContain("experts of layer 1 stand in another order");
  });

  test.each([
    ["whose router has its own", EXPERTS_MOVED],
    ["whose router has a third one", [...EXPERTS_MOVED, router(NEXT.toReversed())]],
    ["of which one matrix stands elsewhere", [...EXPERTS_MOVED.slice(1), router(NEXT)]],
    ["that one stands twice of", [...EXPERTS_MOVED.slice(3), holds(0, "up_proj", 2), router(NEXT)]],
  ])("%s are accused", (_name, found) => {
    expect(withoutCommuting(found, CONFIG)).toEqual(found);
  });
});

describe("inner dimensions of an expert in another order", () => {
  const order = Array.from(
    { length: CONFIG.experts?.size ?? 0 },
    (_unused, row) => row,
  ).toReversed();
  const rows = ["gate_proj", "up_proj"].map((part) => inOrder(at(part), "rows", order));

  test("compute the same where all three matrices have it", () => {
    const found = withoutCommuting([...rows, inOrder(at("down_proj"), "columns", order)], CONFIG);
    expect(found.map(({ harmless, tensors }) => [harmless, tensors.length])).toEqual([[true, 3]]);
  });

  test("are accused where one has not", () => {
    const found = [rows[0], inOrder(at("down_proj"), "columns", order)].filter(
      (one) => one !== undefined,
    );
    expect(withoutCommuting(found, CONFIG)).toEqual(found);
  });
});
