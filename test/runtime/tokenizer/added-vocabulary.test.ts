import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openTokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { caught } from "../../support/caught.ts";
import type { Tokenizer } from "../../../src/runtime/tokenizer/tokenizer-interface.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-added-vocabulary-"));
afterAll(() => rmSync(work, { recursive: true }));

type Fields = Readonly<Record<string, unknown>>;

/** A tokenizer of three letters and what is given; `beside` is its tokenizer_config.json. */
function open(fields: Fields, beside: Fields = {}): Promise<Tokenizer> {
  const model = { type: "BPE", vocab: { a: 0, b: 1, c: 2 }, merges: [] };
  writeFileSync(join(work, "tokenizer.json"), JSON.stringify({ model, ...fields }));
  writeFileSync(join(work, "tokenizer_config.json"), JSON.stringify(beside));
  return openTokenizer(work);
}

function token(content: string, id: number, more: Fields = {}): Fields {
  return { content, id, special: true, normalized: false, ...more };
}

// What tokenizers 0.23.3 makes of the same files.
it("gives added tokens the library's ids, whatever is written", async () => {
  const apart = await open({ added_tokens: [token("<x>", 5), token("<y>", 9)] });
  expect(apart.encode("a<x>b<y>c")).toEqual([0, 3, 1, 4, 2]);
  expect(apart.size).toBe(5);
  const exchanged = await open({ added_tokens: [token("<y>", 9), token("<x>", 5)] });
  expect(exchanged.encode("a<x>b<y>c")).toEqual([0, 4, 1, 3, 2]);
  const same = await open({ added_tokens: [token("<x>", 3), token("<y>", 3)] });
  expect(same.encode("a<x>b<y>c")).toEqual([0, 3, 1, 4, 2]);
  const known = await open({ added_tokens: [token("<x>", 1), token("a", 7)] });
  expect(known.encode("a<x>b")).toEqual([0, 3, 1]);
});

it("leaves special tokens out by the text that they are decoded as", async () => {
  const lower = { normalizer: { type: "Lowercase" }, decoder: { type: "Fuse" } };
  const added = [token("<X>", 3, { normalized: true }), token("<y>", 4, { normalized: true })];
  const tokenizer = await open({ ...lower, added_tokens: added });
  expect(tokenizer.encode("a<X>b<Y>c")).toEqual([0, 3, 1, 4, 2]);
  expect(tokenizer.decode([0, 3, 1, 4, 2], { skipSpecialTokens: true })).toBe("a<x>bc");
});

it("refuses two tokens that normalising makes one", async () => {
  const added = [token("<X>", 3, { normalized: true }), token("<x>", 4, { normalized: true })];
  const fields = { normalizer: { type: "Lowercase" }, added_tokens: added };
  const error = await caught(() => open(fields));
  expect(error.code).toBe("WB4801");
  expect(error.message).toContain('makes the same as of "<X>"');
});

// What AutoTokenizer of transformers 5.23 makes of the same folder.
it("takes what tokenizer_config.json says of a token before tokenizer.json", async () => {
  const listed = { content: "<x>", lstrip: true, rstrip: false, normalized: false };
  const facts = { 3: { ...listed, single_word: false, special: false } };
  const added_tokens = [token("<x>", 3)];
  const fields = { added_tokens, pre_tokenizer: null, decoder: { type: "Fuse" } };
  const beside = { tokenizer_class: "PreTrainedTokenizerFast", added_tokens_decoder: facts };
  const tokenizer = await open(fields, beside);
  expect(tokenizer.encode("a  <x>b")).toEqual([0, 3, 1]);
  expect(tokenizer.decode([0, 3, 1], { skipSpecialTokens: true })).toBe("ab");
  const named = await open(fields, {
    ...beside,
    added_tokens_decoder: {},
    mask_token: "<mask>",
    extra_special_tokens: ["<extra>"],
  });
  expect(named.encode("a<mask>b<extra>")).toEqual([0, 4, 1, 5]);
});

it("refuses a post-processor behind a template, which the library takes for several texts", async () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "a", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    special_tokens: { a: { id: "a", ids: [0], tokens: ["a"] } },
  };
  const bytes = { type: "ByteLevel", add_prefix_space: true, trim_offsets: false };
  const before = await open({
    post_processor: { type: "Sequence", processors: [bytes, template] },
  });
  expect(before.encode("b")).toEqual([0, 1]);
  const behind = await open({
    post_processor: { type: "Sequence", processors: [template, bytes] },
  });
  expect(behind.encode("b")).toEqual([0, 1]);
  await expect(
    open({ post_processor: { type: "Sequence", processors: [template, template] } }),
  ).rejects.toMatchObject({ code: "WB4801" });
});

it("takes no text for the first one whose first character normalising left out", async () => {
  const model = { type: "BPE", vocab: { a: 0, b: 1, "▁": 2 }, merges: [] };
  const pre_tokenizer = {
    type: "Metaspace",
    replacement: "▁",
    prepend_scheme: "first",
    split: true,
  };
  const tokenizer = await open({ model, pre_tokenizer, normalizer: { type: "Nmt" } });
  expect(tokenizer.encode("a b")).toEqual([2, 0, 2, 1]);
  expect(tokenizer.encode("\u000ba b")).toEqual([0, 2, 1]);
});
