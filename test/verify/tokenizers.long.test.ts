import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareFolders, compareWithinFolder } from "../../src/verify/tokenizers/folder.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-same-tokens-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const LLAMA = join(FIXTURES, "tokenizers/llama");
/** A real one, of another model: what InternLM/InternLM#662 was about. */
const INTERNLM = join(FIXTURES, "tokenizers/internlm");

/** A tokenizer.json of a few words, and a vocab.txt of the same or of others. */
function wordPieces(folder: string, words: readonly string[], listed: readonly string[]): string {
  const path = join(work, folder);
  mkdirSync(path);
  const model = {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
  };
  writeFileSync(
    join(path, "tokenizer.json"),
    JSON.stringify({
      version: "1.0",
      added_tokens: [],
      normalizer: {
        type: "BertNormalizer",
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: "BertPreTokenizer" },
      post_processor: null,
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model,
    }),
  );
  writeFileSync(join(path, "vocab.txt"), `${listed.join("\n")}\n`);
  writeFileSync(
    join(path, "tokenizer_config.json"),
    JSON.stringify({ tokenizer_class: "BertTokenizer" }),
  );
  return path;
}

const WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", "##s", "你", ","];

describe("tokenizers of one folder", () => {
  it("agree, and how many texts that was found on is said", async () => {
    const found = await compareWithinFolder(wordPieces("same", WORDS, WORDS));
    expect([found.diagnoses, found.texts > 30]).toEqual([[], true]);
  });

  it("that are not the same tokenizer are named by file, text, ids and piece", async () => {
    const other = WORDS.with(5, "world").with(6, "hello");
    const { diagnoses } = await compareWithinFolder(wordPieces("other", WORDS, other));
    expect(diagnoses).toHaveLength(1);
    expect(diagnoses[0]?.cause).toBe("tokenizer");
    expect(diagnoses[0]?.evidence).toMatch(
      /texts have other ids: ".*Hello, world.*" is .* in tokenizer\.json, .* in vocab\.txt; 2 ids stand for other pieces: 5 is "hello" in tokenizer\.json, "world" in vocab\.txt/,
    );
  });

  it("of which one is alone are not compared", async () => {
    expect(await compareWithinFolder(INTERNLM)).toEqual({ diagnoses: [], notes: [], texts: 0 });
  });

  it("that transformers has two classes for are compared as both, and what differs is no failure", async () => {
    const { diagnoses, notes, texts } = await compareWithinFolder(LLAMA);
    expect([diagnoses, texts > 30]).toEqual([[], true]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^tokenizer\.model is read as transformers 4's slow class reads it; \d+ of \d+ texts have other ids: /,
      ),
    ]);
  });

  it("of which one is of no known kind are said not to be compared", async () => {
    const folder = join(work, "unknown");
    cpSync(LLAMA, folder, { recursive: true });
    writeFileSync(join(folder, "vocab.txt"), "a\nb\n");
    const { notes, texts } = await compareWithinFolder(folder);
    expect([texts, notes]).toEqual([0, [expect.stringContaining("vocab.txt is not compared")]]);
  });
});

describe("tokenizers of two folders", () => {
  it("of one file agree", async () => {
    const folder = join(work, "copy");
    cpSync(LLAMA, folder, { recursive: true });
    const { diagnoses, texts } = await compareFolders(LLAMA, folder);
    expect([diagnoses, texts > 30]).toEqual([[], true]);
  });

  it("of which one is of another model differ by size and pieces", async () => {
    const { diagnoses } = await compareFolders(INTERNLM, LLAMA);
    expect(diagnoses[0]?.evidence).toMatch(
      /texts have other ids: .* ids stand for other pieces: .*; internlm has 103168 ids, llama [0-9]+/,
    );
  });

  it("of which one adds no beginning-of-sequence id say so", async () => {
    const folder = join(work, "no-bos");
    cpSync(LLAMA, folder, { recursive: true });
    const path = join(folder, "tokenizer_config.json");
    const config: unknown = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...Object(config), add_bos_token: false }));
    const { diagnoses } = await compareFolders(LLAMA, folder);
    expect(diagnoses[0]?.evidence).toContain("a beginning-of-sequence id on one side only?");
  });
});
