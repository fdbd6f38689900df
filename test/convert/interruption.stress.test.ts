import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { STAGING } from "../../src/convert/staging/target-folder.ts";
import { folderDigests } from "../support/folder-digests.ts";
import { killConversion } from "../support/kill-conversion.ts";
import { writeLargeModel } from "../support/large-model.ts";

/** Conversions that are killed; another number with WEIGHBRIDGE_KILLS. */
const KILLS = Number(process.env["WEIGHBRIDGE_KILLS"] ?? 34);
const SHARD = 4_000_000;

let folder = "";
let source = "";
let whole: Readonly<Record<string, string>> = {};
let milliseconds = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-kill-"));
  source = join(folder, "source");
  await writeLargeModel(source);
  const target = join(folder, "whole");
  const begin = performance.now();
  expect(
    await killConversion([source, target, "--max-shard-size", `${SHARD}`], "SIGTERM", 60_000),
  ).toEqual({
    code: 0,
    signal: null,
  });
  milliseconds = performance.now() - begin;
  whole = folderDigests(target);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Fractions of a conversion's time, the same in each run: multiples of the golden ratio fall everywhere. */
const moments = (count: number): readonly number[] =>
  Array.from({ length: count }, (_unused, index) => ((index + 1) * 0.618_034) % 1);

describe("a conversion that is stopped", () => {
  test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)(
    "by %s at any moment leaves only whole files, and --resume gives the same bytes",
    async (signal) => {
      let interrupted = 0;
      for (const [index, moment] of moments(KILLS).entries()) {
        const target = join(folder, `${signal}-${index}`);
        const args = [source, target, "--max-shard-size", `${SHARD}`];
        const end = await killConversion(args, signal, moment * milliseconds);
        if (end.code !== 0) interrupted++;
        if (signal !== "SIGKILL" && end.code !== 0 && end.signal === null)
          expect(end.code).toBe(130);
        for (const [name, digest] of Object.entries(folderDigests(target))) {
          if (!name.startsWith(STAGING)) expect([name, digest]).toEqual([name, whole[name]]);
        }
        if (end.code !== 0) await convert(source, target, { maxShardSize: SHARD, resume: true });
        expect(folderDigests(target)).toEqual(whole);
        rmSync(target, { recursive: true });
      }
      expect(interrupted).toBeGreaterThan(KILLS / 3);
    },
    600_000,
  );
});
