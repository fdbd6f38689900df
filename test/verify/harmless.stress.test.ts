import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { verify } from "../../src/verify/run.ts";
import { ciShare } from "../support/ci-share.ts";
import { FIXTURE_FOLDERS } from "../support/fixture-manifest.ts";
import { ORACLE_FOLDER, ORACLES } from "../support/oracles.ts";

/** Every format, layout, sharding and naming that the frameworks write, each with the golden of its values. */
const MODELS = FIXTURE_FOLDERS.flatMap(({ name, path, golden, group }) =>
  golden === undefined ? [] : [{ name, path, golden, isEncoder: group === "encoders" }],
);

describe("equal weights, however they are kept", () => {
  test("come in many kinds", () => {
    expect(MODELS.length).toBeGreaterThan(20);
  });

  test.each(ciShare(MODELS, 2))(
    "$name passes its golden, and nothing is accused",
    async ({ path, golden, isEncoder }) => {
      const { verdict, diagnosis, comparisons } = await verify(path, { golden, device: "wasm" });
      expect([verdict, diagnosis]).toEqual(["pass", []]);
      const [comparison] = comparisons;
      expect((comparison?.greedy.length ?? 0) > 0).toBe(!isEncoder);
      expect(comparison?.greedy.every(({ tokens, agreeing }) => tokens === agreeing)).toBe(true);
    },
  );
});

describe("InternLM's own models", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-harmless-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(ORACLES)("$name: all its files agree with each other", async ({ folder: path }) => {
    const { verdict, comparisons } = await verify(path, { device: "wasm" });
    expect(verdict).toBe("pass");
    expect(comparisons.length).toBeGreaterThan(0);
    for (const { parity, weights } of comparisons) {
      expect(parity?.prompts.every(({ positions }) => positions > 0)).toBe(true);
      expect(weights).toMatchObject({ compared: 42, wrong: 0 });
    }
  });

  test.each([
    { name: "float32", options: { dtype: "F32" } },
    { name: "shards", options: { maxShardSize: 100_000 } },
    { name: "Paddle's layout", options: { to: "paddle" } },
    { name: "torch's pickle", options: { to: "pytorch", dtype: "F32" } },
  ] as const)("nano converted to $name passes golden, pair and diff", async ({ name, options }) => {
    const source = join(ORACLE_FOLDER, "nano", "model_state.pdparams");
    const target = join(folder, name.replaceAll(/\W/g, "-"));
    await convert(source, target, options);
    const golden = join(ORACLE_FOLDER, "nano", "golden.safetensors");
    expect(await verify(target, { golden, other: source, device: "wasm" })).toMatchObject({
      verdict: "pass",
      diagnosis: [],
    });
    const { same, summary } = await diff(target, source);
    expect([same, summary.differ + summary.onlyLeft + summary.onlyRight]).toEqual([true, 0]);
  });

  test("nano cast to BF16 passes within it, and says that it was rounded", async () => {
    const source = join(ORACLE_FOLDER, "nano", "model_state.pdparams");
    const target = join(folder, "cast");
    await convert(source, target, { dtype: "BF16" });
    const { verdict, comparisons } = await verify(target, { other: source, device: "wasm" });
    expect([verdict, comparisons[0]?.parity?.compute]).toEqual(["pass", "bf16"]);
    expect(comparisons[0]?.weights).toMatchObject({ wrong: 0, harmless: [] });
    expect(comparisons[0]?.weights?.rounded).toBeGreaterThan(0);
  });

  // Searches all hypotheses, in vain.
  test("a golden of another model is refused as stale, not explained", async () => {
    const golden = join(folder, "other.safetensors");
    const { recordGolden } = await import("../../src/verify/golden/record.ts");
    await recordGolden(join(ORACLE_FOLDER, "nano-ntk"), golden, { device: "wasm" });
    await expect(
      verify(join(ORACLE_FOLDER, "nano"), { golden, device: "wasm" }),
    ).rejects.toMatchObject({
      code: "WB3912",
    });
    expect(readFileSync(golden).byteLength).toBeGreaterThan(0);
  });
});
