import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { verify } from "../../src/verify/run.ts";
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

test("encoders with each head, drawn by stock transformers, give what it gives to 1e-4, and come back from Paddle byte for byte", async () => {
  const drawn = join(work, "drawn");
  const classes = runPython("draw_encoders.py", { folder: drawn });
  if (!Array.isArray(classes)) throw new Error("nothing was drawn");
  expect(classes).toHaveLength(18);
  for (const name of classes.map(String)) {
    const [folder, paddle, back] = ["", "-paddle", "-back"].map((end) => join(drawn, name + end));
    if (folder === undefined || paddle === undefined || back === undefined) throw new Error(name);
    // The heads are the same in all three; a second device is opened for one family, and for UIE.
    const isOnBoth = /^(?:Bert|UIE)/.test(name);
    for (const device of isOnBoth ? (["wasm", "cpu"] as const) : (["wasm"] as const)) {
      const golden = `${folder}.golden.safetensors`;
      const { verdict, comparisons } = await verify(folder, { golden, device });
      const found = comparisons.flatMap(({ parity }) => parity?.prompts ?? []);
      expect([name, device, verdict]).toEqual([name, device, "pass"]);
      expect(found.length).toBeGreaterThan(0);
      for (const { maxAbs } of found) expect(maxAbs).toBeLessThanOrEqual(1e-4);
    }
    await convert(folder, paddle, { to: "paddle" });
    await convert(paddle, back);
    const [left, right] = [folder, back].map((path) =>
      readFileSync(join(path, "model.safetensors")),
    );
    expect([name, left?.equals(right ?? Buffer.of())]).toEqual([name, true]);
  }
}, 300_000);

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
