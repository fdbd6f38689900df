import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openModel, requireConfig } from "../../src/session/open-model.ts";
import { canonicalTensors } from "../../src/mapping/canonical.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { decodeValues } from "../../src/tensor/decode.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { folderDigests } from "../support/folder-digests.ts";
import { isRecord } from "../support/is-record.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-delta-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function valuesOf(path: string): Promise<ReadonlyMap<string, Float64Array>> {
  const model = await openModel(path);
  try {
    const values = new Map<string, Float64Array>();
    for (const [name, assembly] of canonicalTensors(model.checkpoint, requireConfig(model))) {
      const decoded = decodeValues(await readAssembly(assembly), assembly.dtype);
      if (decoded !== undefined) values.set(name, decoded);
    }
    return values;
  } finally {
    await model.checkpoint.close();
  }
}

describe("base + delta", () => {
  it("is the sum of the values, from two formats and layouts, into a third", async () => {
    const [base, delta] = [join(FIXTURES, "paddle-fused-tp2"), join(FIXTURES, "pytorch-f32")];
    const target = join(folder, "sum");
    const result = await convert(base, target, { to: "paddle", delta: { path: delta } });
    expect(result).toMatchObject({ verified: true, sum: { recipe: "alpaca", dtype: "F32" } });
    expect(new Set(result.tensors.map(({ action }) => action))).toEqual(new Set(["add"]));
    const [left, right, sum] = [
      await valuesOf(base),
      await valuesOf(delta),
      await valuesOf(target),
    ];
    expect(sum.size).toBe(left.size);
    for (const [name, values] of sum) {
      const ours = left.get(name);
      const expected = right
        .get(name)
        ?.map((value, index) => Math.fround(value + (ours?.[index] ?? 0)));
      expect(values).toEqual(expected);
    }
  });

  it("takes config.json and tokenizer from the delta, and from the base what the delta lacks", async () => {
    const base = join(FIXTURES, "internlm-tiny");
    const delta = join(folder, "bare-delta");
    cpSync(join(FIXTURES, "safetensors-single"), delta, { recursive: true });
    rmSync(join(delta, "config.json"));
    const target = join(folder, "from-both");
    const { notes } = await convert(base, target, { delta: { path: delta } });
    expect(notes).toContain(`config.json is that of ${base}, the tokenizer that of ${base}`);
    expect(Object.keys(folderDigests(target))).toContain("tokenizer.model");
  });

  it("says where the two configurations would compute otherwise", async () => {
    const base = join(folder, "other-eps");
    cpSync(join(FIXTURES, "safetensors-single"), base, { recursive: true });
    const path = join(base, "config.json");
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'),
    );
    const delta = { path: join(FIXTURES, "pytorch-f32") };
    const { notes, plan } = await convert(base, join(folder, "none"), { delta, dryRun: true });
    expect(notes.at(-1)).toBe(
      "config.json of the base says rmsNormEps 0.00001, that of the delta 0.000001: the delta's is taken",
    );
    expect(plan).toContain("added in F32 as alpaca does");
  });

  it("needs a known architecture", async () => {
    const source = join(FIXTURES, "safetensors-single");
    const options = { architecture: "none", delta: { path: source } };
    const error = await caught(() => convert(source, join(folder, "no"), options));
    expect(error.code).toBe("WB2702");
  });
});

describe("an interrupted sum", () => {
  it("is resumed to the same bytes, digests of both sides included", async () => {
    const [base, delta] = [join(FIXTURES, "pytorch-f32"), join(FIXTURES, "pytorch-sharded")];
    const options = { delta: { path: delta }, maxShardSize: 40_000 };
    const whole = join(folder, "whole");
    const { sum } = await convert(base, whole, options);
    const target = join(folder, "aborted");
    const controller = new AbortController();
    const onProgress = (_phase: string, done: number, total: number): void => {
      if (done > total / 2) controller.abort();
    };
    const aborted = convert(base, target, { ...options, signal: controller.signal, onProgress });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    const other = { ...options, resume: true, delta: { path: delta, dtype: "BF16" } } as const;
    expect((await caught(() => convert(base, target, other))).code).toBe("WB2903");
    await convert(base, target, { ...options, resume: true });
    expect(folderDigests(target)).toEqual(folderDigests(whole));
    const manifest: unknown = JSON.parse(
      readFileSync(join(target, "weighbridge.manifest.json"), "utf8"),
    );
    expect(isRecord(manifest) && manifest["sum"]).toEqual(sum);
  });
});
