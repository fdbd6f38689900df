import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { unpack, type PackedKind } from "../../src/scan/archive/unpack.ts";
import { Budget } from "../../src/scan/context.ts";
import { memorySource } from "../../src/sources/file.ts";
import { ownEnvironment, run } from "../support/own-environment.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-packed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rounds of drawn values, each in every compression. */
const DRAWS = Number(process.env["WEIGHBRIDGE_DRAWS"] ?? 3);

const KINDS: readonly (readonly [string, PackedKind])[] = [
  [".gz", "gzip"],
  [".z", "zlib"],
  [".bz2", "bzip2"],
  [".xz", "xz"],
  [".lzma", "lzma"],
  [".zst", "zstd"],
  [".lz4", "lz4"],
];

test(
  "what lzma, bz2, zstandard, lz4, py7zr and joblib wrote is read as they wrote it",
  { timeout: 1_800_000 },
  async () => {
    const script = join(import.meta.dirname, "../../fixtures/make/packed.py");
    const asked = { folder, seed: 20261129, draws: DRAWS, most: 6000 };
    const answer: unknown = JSON.parse(
      run(ownEnvironment("packed"), [script], JSON.stringify(asked)),
    );
    const files: readonly unknown[] = Array.isArray(answer) ? answer : [];
    expect(files.length).toBeGreaterThan(80);
    const wrong: unknown[] = [];
    for (const entry of files) {
      const fields: readonly unknown[] = Array.isArray(entry) ? entry : [];
      const [first, hasPayload, digest] = fields;
      const name = String(first);
      const path = join(folder, name);
      const { verdict, files: told } = await scan(path);
      if (verdict !== (hasPayload === true ? "unsafe" : "safe"))
        wrong.push([name, verdict, told[0]?.why]);
      if (typeof digest !== "string") continue;
      const kind = KINDS.find(([ending]) => name.endsWith(ending))?.[1] ?? "gzip";
      const { data } = await unpack(memorySource(readFileSync(path), name), kind, new Budget());
      const bytes = await data.read(0, data.byteLength);
      if (createHash("sha256").update(bytes).digest("hex") !== digest) wrong.push([name, "bytes"]);
    }
    expect(wrong).toEqual([]);
  },
);
