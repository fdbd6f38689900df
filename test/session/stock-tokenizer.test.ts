import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import type {
  Piece,
  PieceType,
  SentencePieceModel,
} from "../../src/runtime/tokenizer/sentencepiece-model.ts";
import type { TokenizerSettings } from "../../src/runtime/tokenizer/special-tokens.ts";
import { mergesByScore } from "../../src/runtime/tokenizer/merges-by-score.ts";
import { stockJson } from "../../src/runtime/tokenizer/stock-json.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny");
let work: string;
let source: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-stock-"));
  source = join(work, "source");
  cpSync(TINY, source, { recursive: true });
});
afterEach(() => {
  rmSync(work, { recursive: true });
});

/** Notes of a conversion that have to do with tokenizers. */
async function converted(
  target: string,
  from = source,
  to: "safetensors" | "pytorch" | "paddle" = "safetensors",
): Promise<readonly string[]> {
  const { notes } = await convert(from, join(work, target), { to, force: true });
  return notes.filter((note) => note.includes("tokenizer"));
}

const text = (...names: readonly string[]): string => readFileSync(join(work, ...names), "utf8");
const MADE =
  "tokenizer.json is made of tokenizer.model, and tokenizer_config.json names the class that reads it: AutoTokenizer needs no remote code";

describe("a folder whose tokenizer is InternLM's class", () => {
  it("gets one of stock transformers; what was there is kept, and the source is left alone", async () => {
    expect(await converted("out")).toEqual([
      `${MADE}; the one before is tokenizer_config.original.json`,
    ]);
    expect(readdirSync(source)).toEqual(readdirSync(TINY));
    expect(text("out", "tokenizer_config.original.json")).toBe(
      text("source", "tokenizer_config.json"),
    );
    expect(text("out", "tokenizer_config.json")).toBe(`{
  "bos_token": "<s>",
  "eos_token": "</s>",
  "unk_token": "<unk>",
  "pad_token": "</s>",
  "clean_up_tokenization_spaces": false,
  "tokenizer_class": "PreTrainedTokenizerFast",
  "model_max_length": 1000000000000000019884624838656
}
`);
    // A second conversion carries all of it.
    expect(await converted("again", join(work, "out"), "pytorch")).toEqual([]);
    for (const name of readdirSync(join(work, "out")).filter((one) => one.startsWith("tokenizer")))
      expect(text("again", name)).toBe(text("out", name));
  });

  it("gets it where no file names a class, with the tokens that the class has unasked", async () => {
    rmSync(join(source, "tokenizer_config.json"));
    rmSync(join(source, "special_tokens_map.json"));
    expect(await converted("out")).toEqual([MADE]);
    expect(readdirSync(join(work, "out"))).not.toContain("tokenizer_config.original.json");
    expect(JSON.parse(text("out", "tokenizer_config.json"))).toEqual({
      bos_token: "<s>",
      eos_token: "</s>",
      unk_token: "<unk>",
      tokenizer_class: "PreTrainedTokenizerFast",
    });
  });

  it.each(["paddle", "other class"] as const)("%s: is carried as it is", async (kind) => {
    const config = { tokenizer_class: "LlamaTokenizer" };
    if (kind === "other class")
      writeFileSync(join(source, "tokenizer_config.json"), JSON.stringify(config));
    expect(await converted("out", source, kind === "paddle" ? kind : "safetensors")).toEqual([]);
    expect(readdirSync(join(work, "out"))).not.toContain("tokenizer.json");
    expect(text("out", "tokenizer_config.json")).toBe(text("source", "tokenizer_config.json"));
  });

  it("keeps a tokenizer.json that is there, and says so", async () => {
    writeFileSync(join(source, "tokenizer.json"), "{}");
    expect(await converted("out")).toEqual([
      `${join(source, "tokenizer.json")}: no tokenizer.json is made: this file is there already, and is kept`,
    ]);
    expect(text("out", "tokenizer.json")).toBe("{}");
    expect(text("out", "tokenizer_config.json")).toBe(text("source", "tokenizer_config.json"));
  });

  it.each([
    ["tokenizer.model", "\u0000", "it is not a protocol buffer message"],
    ["tokenizer_config.json", "[", "expected JSON"],
  ])(
    "a %s that cannot be read goes along as it is, with a note",
    async (name, content, problem) => {
      writeFileSync(join(source, name), content);
      const [note] = await converted("out");
      expect(note).toContain(`${join(source, name)}: no tokenizer.json is made: `);
      expect(note).toContain(problem);
      expect(text("out", name)).toBe(content);
    },
  );

  it("a model that changes texts has no such file: LLaMA's puts a space in front", async () => {
    cpSync(join(FIXTURES, "tokenizers/llama/tokenizer.model"), join(source, "tokenizer.model"));
    expect(await converted("out")).toEqual([
      `${join(source, "tokenizer.model")}: no tokenizer.json is made: it changes texts before it cuts them`,
    ]);
    expect(text("out", "tokenizer_config.json")).toBe(text("source", "tokenizer_config.json"));
  });

  it.each([
    ["replaces characters", [0x1a, 0x07, 0x12, 0x01, 0x78, 0x18, 0x00, 0x20, 0x00]],
    ["leaves spaces alone", [0x1a, 0x06, 0x18, 0x00, 0x20, 0x00, 0x28, 0x00]],
  ])("nor has one whose normaliser %s", async (_what, normalizer) => {
    const path = join(source, "tokenizer.model");
    writeFileSync(path, Buffer.concat([readFileSync(path), Uint8Array.from(normalizer)]));
    expect(await converted("out")).toEqual([
      `${path}: no tokenizer.json is made: it changes texts before it cuts them`,
    ]);
  });

  it("--force takes away the tokenizer.json of the conversion before", async () => {
    await converted("out");
    const other = { tokenizer_class: "LlamaTokenizer" };
    writeFileSync(join(source, "tokenizer_config.json"), JSON.stringify(other));
    await converted("out");
    expect(readdirSync(join(work, "out"))).not.toContain("tokenizer.json");
  });
});

