import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { caught } from "../../support/caught.ts";
import { tokenAgreement } from "../../support/expected-tokens.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import {
  asTiktoken,
  asVocabularyAndMerges,
  asVocabularyText,
  modelOf,
  writeFiles,
} from "../../support/vocabulary-folders.ts";

const JSONS = join(FIXTURES, "tokenizers/json");

describe("a tokenizer without tokenizer.json", () => {
  let work: string;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "weighbridge-vocabulary-"));
    cpSync(join(JSONS, "texts.json"), join(work, "texts.json"));
  });
  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  /** Lays out a folder as another program has it, beside what is expected of the kind. */
  function folderOf(kind: string, files: Readonly<Record<string, string>>): void {
    const expected = readFileSync(join(JSONS, kind, "expected.json"), "utf8");
    writeFiles(join(work, kind), { "expected.json": expected, ...files });
  }

  it("as LLaMA 3's ranks has the ids of the same merges", async () => {
    folderOf("llama3", {
      "tokenizer.model": asTiktoken(modelOf(join(JSONS, "llama3"))),
      "tokenizer_config.json": JSON.stringify({
        added_tokens_decoder: {
          900: { content: "<s>", special: true },
          901: { content: "<|eot_id|>", special: true },
          902: { content: "<|im_start|>", special: true },
        },
        bos_token: "<s>",
        add_bos_token: true,
      }),
    });
    expect((await tokenAgreement(work, "llama3")).differing).toEqual([]);
  });

  it("as vocab.txt has BERT's ids", async () => {
    folderOf("bert-uncased", {
      "vocab.txt": asVocabularyText(modelOf(join(JSONS, "bert-uncased"))),
      "tokenizer_config.json": JSON.stringify({ tokenizer_class: "BertTokenizer" }),
    });
    const tokenizer = await openTokenizer(join(work, "bert-uncased"));
    const json = await openTokenizer(join(JSONS, "bert-uncased"));
    for (const text of ["Hello, wörld! 你好", "Straße don't", "\u0000\uFFFD\t x"])
      expect(tokenizer.encode(text)).toEqual(json.encode(text));
    expect(tokenizer.encode("[MASK]")).toEqual([2, 4, 3]);
  });

  it("as vocab.json and merges.txt is refused where no file names a class that is known", async () => {
    const folder = join(work, "merges");
    writeFiles(folder, asVocabularyAndMerges(modelOf(join(JSONS, "gpt4o")), {}));
    const { code, message } = await caught(() => openTokenizer(folder));
    expect(`${code} ${message.replaceAll(folder, "FOLDER")}`).toMatchInlineSnapshot(
      `"WB4801 FOLDER/vocab.json: what surrounds the vocabulary depends on the class: expected tokenizer_class GPT2Tokenizer, Qwen2Tokenizer or RobertaTokenizer in tokenizer_config.json, found no file that says so"`,
    );
  });

  it("of ranks that are damaged is refused by its line", async () => {
    const folder = join(work, "damaged");
    writeFiles(folder, { "tokenizer.model": "IQ== 0\nIg== 1\nIw== x\n" });
    const { code, message } = await caught(() => openTokenizer(folder));
    expect(`${code} ${message.replaceAll(folder, "FOLDER")}`).toMatchInlineSnapshot(
      `"WB3802 FOLDER/tokenizer.model: line 3: expected bytes in base64 and a rank"`,
    );
  });

  it("by PaddleNLP's name of LLaMA's is read", async () => {
    const folder = join(work, "paddle");
    writeFiles(folder, {});
    cpSync(
      join(FIXTURES, "tokenizers/llama/tokenizer.model"),
      join(folder, "sentencepiece.bpe.model"),
    );
    const llama = await openTokenizer(join(FIXTURES, "tokenizers/llama"));
    expect((await openTokenizer(folder)).encode("hello world")).toEqual(
      llama.encode("hello world"),
    );
  });
});
