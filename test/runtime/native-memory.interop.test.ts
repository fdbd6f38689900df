import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { Ops } from "../../src/runtime/backends/ops.ts";

let ops: Ops;
beforeAll(async () => {
  ({ ops } = await openNative({ device: "cpu", compute: "f32", verbose: false }));
}, 60_000);
afterAll(() => ops.dispose());

/** Bytes of this process's memory that are no file's. */
function anonymousBytes(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

test.runIf(process.platform === "linux")(
  "the memory of weights goes back to the system when they are released",
  () => {
    const shape = [1024, 16_384];
    const bytes = new Uint8Array(1024 * 16_384 * 4).fill(1);
    const before = anonymousBytes();
    const weights = Array.from({ length: 6 }, (_unused, index) =>
      ops.uploadWeight({ name: `w${index}`, bytes, dtype: "F32", shape, transposed: false }),
    );
    const loaded = anonymousBytes();
    expect(loaded - before).toBeGreaterThan(5 * bytes.byteLength);
    for (const weight of weights) ops.releaseWeight(weight);
    expect(anonymousBytes() - before).toBeLessThan(2 * bytes.byteLength);
  },
);
