import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromOniguruma } from "../../src/runtime/tokenizer/pipeline/oniguruma.ts";
import { findByPattern } from "../../src/runtime/tokenizer/pipeline/splitting.ts";
import { tokenAgreement } from "../support/expected-tokens.ts";
import { isRecord } from "../support/is-record.ts";
import { PYTHON, runPython } from "../support/python.ts";

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

describe("tokenizers that Python's library trains", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-tokenizers-"));
    const { status, stderr } = spawnSync(
      PYTHON,
      [MAKE, folder, "--texts", String(TEXTS), "--kinds", KINDS.join(",")],
      { encoding: "utf8", env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
    );
    if (status !== 0) throw new Error(stderr);
  }, 600_000);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(KINDS)(
    `%s: ${TEXTS} texts have its ids, and ids its texts`,
    async (kind) => {
      const { texts, differing } = await tokenAgreement(folder, kind);
      expect(differing.slice(0, 3)).toEqual([]);
      expect(texts).toBe(TEXTS);
      // A tokenizer that makes the same of everything would agree as easily.
      const made = new Set(
        readFileSync(join(folder, kind, "expected.json"), "utf8")
          .slice(0, 20_000)
          .split("],["),
      );
      expect(made.size).toBeGreaterThan(100);
    },
    300_000,
  );
});

describe("patterns", () => {
  it("match the same of all code points of Unicode, one by one", () => {
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
    patterns.push(String.raw`\w+`, String.raw`\W+`, String.raw`[^\s\p{L}]+`, ".+");
    patterns.push("(?i:k)+", "(?i:s)+", "(?i:[a-z])+", "[一-龥぀-ゟ゠-ヿ]+");
    const answers = runPython("split_all_points.py", { patterns });
    if (!isRecord(answers)) throw new Error("no answers");
    let text = "";
    for (let point = 0; point < 0x110000; point++)
      if (point < 0xd800 || point >= 0xe000) text += String.fromCodePoint(point);
    for (const pattern of patterns) {
      let at = 0;
      const ends = findByPattern(fromOniguruma(pattern))(text).map(
        (stretch) => (at += Array.from(stretch.text).length),
      );
      expect({ pattern, ends: ends.join() }).toEqual({ pattern, ends: String(answers[pattern]) });
    }
  }, 300_000);
});
