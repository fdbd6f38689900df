import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-right-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Shapes drawn; WEIGHBRIDGE_DRAWS=200 is what a change of the gates is judged by. */
const DRAWS = Number(process.env["WEIGHBRIDGE_DRAWS"] ?? 20);
const FIRST_SEED = Number(process.env["WEIGHBRIDGE_FIRST_SEED"] ?? 0);

const folders = Array.from({ length: DRAWS }, (_unused, index) => join(work, String(index)));

beforeAll(() => {
  runPython(
    "draw_right_models.py",
    folders.map((folder, index) => ({ folder, seed: FIRST_SEED + index })),
  );
});

/** What fails though it is right, and how far beyond the gate it is. */
async function failing(
  golden: string,
  options: { readonly device: "wasm" | "cpu"; readonly calibrate: boolean },
  model = "",
): Promise<{ readonly failed: readonly string[]; readonly compared: number }> {
  const failed: string[] = [];
  let compared = 0;
  for (const [index, folder] of folders.entries()) {
    // No float64 golden is drawn where the rotary table depends on the call before.
    if (!existsSync(join(folder, `${golden}.safetensors`))) continue;
    const result = await verify(join(folder, model), {
      ...options,
      golden: join(folder, `${golden}.safetensors`),
      diagnose: false,
    });
    compared++;
    if (result.verdict === "fail")
      failed.push(
        `seed ${FIRST_SEED + index}: ${result.comparisons[0]?.failures.join("; ") ?? ""}`,
      );
  }
  return { failed, compared };
}

describe("no right model fails by default, whatever its shape", () => {
  test.each([
    ["wasm", true],
    ["wasm", false],
    ["cpu", true],
    ["cpu", false],
  ] as const)("on %s, calibrated in a second run: %s", async (device, calibrate) => {
    expect(await failing("golden", { device, calibrate })).toEqual({
      failed: [],
      compared: DRAWS,
    });
  });

  test("against goldens that carry float64 logits", async () => {
    const { failed, compared } = await failing("golden-f64", { device: "wasm", calibrate: false });
    expect(failed).toEqual([]);
    expect(compared).toBeGreaterThan(DRAWS / 2);
  });

  test("against goldens that were computed in bfloat16", async () => {
    expect(await failing("golden-bf16", { device: "wasm", calibrate: false }, "half")).toEqual({
      failed: [],
      compared: DRAWS,
    });
  });
});
