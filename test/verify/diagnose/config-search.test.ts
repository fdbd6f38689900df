import { expect, test } from "vitest";
import type { ModelConfig } from "../../../src/model/config/model-config.ts";
import { searchConfig, settingsText } from "../../../src/verify/diagnose/golden/config-search.ts";
import { internlmConfig } from "../../support/model-config.ts";

const OURS = internlmConfig();
const NOISE = 1;

/** The difference of two numbers as logits show it: in decades, times what it weighs. */
const apart = (left: number, right: number, weight: number): number =>
  weight * Math.abs(Math.log10(left / right));

const epsilon = ({ rmsNormEps }: ModelConfig): number => apart(rmsNormEps, 1e-5, 0.9);
const theta = ({ rope }: ModelConfig): number => apart(rope.theta, 500_000, 1000);

test("a base that was lost with an epsilon too small to show at the first token is found with it", async () => {
  const measure = {
    all: async (config: ModelConfig) => theta(config) + 2 * epsilon(config),
    first: async (config: ModelConfig) => epsilon(config),
  };
  const found = await searchConfig(OURS, measure, NOISE, { spend: async () => true });
  expect(found && settingsText(found)).toBe(
    "rms_norm_eps is 0.000001 and rope_theta is 10000; with 0.00001 and 500000",
  );
});

test("settings that change nothing are given up soon", async () => {
  let runs = 0;
  const measure = {
    // The mistake is no setting: whatever is tried, it stays, a little more or less.
    all: async (config: ModelConfig, limit: number) => {
      if (limit === 0) runs++;
      return 1000 + theta(config) / 1000;
    },
    first: async () => 0,
  };
  let tries = 0;
  const budget = { spend: async () => ++tries < 5000 };
  expect(await searchConfig(OURS, measure, NOISE, budget)).toBeUndefined();
  expect(runs).toBeLessThan(400);
});
