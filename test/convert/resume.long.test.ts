import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { STAGING } from "../../src/convert/staging/target-folder.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { folderDigests } from "../support/folder-digests.ts";

const SHARD = 40_000;
const source = join(FIXTURES, "safetensors-single");

let folder = "";
let whole: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-resume-"));
  await convert(source, join(folder, "whole"), { maxShardSize: SHARD });
  whole = folderDigests(join(folder, "whole"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a conversion that is stopped", () => {
  test("goes on in the same process with what it had written", async () => {
    const target = join(folder, "aborted");
    const controller = new AbortController();
    const aborted = convert(source, target, {
      maxShardSize: SHARD,
      signal: controller.signal,
      onProgress: (_phase, done, total) => {
        if (done > total / 2) controller.abort();
      },
    });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(target, STAGING))).toBe(true);
    expect(readdirSync(target)).toEqual([STAGING]);
    expect((await caught(() => convert(source, target, { maxShardSize: SHARD }))).code).toBe(
      "WB2904",
    );
    expect((await caught(() => convert(source, target, { resume: true, dtype: "F32" }))).code).toBe(
      "WB2903",
    );
    const journal = new Map(
      readdirSync(join(target, STAGING))
        .filter((name) => name.startsWith("journal") || name.startsWith("released"))
        .map((name) => [name, readFileSync(join(target, STAGING, name), "utf8")]),
    );
    await convert(source, target, { maxShardSize: SHARD, resume: true });
    expect(folderDigests(target)).toEqual(whole);
    // Killed behind its last change, it would be started again: that finds all done, for this source alone.
    const again = await convert(source, target, { maxShardSize: SHARD, resume: true });
    expect([again.verified, folderDigests(target)]).toEqual([true, whole]);
    // Nor does it matter what is left of the staging folder.
    for (const names of [[], ["journal.jsonl"], ["journal.jsonl", "released.json"]]) {
      mkdirSync(join(target, STAGING));
      for (const name of names) writeFileSync(join(target, STAGING, name), journal.get(name) ?? "");
      await convert(source, target, { maxShardSize: SHARD, resume: true });
      expect(folderDigests(target)).toEqual(whole);
    }
    const other = join(folder, "other");
    cpSync(source, other, { recursive: true });
    const weights = readFileSync(join(other, "model.safetensors"));
    writeFileSync(
      join(other, "model.safetensors"),
      weights.with(weights.length - 1, (weights.at(-1) ?? 0) ^ 1),
    );
    const resumed = { maxShardSize: SHARD, resume: true };
    expect((await caught(() => convert(other, target, resumed))).code).toBe("WB2901");
  });
});
