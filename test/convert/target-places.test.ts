import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runInProcess } from "../support/cli-in-process.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const SOURCE = join(FIXTURES, "safetensors-single");
const here = ["file"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-target-places-"));
  writeFileSync(join(folder, "file"), "text");
  try {
    symlinkSync("loop", join(folder, "loop"));
    here.push("loop");
  } catch {
    // Windows makes links for administrators alone.
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("convert", () => {
  it.each(["hf:org/name", "https://example.com/a", "HF:org/name"])(
    "refuses the address %s as its target, and writes nothing",
    async (target) => {
      const { status, stderr } = await runInProcess(["convert", SOURCE, target], folder);
      expect([status, stderr.includes(`WB2050: ${target}:`)]).toEqual([2, true]);
      expect(readdirSync(folder)).toEqual(here);
    },
  );

  it("calls a target below a file what cannot be created, by its own name", async () => {
    const { status, stderr } = await runInProcess(["convert", SOURCE, "file/model"], folder);
    expect(status).toBe(6);
    expect(stderr).toMatch(/WB6002: file[\\/]model: could not be created \(E/u);
    expect(readdirSync(folder)).toEqual(here);
  });

  it("calls a circle of links as its target the same", async () => {
    if (!here.includes("loop")) return;
    const { status, stderr } = await runInProcess(["convert", SOURCE, "loop"], folder);
    expect([status, stderr.includes("WB6002: loop: could not be created")]).toEqual([6, true]);
  });
});
