import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { caught } from "../../support/caught.ts";
import { tokenAgreement } from "../../support/expected-tokens.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import { isRecord } from "../../support/is-record.ts";

const JSONS = join(FIXTURES, "tokenizers/json");

const split =
  (pattern: string) =>
  (json: Record<string, unknown>): void => {
    json["pre_tokenizer"] = {
      type: "Split",
      pattern: { Regex: pattern },
      behavior: "Isolated",
      invert: false,
    };
  };

describe("tokenizer.json", () => {
  it.each([
    "gpt4o",
    "llama3",
    "deepseek",
    "spm-bpe-first",
    "spm-bpe-gemma",
    "bert-uncased",
    "unknown-bpe",
  ])("%s: ids and texts are those of Python's tokenizers", async (kind) => {
    const { texts, sequences, differing } = await tokenAgreement(JSONS, kind);
    expect(differing).toEqual([]);
    expect([texts, sequences]).toEqual([260, 138]);
  });

  it("cuts no special tokens out of text where they are not to be read as such", async () => {
    const tokenizer = await openTokenizer(join(JSONS, "llama3"));
    const [id = -1] = tokenizer.encode("<|eot_id|>", { addSpecialTokens: false });
    expect(tokenizer.isSpecial(id)).toBe(true);
    const plain = tokenizer.encode("<|eot_id|>", {
      addSpecialTokens: false,
      parseSpecialTokens: false,
    });
    expect(plain.length).toBeGreaterThan(1);
    expect(tokenizer.decode(plain)).toBe("<|eot_id|>");
  });

  it("puts no space in front of text that goes on", async () => {
    const tokenizer = await openTokenizer(join(JSONS, "spm-bpe-first"));
    const bare = { addSpecialTokens: false };
    expect(tokenizer.encode("the", { ...bare, continues: true })).not.toEqual(
      tokenizer.encode("the", bare),
    );
    const halves = [
      ...tokenizer.encode("the w", bare),
      ...tokenizer.encode("orld", { ...bare, continues: true }),
    ];
    expect(tokenizer.decode(halves)).toBe("the world");
  });

  it("takes a million letters without white space in one go", async () => {
    const tokenizer = await openTokenizer(join(JSONS, "llama3"));
    const ids = tokenizer.encode("ab".repeat(500_000), { addSpecialTokens: false });
    expect(tokenizer.decode(ids)).toHaveLength(1_000_000);
  });
});

describe("a tokenizer.json that cannot be read as it is meant", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-json-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** What is said of the file of `kind` after a change. */
  async function saidOf(
    kind: string,
    change: (json: Record<string, unknown>) => void,
  ): Promise<string> {
    const path = join(folder, "tokenizer.json");
    cpSync(join(JSONS, kind, "tokenizer.json"), path);
    const json: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isRecord(json)) throw new Error("no object");
    const copy = { ...json };
    change(copy);
    writeFileSync(path, JSON.stringify(copy));
    const error = await caught(() => openTokenizer(folder));
    return `${error.code} ${error.message.replaceAll(folder, "FOLDER")}`;
  }

  it.each([
    [
      "a step that there is not",
      (json: Record<string, unknown>) => (json["pre_tokenizer"] = { type: "UnicodeScripts" }),
    ],
    [
      "an added token of which the normalizer leaves nothing",
      (json: Record<string, unknown>) => {
        json["normalizer"] = { type: "Strip", strip_left: true, strip_right: true };
        json["added_tokens"] = [{ id: 1, content: "  ", normalized: true, special: false }];
      },
    ],
    ["a look behind with a name", split("(?<a>x)")],
    ["an intersection", split("[a-z&&[^b]]+")],
    ["a property that is not known", split(String.raw`\p{Emoji}`)],
    ["letters that are one with others without regard to case", split("(?i:ss)")],
    ["an unmatched bracket", split("(a")],
    [
      "merges of tokens that there are not",
      (json: Record<string, unknown>) =>
        (json["model"] = { type: "BPE", vocab: { a: 0 }, merges: ["a b"] }),
    ],
    [
      "an id that is no number",
      (json: Record<string, unknown>) =>
        (json["model"] = { type: "BPE", vocab: { a: "0" }, merges: [] }),
    ],
    [
      "dropout",
      (json: Record<string, unknown>) =>
        (json["model"] = { type: "BPE", vocab: { a: 0 }, merges: [], dropout: 0.1 }),
    ],
    ["no model", (json: Record<string, unknown>) => (json["model"] = null)],
  ])("%s is refused by name", async (_, change) => {
    expect(await saidOf("gpt4o", change)).toMatchSnapshot();
  });

  it("that ends too early is named", async () => {
    const text = readFileSync(join(JSONS, "gpt4o/tokenizer.json"), "utf8");
    for (const length of [0, 1, 1000, text.length - 1]) {
      writeFileSync(join(folder, "tokenizer.json"), text.slice(0, length));
      expect((await caught(() => openTokenizer(folder))).code).toBe("WB3802");
    }
  });

  it("that is not there: the message says what is", async () => {
    rmSync(join(folder, "tokenizer.json"), { force: true });
    writeFileSync(join(folder, "tokenizer_config.json"), "{}");
    const { code, message } = await caught(() => openTokenizer(folder));
    expect(`${code} ${message.replace(folder, "FOLDER")}`).toMatchInlineSnapshot(
      `"WB3801 FOLDER: no tokenizer: looked for tokenizer.model, sentencepiece.bpe.model, spiece.model, tokenizer.json, vocab.json with merges.txt, vocab.txt; found tokenizer_config.json"`,
    );
  });
});
