import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { STAGING } from "../../src/convert/staging/target-folder.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught } from "../support/caught.ts";
import { failingDisk, type DiskFailure } from "../support/failing-disk.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { folderDigests } from "../support/folder-digests.ts";

const SOURCE = join(FIXTURES, "internlm-tiny");
const FAILURES: readonly DiskFailure[] = ["ENOSPC", "EIO", "EACCES", "EDQUOT"];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-faults-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A conversion with shards, an index and transposes; what it changes on an honest disk. */
async function reference(): Promise<{ files: Readonly<Record<string, string>>; changes: number }> {
  const disk = failingDisk(Number.POSITIVE_INFINITY);
  const target = join(folder, "reference");
  await convert(join(SOURCE, "model_state.pdparams"), target, {
    maxShardSize: 60_000,
    fileSystem: disk,
  });
  return { files: folderDigests(target), changes: disk.changes() };
}

describe("a disk that fails", () => {
  test("at any change: a typed error, the source as it was, nothing half done, and a way on", async () => {
    const before = folderDigests(SOURCE);
    const { files, changes } = await reference();
    expect(changes).toBeGreaterThan(80);
    const moments = Array.from({ length: changes }, (_unused, at) => at);
    for (const failAt of moments) {
      const failure = FAILURES[failAt % FAILURES.length] ?? "EIO";
      const target = join(folder, `target-${failAt}`);
      const options = { maxShardSize: 60_000 };
      const error = await caught(() =>
        convert(join(SOURCE, "model_state.pdparams"), target, {
          ...options,
          fileSystem: failingDisk(failAt, failure),
        }),
      );
      expect(error).toBeInstanceOf(WbError);
      expect([failAt, error.code]).toEqual([
        failAt,
        failure === "ENOSPC" || failure === "EDQUOT" ? "WB6001" : "WB6002",
      ]);
      expect(error.message).toContain(failure);
      const left = folderDigests(target);
      const final = Object.entries(left).filter(([name]) => !name.startsWith(STAGING));
      // Whatever is under a final name is whole.
      for (const [name, digest] of final) expect([name, digest]).toEqual([name, files[name]]);
      const isStaged = existsSync(join(target, STAGING));
      // Either nothing is left at all, or the work that --resume goes on with.
      expect(existsSync(target)).toBe(isStaged || final.length > 0);
      await convert(join(SOURCE, "model_state.pdparams"), target, { ...options, resume: isStaged });
      expect(folderDigests(target)).toEqual(files);
      rmSync(target, { recursive: true });
    }
    expect(folderDigests(SOURCE)).toEqual(before);
  }, 240_000);

  test("leaves the model that --force replaces as it was, unless the new one is complete", async () => {
    const old = join(folder, "old");
    await convert(join(SOURCE, "pytorch_model.bin"), old, { dtype: "F32" });
    const before = folderDigests(old);
    for (const failAt of [0, 5, 30, 47]) {
      const error = await caught(() =>
        convert(join(SOURCE, "model_state.pdparams"), old, {
          force: true,
          fileSystem: failingDisk(failAt),
        }),
      );
      expect(error.code).toBe("WB6001");
      expect([failAt, folderDigests(old)]).toEqual([failAt, before]);
    }
    await convert(join(SOURCE, "model_state.pdparams"), old, { force: true });
    expect(folderDigests(old)).not.toEqual(before);
    expect(readdirSync(old)).not.toContain(STAGING);
  });
});

describe("a target", () => {
  test.each([
    ["the source's own folder", SOURCE, SOURCE, `${SOURCE}-converted`],
    ["a folder in it", SOURCE, join(SOURCE, "converted"), join(SOURCE, "../converted")],
    [
      "a folder beside the file that is converted",
      join(SOURCE, "model_state.pdparams"),
      join(SOURCE, "out"),
      join(SOURCE, "../out"),
    ],
  ])("that is %s is refused, with one that would do", async (_what, source, target, better) => {
    const before = folderDigests(SOURCE);
    const error = await caught(() => convert(source, target, { force: true }));
    expect([error.code, error.hint]).toEqual([
      "WB2902",
      `Name a folder outside of it, such as ${better}.`,
    ]);
    expect(folderDigests(SOURCE)).toEqual(before);
  });

  test("that holds files, or is one, is refused without --force", async () => {
    const occupied = join(folder, "occupied");
    mkdirSync(occupied);
    writeFileSync(join(occupied, "notes.txt"), "mine");
    expect((await caught(() => convert(SOURCE, occupied))).code).toBe("WB2901");
    expect((await caught(() => convert(SOURCE, join(occupied, "notes.txt")))).code).toBe("WB2901");
    expect(readdirSync(occupied)).toEqual(["notes.txt"]);
  });

  test("that another conversion is writing to is refused, and that one is not disturbed", async () => {
    const target = join(folder, "contended");
    const { files } = await reference();
    let second: WbError | undefined;
    const disk = failingDisk(Number.POSITIVE_INFINITY);
    await convert(join(SOURCE, "model_state.pdparams"), target, {
      maxShardSize: 60_000,
      fileSystem: {
        ...disk,
        writeSmall: async (path, content) => {
          await disk.writeSmall(path, content);
          if (second === undefined)
            second = await caught(() => convert(SOURCE, target, { force: true, resume: true }));
        },
      },
    });
    expect(second?.code).toBe("WB2904");
    expect(folderDigests(target)).toEqual(files);
  });
});
