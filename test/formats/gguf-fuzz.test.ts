import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { openModel } from "../../src/session/open-model.ts";
import { findTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { tries } from "../support/effort.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { drawnGguf, drawnNear } from "../support/hostile/gguf-edits.ts";
import { readAllBytes } from "../support/open-bytes.ts";

const RUNS = Number(process.env["WEIGHBRIDGE_FUZZ_RUNS"] ?? tries(2000, 300));
const SEED = Number(process.env["WEIGHBRIDGE_FUZZ_SEED"] ?? 20_261_129);

/** What reading any file may take, in milliseconds of the processor and bytes of memory. */
const MOST = { milliseconds: 5000, bytes: 256 * 2 ** 20 };

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-gguf-fuzz-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `read` on drawn files: each ends in a result or a typed error of a user's file, in time and memory. Counts the ends. */
async function ends(
  drawn: fc.Arbitrary<Uint8Array>,
  read: (bytes: Uint8Array) => Promise<unknown>,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const before = process.resourceUsage().maxRSS;
  await fc.assert(
    fc.asyncProperty(drawn, async (bytes) => {
      const begin = process.cpuUsage();
      let end = "read";
      try {
        await read(bytes);
      } catch (error) {
        // WB7001 is a mistake of weighbridge's own.
        if (!(error instanceof WbError) || error.code === "WB7001") throw error;
        end = error.code;
      }
      const { user, system } = process.cpuUsage(begin);
      expect((user + system) / 1000).toBeLessThan(MOST.milliseconds);
      counts.set(end, (counts.get(end) ?? 0) + 1);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(MOST.bytes);
  return counts;
}

describe("GGUF files drawn near honest ones end in tensors or a typed error, in seconds and little memory", () => {
  it("with false counts, lengths, types, shapes and places", async () => {
    const found = await ends(drawnGguf, readAllBytes);
    const kinds = ["read", "WB3511", "WB3512", "WB4511", "WB5511"];
    expect(kinds.filter((kind) => !found.has(kind))).toEqual([]);
  });

  it.each([
    ["llama-tied.gguf", 3000],
    ["tokenizer-llama.gguf", 4000],
    ["gemma-q8_0.gguf", 3000],
  ])(
    "real ones with changed words, as models with tokenizers, and scanned: %s",
    async (name, head) => {
      const whole = Uint8Array.from(readFileSync(join(FIXTURES, "gguf", name)));
      const path = join(folder, name);
      const found = await ends(drawnNear(whole, Math.min(head, whole.length)), async (bytes) => {
        writeFileSync(path, bytes);
        await scan(path);
        const { checkpoint } = await openModel(path);
        await checkpoint.close();
        await findTokenizer(path);
      });
      expect(found.size).toBeGreaterThan(3);
      expect([...found.keys()].filter((end) => !/^read$|^WB[2345]\d{3}$/.test(end))).toEqual([]);
    },
  );
});
