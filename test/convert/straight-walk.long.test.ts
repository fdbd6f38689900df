import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { isRecord } from "../support/is-record.ts";
import { safetensorsBytes, vectorsHeader } from "../support/safetensors-file.ts";

const ROOT = join(import.meta.dirname, "../..");
const TRACE = join(ROOT, "scripts/walk-trace.mjs");

/** Functions that are under way at once when a byte of a tensor is written; 20 before the options were decided once. */
const MOST_FUNCTIONS = 12;

const folder = mkdtempSync(join(tmpdir(), "weighbridge-walk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The functions that were under way in each thread, the outermost first. */
function walkOf(source: string): readonly (readonly string[])[] {
  const words = ["convert", source, join(folder, "out"), "--architecture", "none"];
  const { stderr } = spawnSync(
    process.execPath,
    ["--import", TRACE, join(ROOT, "bin/weighbridge.js"), ...words],
    { encoding: "utf8", env: { ...process.env, WALK_PRODUCT: ROOT } },
  );
  const longest = new Map<boolean, readonly string[]>();
  for (const line of stderr.split("\n").filter((text) => text.startsWith("walk "))) {
    const told: unknown = JSON.parse(line.slice(5));
    if (!isRecord(told) || !Array.isArray(told["functions"])) continue;
    const functions = told["functions"].map(String);
    const isMain = told["isMainThread"] === true;
    if (functions.length > (longest.get(isMain)?.length ?? 0)) longest.set(isMain, functions);
  }
  return [longest.get(true) ?? [], longest.get(false) ?? []];
}

it("a copied tensor passes at most twelve functions from `convert` to the write", () => {
  const source = join(folder, "source/model.safetensors");
  mkdirSync(join(folder, "source"));
  // Above 16 MiB threads write, which is the longest way.
  const length = 5 * 2 ** 20;
  writeFileSync(source, safetensorsBytes(vectorsHeader(new Map([["weight", length]])), 4 * length));
  const [main = [], thread = []] = walkOf(source);
  expect(main[0]).toBe("convert");
  expect([...main, ...thread].at(-1)).toMatch(/writeNow$/);
  expect([...main, ...thread].length, JSON.stringify([main, thread])).toBeLessThanOrEqual(
    MOST_FUNCTIONS,
  );
}, 60_000);
