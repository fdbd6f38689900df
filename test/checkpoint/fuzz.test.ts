import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIndex } from "../../src/checkpoint/index-file.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import {
  editedPieces,
  lyingZips,
  PADDLE_PIECES,
  safetensorsHeaders,
  TORCH_PIECES,
  TORCH_STORAGES,
} from "../support/hostile/edits.ts";
import { archive, legacyBytes, legacyStorage } from "../support/hostile/torch-files.ts";
import { openBytes, readAllBytes } from "../support/open-bytes.ts";
import { pickleBytes } from "../support/pickle-bytes.ts";
import { safetensorsBytes } from "../support/safetensors-file.ts";
import { zipBytes } from "../support/zip-bytes.ts";

/** Drawn files a property, and what they are drawn from; the variables set others for a night's run. */
const RUNS = Number(process.env["WEIGHBRIDGE_FUZZ_RUNS"] ?? 500);
const SEED = Number(process.env["WEIGHBRIDGE_FUZZ_SEED"] ?? 20_261_124);

/** Counts of what became of the drawn files; any other end fails the property, which then prints the file. */
async function outcomes<T>(
  drawn: fc.Arbitrary<T>,
  work: (value: T) => unknown,
): Promise<{ readonly read: number; readonly refused: number }> {
  const count = { read: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(drawn, async (value) => {
      try {
        await work(value);
        count.read++;
      } catch (error) {
        if (!(error instanceof WbError) || error.code === "WB7001") throw error;
        count.refused++;
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  return count;
}

describe("files drawn near honest ones end in tensors or a typed error", () => {
  it("zips of torch with edited pickles", async () => {
    const { read, refused } = await outcomes(editedPieces(TORCH_PIECES), (pieces) =>
      readAllBytes(archive(pieces, TORCH_STORAGES)),
    );
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("old files of torch with edited pickles", async () => {
    const storages = [legacyStorage(6n, 24)];
    const { read, refused } = await outcomes(editedPieces(TORCH_PIECES.slice(0, -1)), (pieces) =>
      openBytes(legacyBytes({ root: [...pieces, "STOP"], storages })),
    );
    expect(read + refused).toBe(RUNS);
  });

  it("files of Paddle with edited pickles", async () => {
    const { read, refused } = await outcomes(editedPieces(PADDLE_PIECES), (pieces) =>
      readAllBytes(pickleBytes(...pieces)),
    );
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("zips whose headers lie", async () => {
    const { read, refused } = await outcomes(lyingZips, ({ parts, shape }) =>
      readAllBytes(zipBytes(parts, shape)),
    );
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("headers of safetensors with odd values", async () => {
    const { read, refused } = await outcomes(safetensorsHeaders, (header) =>
      readAllBytes(safetensorsBytes(JSON.stringify(header), 24)),
    );
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("indexes of any JSON", async () => {
    const map = fc.dictionary(
      fc.string({ maxLength: 5 }),
      fc.oneof(fc.stringMatching(/^[./\\a-c:]{0,6}$/), fc.jsonValue()),
    );
    const text = fc.oneof(
      map.map((weight_map) => JSON.stringify({ weight_map })),
      fc.json(),
    );
    const { refused } = await outcomes(text, (json) => parseIndex(Buffer.from(json), "index"));
    expect(refused).toBeGreaterThan(0);
  });
});
