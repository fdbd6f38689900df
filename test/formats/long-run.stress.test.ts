import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { ciTries } from "../support/ci-share.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { CORPUS, writeHostile } from "../support/hostile/corpus.ts";

/** Openings in one process; a tenth as many conversions. WEIGHBRIDGE_OPENINGS sets another number. */
const OPENINGS = Number(process.env["WEIGHBRIDGE_OPENINGS"] ?? ciTries(10_000, 4000));

/** What the heap and its garbage may differ by between two moments of the same work, in bytes. */
const LEVEL_BYTES = 64 * 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), "weighbridge-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every fixture, and every hostile file that is no bomb. */
const PATHS = [
  ...FIXTURE_FOLDERS.map(({ path }) => path),
  ...CORPUS.filter(({ kind }) => kind !== "bomb").map((file, index) => {
    const own = mkdtempSync(join(folder, `${index}-`));
    return writeHostile(file, own);
  }),
];

async function openAndClose(path: string): Promise<void> {
  try {
    const { checkpoint } = await openCheckpoint(path);
    await checkpoint.close();
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
  }
}

function openFiles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}

/** Does `work` `count` times, the first quarter to warm up; memory and files must not grow in the rest. */
async function staysLevel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let index = 0;
  for (; index < count / 4; index++) await work(index);
  const files = openFiles();
  const { rss } = process.memoryUsage();
  for (; index < count; index++) await work(index);
  expect(openFiles()).toBe(files);
  expect(process.memoryUsage().rss - rss).toBeLessThan(LEVEL_BYTES);
}

describe("one process that works for long", () => {
  it("opens good and hostile files with level memory, and closes them all", async () => {
    await staysLevel(OPENINGS, (index) => openAndClose(PATHS[index % PATHS.length] ?? ""));
  }, 600_000);

  it("converts with level memory, and closes all files", async () => {
    const source = join(FIXTURES, "internlm-tiny/pytorch_model.bin");
    await staysLevel(OPENINGS / 10, async (index) => {
      const target = join(folder, `target-${index}`);
      await convert(source, target);
      rmSync(target, { recursive: true });
    });
  }, 600_000);
});
