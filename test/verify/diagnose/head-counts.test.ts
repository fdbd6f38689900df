import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseModelConfig } from "../../../src/model/config/parse.ts";
import { rotaryHypotheses } from "../../../src/verify/diagnose/hypotheses/attention-hypotheses.ts";
import { judgeCopies } from "../../../src/verify/diagnose/hypotheses/copies.ts";
import type { Laboratory } from "../../../src/verify/compare/model-runner.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

const path = join(FIXTURES, "grouped-deep", "config.json");
const CONFIG = parseModelConfig(readFileSync(path, "utf8"), path);
const closed = (): Promise<never> => Promise.reject(new Error("nothing is opened"));

test("rows permuted for the other's count of heads are tried before other counts", () => {
  const config = CONFIG;
  const names = ["self_attn.q_proj.weight", "self_attn.k_proj.weight"];
  const counts = rotaryHypotheses((name) => name, config, new Set(names)).flatMap(
    ({ mistake, tensors }) => {
      const [, count] = /for (\d+) heads/.exec(mistake) ?? [];
      return count === undefined ? [] : [`${tensors[0] ?? ""} ${count}`];
    },
  );
  expect([...new Set(counts)].slice(0, 2)).toEqual([
    `self_attn.k_proj.weight ${config.heads}`,
    `self_attn.q_proj.weight ${config.kvHeads}`,
  ]);
  expect(new Set(counts).size).toBeGreaterThan(2);
});

test("rows that repeat others are told from rows that begin alike, and -0 equals 0", async () => {
  const rows = [0, 1, 2, 3].map((row) =>
    Array.from({ length: 30 }, (_unused, column) => (column + 1) * (row + 1)),
  );
  const table = [...rows, rows[1] ?? [], [...(rows[2] ?? []).slice(0, 29), 7]];
  table[1] = [0, ...(rows[1] ?? []).slice(1)];
  table[4] = [-0, ...(rows[1] ?? []).slice(1)];
  const tensor = { shape: [6, 30], data: Float32Array.from(table.flat()) };
  const laboratory: Laboratory = {
    config: CONFIG,
    facts: () => undefined,
    names: () => [],
    read: closed,
    readBytes: closed,
    open: closed,
    openAgain: closed,
    forget: () => undefined,
  };
  const [found, ...more] = await judgeCopies(
    ["model.layers.0.mlp.up_proj.weight"],
    laboratory,
    () => Promise.resolve(tensor),
  );
  expect([found?.evidence, more.length]).toEqual(["row 4 repeats row 1", 0]);
});
