import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateIds } from "../../../src/runtime/generation/generate-ids.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import { openDecoderOf } from "../../support/open-decoder.ts";

const TOKENS = 2000;
/** Tokens after which everything is warm: compiled, and its buffers made. */
const WARM = 500;
/** Bytes that one token adds to the cache: keys and values, 3 layers of 32 numbers of 4 bytes. */
const CACHED_BYTES = 2 * 3 * 32 * 4;
/** What the garbage of the same work may differ by between two moments, in bytes. */
const LEVEL_BYTES = 48 * 2 ** 20;

const openFiles = (): number =>
  process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;

test("2,000 tokens of one text: values and open files stay the same, memory grows by the cache alone", async () => {
  const backend = await openWasm();
  const { ops } = backend;
  const { decoder, close } = await openDecoderOf(
    join(FIXTURES, "internlm-tiny"),
    backend,
    "resident",
  );
  const options = { maxNewTokens: TOKENS, stopIds: [], padId: 2 };
  const seen = { values: 0, bytes: 0, files: 0, rss: 0 };
  let count = 0;
  for await (const _ of generateIds(decoder, [[1, 290, 31]], options)) {
    count++;
    if (count !== WARM && count !== TOKENS) continue;
    const { values, bytes } = ops.memory();
    const now = { values, bytes, files: openFiles(), rss: process.memoryUsage().rss };
    if (count === TOKENS) {
      expect([now.values, now.files]).toEqual([seen.values, seen.files]);
      // A cache may take room ahead of its tokens, by doubling.
      expect(now.bytes - seen.bytes).toBeLessThanOrEqual(2 * TOKENS * CACHED_BYTES);
      expect(now.rss - seen.rss).toBeLessThan(LEVEL_BYTES);
    }
    Object.assign(seen, now);
  }
  expect(count).toBe(TOKENS);
  await close();
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
}, 120_000);
