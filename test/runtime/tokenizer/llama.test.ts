import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import { isRecord } from "../../support/is-record.ts";

const ROOT = join(FIXTURES, "tokenizers");

interface Golden {
  readonly text: string;
  readonly ids: readonly number[];
  /** Without what the tokenizer adds in front and behind. */
  readonly bare: readonly number[];
  readonly decoded: string;
  /** Decoded with skip_special_tokens. */
  readonly skipped: string;
}

const isGolden = (value: unknown): value is Golden =>
  isRecord(value) && "ids" in value && "bare" in value && "skipped" in value;

const parsed: unknown = JSON.parse(readFileSync(join(ROOT, "goldens.json"), "utf8"));
const goldens = isRecord(parsed) && isRecord(parsed["goldens"]) ? parsed["goldens"] : {};
const FOLDERS = Object.entries(goldens).map(([name, cases]) => ({
  name,
  cases: Array.isArray(cases) ? cases.filter(isGolden) : [],
}));

describe("LLaMA's tokenizer as the slow LlamaTokenizer of transformers 4.36 reads it", () => {
  it("has goldens for each kind of folder", () => {
    expect(FOLDERS.map(({ cases }) => cases.length)).toEqual(Array.from({ length: 8 }, () => 65));
  });

  it.each(FOLDERS)("$name: ids of every string", async ({ name, cases }) => {
    const tokenizer = await openTokenizer(join(ROOT, name));
    const ours = cases.map(({ text }) => ({
      text,
      ids: tokenizer.encode(text),
      bare: tokenizer.encode(text, { addSpecialTokens: false }),
    }));
    expect(ours).toEqual(cases.map(({ text, ids, bare }) => ({ text, ids, bare })));
  });

  it.each(FOLDERS)("$name: text of every string's ids", async ({ name, cases }) => {
    const tokenizer = await openTokenizer(join(ROOT, name));
    const ours = cases.map(({ ids }) => ({
      decoded: tokenizer.decode(ids),
      skipped: tokenizer.decode(ids, { skipSpecialTokens: true }),
    }));
    expect(ours).toEqual(cases.map(({ decoded, skipped }) => ({ decoded, skipped })));
  });
});
