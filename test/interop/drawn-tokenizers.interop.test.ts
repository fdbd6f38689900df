import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { tokenAgreement } from "../support/expected-tokens.ts";
import { PYTHON } from "../support/python.ts";

const MAKE = join(import.meta.dirname, "../../fixtures/make/drawn_tokenizers.py");
const COUNT = 120;
const TEXTS = 250;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-drawn-tokenizers-"));
  const given = [MAKE, folder, "--count", String(COUNT), "--texts", String(TEXTS)];
  const { status, stderr } = spawnSync(PYTHON, given, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  if (status !== 0) throw new Error(stderr);
}, 900_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it("tokenizers of drawn parts have the library's ids and texts, or are refused", async () => {
  let agreeing = 0;
  const differing: unknown[] = [];
  const numbers = readdirSync(folder).filter((name) => name !== "texts.json");
  for (const number of numbers) {
    try {
      const agreement = await tokenAgreement(folder, number);
      if (agreement.differing.length === 0) agreeing++;
      else differing.push({ number, first: agreement.differing[0] });
    } catch (error) {
      if (!(error instanceof WbError) || error.code !== "WB4801") throw error;
    }
  }
  expect(differing).toEqual([]);
  // One that is refused agrees with nothing.
  expect(agreeing).toBeGreaterThan(numbers.length * 0.8);
}, 900_000);
