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
const EXPERTS_CONFIG = CONFIG.experts ?? {
  count: 0,
  perToken: 0,
  size: 0,
  isNormalised: true,
  layers: [],
};
const TEXT = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9];
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
    ["of which one matrix stands elsewhere", [...EXPERTS_MOVED.slice(1), router(NEXT)]],
    ["that one stands twice of", [...EXPERTS_MOVED.slice(3), holds(0, "up_proj", 2), router(NEXT)]],
  ])("%s are accused", (_name, found) => {
    expect(withoutCommuting(found, CONFIG)).toEqual(found);
  });

  test("are accused of their order alone where their router has its own", () => {
    const [only, ...others] = withoutCommuting(EXPERTS_MOVED, CONFIG);
    expect(others).toEqual([]);
    expect([only?.cause, only?.harmless, only?.tensors.length]).toEqual([
      "rank-order",
      undefined,
      3 * EXPERTS,
    ]);
    expect(only?.evidence).toContain("rows of their router stand in their own places");
  });

  test("are accused beside a router in a third order, of which nothing else is said", () => {
    const other = router(NEXT.toReversed());
    const found = withoutCommuting([...EXPERTS_MOVED, other], CONFIG);
    expect(found.map(({ harmless }) => harmless)).toEqual([undefined, undefined]);
    expect(found[0]).toEqual(other);
    expect(found[1]?.evidence).not.toContain("router");
  });

  /** Experts of a model with twelve of them, which stand as their numbers sort as text, or were read so. */
  test.each([
    ["sorted by their numbers as text", TEXT],
    ["read as if they were sorted", TEXT.map((_from, place) => TEXT.indexOf(place))],
  ])("%s are one mistake", (words, order) => {
    const experts = { ...EXPERTS_CONFIG, count: order.length };
    const found = order.flatMap((source, place) =>
      source === place ? [] : PARTS.map((part) => holds(place, part, source)),
    );
    const [only, ...others] = withoutCommuting(found, { ...CONFIG, experts });
    expect([only?.cause, others]).toEqual(["rank-order", []]);
    expect(only?.evidence).toContain(words);
    expect(only?.claims).toHaveLength(found.length);
  });

  test("two under each other's numbers are swapped", () => {
    const found = [
      ...PARTS.map((part) => holds(0, part, 2)),
      ...PARTS.map((part) => holds(2, part, 0)),
    ];
    const [only, ...others] = withoutCommuting(found, CONFIG);
    expect([only?.cause, only?.tensors.length, others]).toEqual(["swapped", 6, []]);
    expect(only?.evidence).toContain("experts 0 and 2 are stored under each other's numbers");
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
