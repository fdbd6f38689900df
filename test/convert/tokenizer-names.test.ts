import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-names-"));
});
afterAll(() => {
  rmSync(work, { recursive: true });
});

const MODEL = join(FIXTURES, "tokenizers/llama/tokenizer.model");

/** A folder of LLaMA's with these files of a tokenizer, converted. */
async function namesAfter(
  source: string,
  to: "paddle" | "safetensors",
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<readonly string[]> {
  const from = mkdtempSync(join(work, "from-"));
  cpSync(join(FIXTURES, source), from, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(from, name), content);
  const target = mkdtempSync(join(work, "to-"));
  rmSync(target, { recursive: true });
  await convert(from, target, { to });
  for (const [name, content] of Object.entries(files))
    expect(readFileSync(join(target, name)).equals(Buffer.from(content))).toBe(true);
  return readdirSync(target).filter((name) => name.endsWith(".model"));
}

it("PaddleNLP gets LLaMA's SentencePiece model under the name that it reads", async () => {
  const files = { "tokenizer.model": readFileSync(MODEL) };
  expect(await namesAfter("llama-tied", "paddle", files)).toEqual([
    "sentencepiece.bpe.model",
    "tokenizer.model",
  ]);
});

it("transformers gets it under its name, and every file of a tokenizer goes along", async () => {
  const files = {
    "sentencepiece.bpe.model": readFileSync(MODEL),
    "vocab.json": "{}",
    "merges.txt": "#version: 0.2\n",
    "vocab.txt": "[UNK]\n",
  };
  expect(await namesAfter("llama-paddle", "safetensors", files)).toEqual([
    "sentencepiece.bpe.model",
    "tokenizer.model",
  ]);
});

it("LLaMA 3's ranks are given no name of SentencePiece's", async () => {
  const files = { "tokenizer.model": "IQ== 0\nIg== 1\n" };
  expect(await namesAfter("llama-tied", "paddle", files)).toEqual(["tokenizer.model"]);
});
