import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { tries } from "../support/effort.ts";
import {
  editedPieces,
  lyingZips,
  PADDLE_PIECES,
  safetensorsHeaders,
  TORCH_PIECES,
  TORCH_STORAGES,
} from "../support/hostile/edits.ts";
import { archive, legacyBytes, legacyStorage } from "../support/hostile/torch-files.ts";
import { pickleBytes } from "../support/pickle-bytes.ts";
import {
  CorpusCollector,
  outcomeOf,
  readSavedCorpus,
  type CorpusReader,
} from "../support/saved-corpus.ts";
import { safetensorsBytes } from "../support/safetensors-file.ts";
import { zipBytes } from "../support/zip-bytes.ts";

/** Drawn files a property, and what they are drawn from; the variables set others for a night's run. */
const RUNS = Number(process.env["WEIGHBRIDGE_FUZZ_RUNS"] ?? tries(1000, 150));
const SEED = Number(process.env["WEIGHBRIDGE_FUZZ_SEED"] ?? 20_261_124);

/** Set, the corpus is written anew: the smallest of the drawn files for each way in which reading one ends. */
const SAVES = process.env["WEIGHBRIDGE_CORPUS"] === "write";

const collector = new CorpusCollector();
afterAll(() => {
  if (SAVES) collector.save();
});

/** Counts of what became of the drawn files; any other end fails the property, which then prints the file. */
async function outcomes(
  drawn: fc.Arbitrary<Uint8Array>,
  reader: CorpusReader = "file",
): Promise<{ readonly read: number; readonly refused: number }> {
  const count = { read: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(drawn, async (bytes) => {
      const outcome = await collector.add(reader, bytes);
      if (outcome.startsWith("read")) count.read++;
      else count.refused++;
    }),
    { numRuns: RUNS, seed: SEED },
  );
  return count;
}

describe("files drawn near honest ones end in tensors or a typed error", () => {
  it("zips of torch with edited pickles", async () => {
    const drawn = editedPieces(TORCH_PIECES).map((pieces) => archive(pieces, TORCH_STORAGES));
    const { read, refused } = await outcomes(drawn);
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("old files of torch with edited pickles", async () => {
    const storages = [legacyStorage(6n, 24)];
    const drawn = editedPieces(TORCH_PIECES.slice(0, -1)).map((pieces) =>
      legacyBytes({ root: [...pieces, "STOP"], storages }),
    );
    const { read, refused } = await outcomes(drawn);
    expect(read + refused).toBe(RUNS);
  });

  it("files of Paddle with edited pickles", async () => {
    const drawn = editedPieces(PADDLE_PIECES).map((pieces) => pickleBytes(...pieces));
    const { read, refused } = await outcomes(drawn);
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("zips whose headers claim what is not so", async () => {
    const drawn = lyingZips.map(({ parts, shape }) => zipBytes(parts, shape));
    const { read, refused } = await outcomes(drawn);
    expect([read > 0, refused > 0]).toEqual([true, true]);
  });

  it("headers of safetensors with odd values", async () => {
    const drawn = safetensorsHeaders.map((header) => safetensorsBytes(JSON.stringify(header), 24));
    const { read, refused } = await outcomes(drawn);
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
    const { refused } = await outcomes(
      text.map((json) => Buffer.from(json)),
      "index",
    );
    expect(refused).toBeGreaterThan(0);
  });
});

describe("the saved corpus", () => {
  const saved = readSavedCorpus();

  it("holds files of many ends", () => {
    expect(new Set(saved.map(({ outcome }) => outcome)).size).toBeGreaterThan(20);
  });

  it("ends as it did when it was drawn", async () => {
    const ends = [];
    for (const { reader, bytes } of saved) ends.push(await outcomeOf(reader, bytes));
    expect(ends).toEqual(saved.map(({ outcome }) => outcome));
  });
});
