import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { readEditable } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const MODEL = join(FIXTURES, "grouped-deep");
const GOLDEN = join(FIXTURES, "goldens", "grouped-deep.safetensors");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-head-rows-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("rows of lm_head that are made of one length", () => {
  test("are a factor of each token", async () => {
    const config = readFileSync(join(MODEL, "config.json"), "utf8");
    const model = await readEditable(join(MODEL, "model.safetensors"), config);
    const { shape, data } = model.get("lm_head.weight");
    const width = shape[1] ?? 1;
    const rows = data.map((value, at) => {
      const row = data.subarray(at - (at % width), at - (at % width) + width);
      return value / Math.sqrt(row.reduce((sum, one) => sum + one * one, 0));
    });
    model.set("lm_head.weight", { shape, data: rows });
    const path = join(folder, "normalised");
    await model.write(path);
    const { diagnosis } = await verify(path, { golden: GOLDEN, device: "wasm" });
    expect(diagnosis.map(({ cause, tensors }) => [cause, tensors])).toEqual([
      ["scaled", ["lm_head.weight"]],
    ]);
    expect(diagnosis[0]?.evidence).toContain("by a factor of its own");
  });
});
