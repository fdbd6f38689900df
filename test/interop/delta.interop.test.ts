import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ColumnMean } from "../../src/convert/values/column-mean.ts";
import { runCli } from "../support/cli.ts";
import { convertedFacts } from "../support/converted.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-delta-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Side {
  readonly dtype: "F16" | "BF16" | "F32";
  readonly form: "bin-shards" | "safetensors" | "safetensors-shards" | "paddle" | "paddle-torch";
}

interface Case {
  readonly name: string;
  readonly script: "fastchat" | "alpaca";
  readonly base: Side;
  readonly delta: Side;
  readonly newWords: number;
  readonly loadAs: Side["dtype"];
  readonly options?: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "vicuna-v1.1",
    script: "fastchat",
    base: { dtype: "F16", form: "bin-shards" },
    delta: { dtype: "F16", form: "bin-shards" },
    newWords: 0,
    loadAs: "F16",
  },
  {
    name: "vicuna-v0",
    script: "fastchat",
    base: { dtype: "F32", form: "safetensors" },
    delta: { dtype: "F16", form: "bin-shards" },
    newWords: 1,
    loadAs: "F16",
  },
  {
    name: "alpaca",
    script: "alpaca",
    base: { dtype: "F16", form: "bin-shards" },
    delta: { dtype: "F32", form: "safetensors-shards" },
    newWords: 1,
    loadAs: "F32",
  },
  {
    name: "alpaca-of-paddle",
    script: "alpaca",
    base: { dtype: "BF16", form: "paddle" },
    delta: { dtype: "F32", form: "paddle-torch" },
    newWords: 3,
    loadAs: "F32",
  },
  {
    name: "bfloat16",
    script: "fastchat",
    base: { dtype: "BF16", form: "safetensors-shards" },
    delta: { dtype: "BF16", form: "paddle" },
    newWords: 2,
    loadAs: "BF16",
    options: ["--delta-recipe", "fastchat", "--delta-dtype", "BF16"],
  },
  {
    name: "mean-in-halves",
    script: "alpaca",
    base: { dtype: "F32", form: "paddle" },
    delta: { dtype: "F16", form: "safetensors" },
    newWords: 1,
    loadAs: "F16",
    options: ["--delta-recipe", "alpaca", "--delta-dtype", "F16"],
  },
];

let sums: unknown;

beforeAll(() => {
  sums = runPython("apply_delta.py", { folder: work, cases: CASES });
});

/** What the scripts' arithmetic gave for a case. */
function expected(name: string): unknown {
  if (!isRecord(sums)) throw new Error("no sums");
  return sums[name];
}

function add(
  name: string,
  target: string,
  ...options: readonly string[]
): ReturnType<typeof runCli> {
  const [base, delta] = [join(work, name, "base"), join(work, name, "delta")];
  return runCli("convert", base, join(work, name, target), "--delta", delta, ...options);
}

describe("base + delta is bit for bit what the published scripts' arithmetic gives in torch", () => {
  test.each(CASES)("$name", ({ name, options = [], newWords, script, loadAs }) => {
    const { status, json } = add(name, "sum", ...options);
    expect({ status, error: json["error"] }).toEqual({ status: 0, error: undefined });
    expect(convertedFacts(json)).toEqual(expected(name));
    const newRows = script === "alpaca" ? "mean" : "zero";
    const facts = { recipe: script, dtype: loadAs, newRows, newWords };
    expect(json).toMatchObject({ verified: true, sum: facts });
    // Each tensor begins with 60000 + 60000, which a half cannot hold.
    const overflow = loadAs === "F16" ? Object.keys(convertedFacts(json)).length : 0;
    expect(json["cast"]).toMatchObject({ overflow });
  });

  test.each(CASES)("$name, by way of Paddle's layout", ({ name, options = [] }) => {
    expect(add(name, "transposed", "--to", "paddle", ...options).status).toBe(0);
    const { json } = runCli("convert", join(work, name, "transposed"), join(work, name, "back"));
    expect(convertedFacts(json)).toEqual(expected(name));
  });

  test.each(CASES)("$name: the manifest names both sides by their own digests", ({ name }) => {
    const manifest = (folder: string): Record<string, unknown> => {
      const text = readFileSync(join(work, name, folder, "weighbridge.manifest.json"), "utf8");
      const value: unknown = JSON.parse(text);
      if (!isRecord(value)) throw new Error("no manifest");
      return { ...value };
    };
    for (const side of ["base", "delta"])
      expect(
        runCli("convert", join(work, name, side), join(work, name, `${side}-alone`)).status,
      ).toBe(0);
    expect(manifest("sum")["sum"]).toMatchObject({
      baseWeightsSha256: manifest("base-alone")["weightsSha256"],
      deltaWeightsSha256: manifest("delta-alone")["weightsSha256"],
    });
  });
});

/** float32 numbers from base64. */
function floats(text: unknown): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(String(text), "base64")).buffer);
}

describe("means of columns are torch's, to the bit", () => {
  const COLUMNS = [2, 5, 7, 8, 9, 16, 31, 32, 33, 48, 64, 100, 200, 288];
  const ROWS = [1, 3, 16, 17, 255, 1000, 4243, 20_000];

  test.each(ROWS)("of %i rows, whatever the width", (rows) => {
    const cases = COLUMNS.map((columns) => ({ rows, columns, threads: 1 + (columns % 2) }));
    const results = runPython("column_means.py", cases);
    if (!Array.isArray(results)) throw new Error("no list");
    for (const [index, { columns }] of cases.entries()) {
      const result: unknown = results[index];
      if (!isRecord(result)) throw new Error("no result");
      const mean = new ColumnMean(rows, columns);
      const matrix = floats(result["matrix"]);
      // In pieces that begin and end in the midst of rows.
      for (let at = 0; at < matrix.length; at += 777) mean.push(matrix.subarray(at, at + 777));
      expect([columns, mean.mean()]).toEqual([columns, floats(result["mean"])]);
    }
  });
});

test("what stock transformers loads of it has the delta's vocabulary, and no warning", () => {
  const loaded = runPython("facts_of_folder.py", [join(work, "vicuna-v0", "sum")]);
  expect(loaded).toEqual([{ class: "LlamaForCausalLM", words: 4244, missing: [], unexpected: [] }]);
});
