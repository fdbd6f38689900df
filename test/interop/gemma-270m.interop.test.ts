import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { llamaRuns } from "../support/llama-runs.ts";
import { madeBy } from "../support/own-environment.ts";
import { runPython } from "../support/python.ts";
import { TEXTS } from "../support/odd-texts.ts";

/** Gemma 3 270M in Q4_K_M as others quantised it: 262,144 tokens, a window in five of six layers, norms with 1 added. */
const PROMPT = "The capital of France is";
const TOKENS = 24;
/** llama.cpp rounds activations to int8: ids are compared up to the first that was ahead by less in logits. */
const LEAD = 0.5;

const work = mkdtempSync(join(tmpdir(), "weighbridge-gemma-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const converted = join(work, "converted");
let file = "";
let prompt: number[] = [];
let own: readonly number[] = [];
let notes: readonly string[] = [];

beforeAll(async () => {
  file = madeBy("real-model.mjs", "gemma3");
  await convert(file, converted);
  const made = await generate(file, {
    prompts: [{ kind: "text", text: PROMPT }],
    maxNewTokens: TOKENS,
    stopIds: [],
    compute: "f32",
    device: "cpu",
  });
  const [result] = made.results;
  if (result === undefined) throw new Error("nothing was generated");
  prompt = result.ids.slice(0, result.promptTokens);
  own = result.ids.slice(result.promptTokens);
  notes = made.notes;
}, 600_000);

test("runs as it is, and goes on as transformers does with the weights that it stands for", () => {
  expect(notes.some((note) => note.includes("multiplied as they are stored"))).toBe(true);
  const options = { do_sample: false, max_new_tokens: TOKENS, eos_token_id: null };
  const cases = [{ prompts: [prompt], options }];
  const expected = runPython("generate_ids.py", { folder: converted, cases });
  expect([{ rows: [own] }]).toEqual(expected);
});

test("goes on as llama.cpp does, whose ids of 50 texts are the same", async () => {
  const { files, texts } = llamaRuns([{ path: file, prompts: [prompt], tokens: TOKENS }], {
    path: file,
    all: TEXTS,
  });
  const { ids: theirs = [], ahead = [] } = files[0]?.[0] ?? {};
  const certain = ahead.findIndex((lead) => lead < LEAD);
  expect(certain).toBeGreaterThanOrEqual(4);
  expect(own.slice(0, certain)).toEqual(theirs.slice(0, certain));
  const tokenizer = await openTokenizer(file);
  const ids = TEXTS.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
  expect(ids).toEqual(texts);
});
