import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import {
  coverageOf,
  joinedCoverage,
  nonFiniteDiagnoses,
  oddRows,
} from "../../src/verify/coverage.ts";
import { scanValues, type ScannedTensor } from "../../src/verify/compare/scan-values.ts";
import { commonVocabulary } from "../../src/verify/golden/vocabulary.ts";
import type { Golden } from "../../src/verify/golden/read.ts";
import { internlmConfig } from "../support/model-config.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-coverage-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const WIDTH = 16;

/** A table whose rows all differ, with some of them changed. */
async function scanned(change: (data: Float32Array) => void): Promise<readonly ScannedTensor[]> {
  const data = Float32Array.from({ length: 40 * WIDTH }, (_unused, index) => Math.sin(index + 1));
  change(data);
  const path = join(work, "table.safetensors");
  const bytes = new Uint8Array(data.buffer);
  await writeSafetensors(
    path,
    [{ name: "table", dtype: "F32", shape: [40, WIDTH], bytes }],
    new Map(),
  );
  const { checkpoint } = await openCheckpoint(path);
  try {
    const tensors = checkpoint.tensors.map(
      (tensor) => [tensor.name, assemblyOf(wholeView(tensor))] as const,
    );
    return (await scanValues(new Map(tensors))).tensors;
  } finally {
    await checkpoint.close();
  }
}

describe("a scan of all values", () => {
  test("finds nothing in rows that all differ", async () => {
    expect(await scanned(() => undefined)).toEqual([]);
  });

  test("names rows with NaN and with infinities, and counts the elements", async () => {
    const found = await scanned((data) => {
      data.fill(Number.NaN, 3 * WIDTH, 4 * WIDTH);
      data[39 * WIDTH] = Number.NEGATIVE_INFINITY;
    });
    expect(found).toMatchObject([{ name: "table", nonFinite: 17, nonFiniteRows: [3, 39] }]);
    expect(nonFiniteDiagnoses(found)).toMatchObject([
      {
        cause: "non-finite",
        tensors: ["table"],
        evidence: "17 elements are NaN or infinite, in 2 of 40 rows: 3, 39",
      },
    ]);
  });

  test("notes rows of zeros and rows that repeat an earlier one, and accuses neither", async () => {
    const found = await scanned((data) => {
      data.fill(0, 5 * WIDTH, 7 * WIDTH);
      data.copyWithin(9 * WIDTH, 8 * WIDTH, 9 * WIDTH);
    });
    expect(oddRows(found)).toEqual([
      "table: 2 of 40 rows are zeros: 5, 6",
      "table: 1 of 40 rows repeat an earlier one: 9",
    ]);
    expect(nonFiniteDiagnoses(found)).toEqual([]);
  });
});

describe("coverage", () => {
  const facts = {
    prompts: [[1, 2, 2], [3]],
    positions: 4,
    texts: 5,
    tensors: 9,
    vocabSize: 10,
    config: internlmConfig(),
  };

  test("counts different tokens, and names the rows that no prompt has", () => {
    expect(coverageOf({ ...facts, comparedValues: false })).toEqual({
      tokens: 3,
      positions: 4,
      texts: 5,
      tensors: 9,
      unreached: ["7 of 10 rows of model.embed_tokens.weight: no prompt has their tokens"],
    });
  });

  test("is whole where the values themselves were compared, in one comparison at least", () => {
    const whole = coverageOf({ ...facts, comparedValues: true });
    expect(whole.unreached).toEqual([]);
    expect(joinedCoverage([coverageOf({ ...facts, comparedValues: false }), whole])).toEqual({
      tokens: 3,
      positions: 8,
      texts: 5,
      tensors: 9,
      unreached: [],
    });
  });
});

function golden(vocabSize: number, logit: (token: number) => number): Golden {
  return {
    path: "golden.safetensors",
    vocabSize,
    metadata: new Map(),
    prompts: [
      {
        name: "prompt.0",
        ids: [1, 2],
        positions: [0, 1],
        logits: Float32Array.from({ length: 2 * vocabSize }, (_u, index) =>
          logit(index % vocabSize),
        ),
        exactLogits: undefined,
        hiddenStates: [],
        greedyIds: undefined,
        penalizedIds: new Map(),
      },
    ],
  };
}

describe("a golden of another vocabulary", () => {
  test("is cut to the model's tokens where the rest are alike", () => {
    const common = commonVocabulary(
      golden(6, (token) => (token < 4 ? token : 0)),
      4,
    );
    expect(common.lacksTokens).toBe(false);
    expect([...(common.golden.prompts[0]?.logits ?? [])]).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(common.golden.vocabSize).toBe(4);
  });

  test("shows that tokens are lost where the rest have logits of their own", () => {
    expect(
      commonVocabulary(
        golden(6, (token) => token),
        4,
      ),
    ).toMatchObject({
      lacksTokens: true,
      note: "the golden has 2 tokens more than the model's 4, with logits of their own",
    });
  });

  test("is left as it is where the model has more tokens", () => {
    const given = golden(6, (token) => token);
    expect(commonVocabulary(given, 8)).toMatchObject({ golden: given, lacksTokens: false });
  });
});
