import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { FIXTURE_FOLDERS } from "../support/fixture-manifest.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-encoders-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const STOCK: Readonly<Record<string, string>> = {
  bert: "BertForMaskedLM",
  roberta: "RobertaForMaskedLM",
  ernie: "ErnieForMaskedLM",
};

test("encoders from either framework's files load in stock transformers, and their logits are the goldens' to 5e-5", () => {
  const encoders = FIXTURE_FOLDERS.filter(({ group }) => group === "encoders");
  expect(encoders).toHaveLength(6);
  const folders = encoders.map(({ name, path, golden }) => {
    const folder = join(work, name);
    expect(runCli("convert", path, folder).status).toBe(0);
    return { folder, golden };
  });
  const loaded = runPython("load_encoders.py", folders);
  expect(loaded).toEqual(
    encoders.map(({ weights }) => ({
      class: STOCK[weights],
      missing: [],
      // What the class for pretraining has beside.
      unexpected:
        weights === "bert"
          ? [
              "bert.pooler.dense.bias",
              "bert.pooler.dense.weight",
              "cls.seq_relationship.bias",
              "cls.seq_relationship.weight",
            ]
          : [],
      mismatched: [],
      maxAbs: expect.closeTo(0, 4) as unknown,
      positions: 30,
    })),
  );
});