/** A model of BPE with these pieces behind "a", "b" and "c". */
function modelOf(...more: readonly (readonly [string, PieceType, number?])[]): SentencePieceModel {
  const all: readonly (readonly [string, PieceType, number?])[] = [
    ["<unk>", "unknown"],
    ["<s>", "control"],
    ["</s>", "control"],
    ["a", "normal"],
    ["b", "normal"],
    ["c", "normal"],
    ...more,
  ];
  const pieces: readonly Piece[] = all.map(([piece, type, score = 0]) => ({
    text: piece,
    type,
    score,
  }));
  return {
    pieces,
    algorithm: "bpe",
    idOfPiece: new Map(pieces.map((piece, id) => [piece.text, id])),
    unkId: 0,
    unkSurface: " ⁇ ",
    addDummyPrefix: false,
    removeExtraWhitespaces: false,
    changesTexts: false,
  };
}

const SETTINGS: TokenizerSettings = {
  tokenizerClass: "InternLMTokenizer",
  saysSurroundings: false,
  addBos: true,
  addEos: false,
  bosId: 1,
  eosId: 2,
  padId: undefined,
  addedTokens: [{ content: "<s>", id: 1, special: true, lstrip: false, rstrip: false }],
  legacy: true,
  saysLegacy: undefined,
  form: undefined,
  cleansUp: false,
  chatTemplates: new Map(),
  specialTokens: {},
};

describe("what a tokenizer.json cannot hold", () => {
  const added = (content: string, id: number): TokenizerSettings => ({
    ...SETTINGS,
    addedTokens: [{ content, id, special: true, lstrip: false, rstrip: false }],
  });
  it.each<[string, SentencePieceModel, TokenizerSettings]>([
    ["it is a Unigram model", { ...modelOf(), algorithm: "unigram" }, SETTINGS],
    ["it changes texts before it cuts them", { ...modelOf(), changesTexts: true }, SETTINGS],
    [
      "it changes texts before it cuts them",
      { ...modelOf(), removeExtraWhitespaces: true },
      SETTINGS,
    ],
    ['it has the unused piece "ab"', modelOf(["ab", "unused"]), SETTINGS],
    ['it has a space in the user-defined piece "▁x"', modelOf(["▁x", "user-defined"]), SETTINGS],
    ['it has no piece for a character of "ax"', modelOf(["ax", "normal"]), SETTINGS],
    ['it has the control piece of one character "x"', modelOf(["x", "control"]), SETTINGS],
    ['it has no finite score for the piece "ab"', modelOf(["ab", "normal", Number.NaN]), SETTINGS],
    [String.raw`it has NUL in the piece "a\u0000"`, modelOf(["a\0", "normal"]), SETTINGS],
    [String.raw`it has NUL in the piece "\u0000"`, modelOf(["\0", "normal"]), SETTINGS],
    ['the token "x" has the id of another piece, 3', modelOf(), added("x", 3)],
    ["the ids of added tokens have a gap before 9", modelOf(), added("x", 9)],
    ['the piece "x<s>" overlaps the token "<s>"', modelOf(["x<s>", "user-defined"]), SETTINGS],
    ['the piece "x<s" overlaps the token "<s>"', modelOf(["x<s", "user-defined"]), SETTINGS],
    [
      "pieces of equal scores overlap, and a list of merges has no order for them",
      modelOf(["ab", "normal", -1], ["ba", "normal", -1]),
      SETTINGS,
    ],
  ])("%s", (problem, model, settings) => {
    expect(stockJson(model, settings)).toEqual({ problem });
  });
});

it("merges go by scores, and of equal ones that goes first which is the one further left", () => {
  const model = modelOf(["bc", "normal", -2], ["ab", "normal", -2], ["ac", "normal", -1]);
  expect(mergesByScore(model)).toEqual([
    ["a", "c"],
    ["a", "b"],
    ["b", "c"],
  ]);
});
