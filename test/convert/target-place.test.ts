import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { caught } from "../support/caught.ts";

const NAME = "model_state.pdparams";
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-place-"));
  const fixture = join(import.meta.dirname, "../../fixtures/internlm-tiny", NAME);
  copyFileSync(fixture, join(folder, NAME));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a file that was given by itself may be converted to a folder beside it", async () => {
  const target = join(folder, "out");
  const { verified } = await convert(join(folder, NAME), target, { architecture: "none" });
  expect([verified, existsSync(join(target, "model.safetensors"))]).toEqual([true, true]);
});

test.each([
  ["a file, to its own folder", NAME, "."],
  ["a folder, to one in it", ".", "inside"],
])("%s, is refused", async (_what, source, target) => {
  const error = await caught(() =>
    convert(join(folder, source), join(folder, target), { architecture: "none", force: true }),
  );
  expect(error.code).toBe("WB2902");
  expect(existsSync(join(folder, "inside"))).toBe(false);
});
