import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { scan } from "../../src/api/scan.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { TARGET_FORMATS, TARGETS } from "../../src/formats/target-formats.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const SOURCE = join(FIXTURES, "internlm-tiny/pytorch_model.bin");

const folder = mkdtempSync(join(tmpdir(), "weighbridge-targets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// What neither the compiler nor another test would name of a format that is new.
describe.each(TARGET_FORMATS)("a model that is written as %s", (to) => {
  const { stem, extension } = TARGETS[to];
  const target = join(folder, to);

  it("is found in its folder by the names of its files, one or several", async () => {
    for (const maxShardSize of [undefined, 40_000]) {
      await convert(SOURCE, target, { to, maxShardSize, force: true });
      const { checkpoint } = await openCheckpoint(target);
      await checkpoint.close();
      expect(checkpoint.tensors).toHaveLength(42);
    }
  });

  it("leaves no file of the conversion that it replaces", async () => {
    expect(readdirSync(target).filter((name) => name.includes("-of-")).length).toBeGreaterThan(1);
    await convert(SOURCE, target, { to, force: true });
    expect(readdirSync(target).filter((name) => /-of-|index/.test(name))).toEqual([]);
    expect(existsSync(join(target, `${stem}.${extension}`))).toBe(true);
  });

  it("is known to the scan", async () => {
    expect((await scan(join(target, `${stem}.${extension}`))).verdict).toBe("safe");
  });
});
