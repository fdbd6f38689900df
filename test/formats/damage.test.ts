import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { IS_STRESS } from "../support/effort.ts";
import { FIXTURE_FOLDERS } from "../support/fixture-manifest.ts";
import { openBytes, readAllBytes } from "../support/open-bytes.ts";

/**
 * Places tried in each file. WEIGHBRIDGE_SWEEP gives another number (12000 tries every byte of the first and last 4,000), and
 * "full" tries every byte, which takes about an hour.
 */
const SWEEP = process.env["WEIGHBRIDGE_SWEEP"] ?? (IS_STRESS ? "250" : "18");
const PLACES = SWEEP === "full" ? Number.POSITIVE_INFINITY : Number(SWEEP);

/** Longest sweep of one file. */
const SWEEP_MS = 3_600_000;

/** A small fixture of each kind of file; what differs only in its numbers is left out. */
const FILES = FIXTURE_FOLDERS.filter(
  ({ name }) => !/ntk|-bf16|f32|gqa|tiny|paddle-[bcd]$/.test(name),
).flatMap(({ name, path, files }) => {
  const [first] = files.keys();
  return first === undefined ? [] : [{ label: `${name}/${first}`, path: join(path, first) }];
});

/** Bytes spread over the file, most of them where headers are: at its beginning and its end. */
function places(length: number): readonly number[] {
  if (length <= PLACES) return Array.from({ length }, (_unused, at) => at);
  const third = Math.floor(PLACES / 3);
  const spread = (begin: number, end: number): readonly number[] =>
    Array.from({ length: third }, (_unused, at) =>
      Math.floor(begin + (at * (end - begin)) / third),
    );
  const edge = Math.min(4000, Math.floor(length / 3));
  return [...spread(0, edge), ...spread(edge, length - edge), ...spread(length - edge, length)];
}

function lastByteThatCounts(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

/** Runs `work`, which may fail, but only with a typed error. */
async function typed(work: () => Promise<unknown>): Promise<"read" | "refused"> {
  try {
    await work();
    return "read";
  } catch (error) {
    if (error instanceof WbError && error.code !== "WB7001") return "refused";
    throw error;
  }
}

describe("a file of weights", () => {
  it("of every kind is among those damaged here", () => {
    expect(FILES.length).toBeGreaterThan(20);
  });

  it.each(FILES)(
    "$label, cut anywhere, is refused with a typed error",
    async ({ path }) => {
      const whole = readFileSync(path);
      expect(await typed(() => openBytes(whole))).toBe("read");
      // tar fills its last record with zeros, and an archive without them is whole.
      const needed = path.includes("-tar") ? lastByteThatCounts(whole) : whole.byteLength;
      for (const length of places(needed)) {
        expect([length, await typed(() => openBytes(whole.subarray(0, length)))]).toEqual([
          length,
          "refused",
        ]);
      }
    },
    SWEEP_MS,
  );

  it.each(FILES)(
    "$label, changed anywhere, is read or refused with a typed error",
    async ({ path }) => {
      const whole = readFileSync(path);
      for (const at of places(whole.byteLength)) {
        const damaged = Uint8Array.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
        await typed(() => readAllBytes(damaged));
      }
    },
    SWEEP_MS,
  );
});
