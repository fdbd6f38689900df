import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromOniguruma } from "../../src/runtime/tokenizer/pipeline/oniguruma.ts";
import { findByPattern } from "../../src/runtime/tokenizer/pipeline/splitting.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { tokenAgreement } from "../support/expected-tokens.ts";
import { isRecord } from "../support/is-record.ts";
import { PYTHON, runPython } from "../support/python.ts";
import {
  asTiktoken,
  asVocabularyAndMerges,
  asVocabularyText,
  modelOf,
  writeFiles,
} from "../support/vocabulary-folders.ts";

const MAKE = join(import.meta.dirname, "../../fixtures/make/json_tokenizers.py");
const TEXTS = 10_000;

/** A tokenizer of each kind that a published model has, with the real patterns. */
const KINDS = [
  "gpt2",
  "smollm2",
  "llama3",
  "qwen2",
  "gpt4",
  "gpt4o",
  "deepseek",
  "bloom",
  "roberta",
  "prefixed",
  "spm-bpe-first",
  "spm-bpe-legacy",
  "spm-bpe-gemma",
  "unknown-bpe",
  "dropping-bpe",
  "unigram-xlmr",
  "unigram-t5",
  "unigram-folded",
  "unigram-bytes",
  "bert-uncased",
  "bert-cased",
  "bert-accents",
  "word-level",
] as const;

function makeTokenizers(folder: string, kinds: readonly string[], texts: number): void {
  const { status, stderr } = spawnSync(
    PYTHON,
    [MAKE, folder, "--texts", String(texts), "--kinds", kinds.join(",")],
    { encoding: "utf8", env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
  );
  if (status !== 0) throw new Error(stderr);
}

describe("tokenizers that Python's library trains", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-tokenizers-"));
    makeTokenizers(folder, KINDS, TEXTS);
  }, 600_000);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(KINDS)(
    `%s: ${TEXTS} texts have its ids, and ids its texts`,
    async (kind) => {
      const { texts, different, differing } = await tokenAgreement(folder, kind);
      expect(differing.slice(0, 3)).toEqual([]);
      expect(texts).toBe(TEXTS);
      // A tokenizer that makes the same of everything would agree as easily.
      expect(different).toBeGreaterThan(TEXTS / 2);
    },
    300_000,
  );
});

describe("folders without tokenizer.json", () => {
  let work: string;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "weighbridge-vocabulary-"));
    makeTokenizers(work, ["llama3", "gpt2", "qwen2", "bert-uncased", "bert-cased"], TEXTS);
  }, 600_000);
  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  const plain = (kind: string): ReturnType<typeof modelOf> => modelOf(join(work, kind));

  it.each([
    ["gpt2", "GPT2Tokenizer", {}],
    ["qwen2", "Qwen2Tokenizer", {}],
    ["bert-uncased", "BertTokenizer", {}],
    ["bert-cased", "BertTokenizer", { do_lower_case: false }],
  ])(
    "%s as its authors publish it: ids of transformers' %s",
    async (kind, name, fields) => {
      const folder = join(work, kind + "-files");
      const files = {
        "tokenizer_config.json": JSON.stringify({ tokenizer_class: name, ...fields }),
      };
      writeFiles(
        folder,
        kind.startsWith("bert")
          ? { ...files, "vocab.txt": asVocabularyText(plain(kind)) }
          : asVocabularyAndMerges(
              { ...plain(kind), vocab: { ...plain(kind).vocab, "<|endoftext|>": 900 } },
              files,
            ),
      );
      const texts: unknown = JSON.parse(readFileSync(join(work, "texts.json"), "utf8"));
      const answer = runPython("auto_tokenizer_ids.py", { folder, texts });
      if (!isRecord(answer) || !Array.isArray(texts)) throw new Error("no answer");
      expect(answer["class"]).toBe(name);
      const tokenizer = await openTokenizer(folder);
      expect(texts.map((text) => tokenizer.encode(String(text)))).toEqual(answer["ids"]);
    },
    300_000,
  );

  it(`llama3's ranks as its authors publish them: ${TEXTS} texts have the same ids`, async () => {
    const ranks = join(work, "llama3-ranks");
    const special = true;
    writeFiles(ranks, {
      "tokenizer.model": asTiktoken(modelOf(join(work, "llama3"))),
      "tokenizer_config.json": JSON.stringify({
        added_tokens_decoder: {
          900: { content: "<s>", special },
          901: { content: "<|eot_id|>", special },
          902: { content: "<|im_start|>", special },
        },
        bos_token: "<s>",
        add_bos_token: true,
      }),
      "expected.json": readFileSync(join(work, "llama3", "expected.json"), "utf8"),
    });
    const { texts, different, differing } = await tokenAgreement(work, "llama3-ranks");
    expect(differing.slice(0, 3)).toEqual([]);
    expect(texts).toBe(TEXTS);
    expect(different).toBeGreaterThan(TEXTS / 2);
  });
});

/** All that is assigned, and some of each plane that is not or is private. */
const POINTS = [
  [0, 0xd800],
  [0xe000, 0x3_3500],
  [0x4_0000, 0x4_0100],
  [0xe_0000, 0xe_0200],
  [0xf_0000, 0xf_0100],
  [0x10_ff00, 0x11_0000],
] as const;

describe("patterns", () => {
  it("match the same of all code points of Unicode", () => {
    const patterns = [
      ..."L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn".split(
        " ",
      ),
      ..."Arabic Armenian Bengali Cyrillic Devanagari Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Kannada".split(
        " ",
      ),
      ..."Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan".split(
        " ",
      ),
    ].map((property) => `\\p{${property}}+`);
    patterns.push(String.raw`\s+`, String.raw`\S+`, String.raw`\d+`, String.raw`\D+`);
    patterns.push(String.raw`[\w.-]+`, String.raw`[^\w\s]+`, String.raw`\b.`, String.raw`\B.`);
    patterns.push(String.raw`\w+`, String.raw`\W+`, String.raw`[^\s\p{L}]+`, ".+");
    patterns.push("(?i:k)+", "(?i:s)+", "(?i:[a-z])+", "[一-龥぀-ゟ゠-ヿ]+");
    const answers = runPython("split_all_points.py", { patterns, points: POINTS });
    if (!isRecord(answers)) throw new Error("no answers");
    let text = "";
    for (const [begin, end] of POINTS)
      for (let point = begin; point < end; point++) text += String.fromCodePoint(point);
    for (const pattern of patterns) {
      let at = 0;
      const ends = findByPattern(fromOniguruma(pattern))(text).map(
        (stretch) => (at += Array.from(stretch.text).length),
      );
      expect({ pattern, ends: ends.join() }).toEqual({ pattern, ends: String(answers[pattern]) });
    }
  }, 900_000);
});
