import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { streamDecoder } from "../../../src/runtime/tokenizer/stream-decoder.ts";
import { openTokenizer, type Tokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

const ROOT = join(FIXTURES, "tokenizers");

const FOLDERS = [
  ["alpaca-not-legacy", "baichuan", "chatglm2", "clean-up", "internlm", "llama", "vicuna"],
  readdirSync(join(ROOT, "json"))
    .filter((name) => !name.endsWith(".json"))
    .map((name) => join("json", name)),
]
  .flat()
  .map((name) => join(ROOT, name));

/** What the clean-up closes up, what it leaves, characters of several bytes, and words of several scripts. */
const PARTS = [
  [" do", "n't", " n 't", " '", " ' ", "'", " .", " ,", "  ", "\n", " 's", " 've", "é", "🦜"],
  [
    " the",
    " weights",
    "are",
    " equal",
    "权重",
    "相同",
    " Gewicht",
    "вес",
    "0",
    "17",
    "-",
    "(",
    "</s>",
  ],
].flat();
const parts = fc.constantFrom(...PARTS, "\u0001");

/** Texts of some hundred tokens, and ids of which some part characters. */
const sequences = (tokenizer: Tokenizer): fc.Arbitrary<readonly number[]> => {
  const words = fc
    .array(parts, { minLength: 200, maxLength: 500 })
    .map((texts) => tokenizer.encode(texts.join(""), { parseSpecialTokens: false }));
  const any = fc.array(fc.integer({ min: 0, max: tokenizer.size - 1 }), { maxLength: 400 });
  return fc.tuple(any, words, any).map((all) => all.flat());
};

describe("a text that grows", () => {
  it.each(FOLDERS)("is in the end the decode of all its ids: %s", async (folder) => {
    const tokenizer = await openTokenizer(folder);
    fc.assert(
      fc.property(
        sequences(tokenizer),
        fc.constantFrom("raw" as const, "transformers" as const),
        (ids, mode) => {
          const stream = streamDecoder(tokenizer, mode);
          const [prompt, answer] = [ids.slice(0, 150), ids.slice(150)];
          const shown = [prompt, ...answer.map((id) => [id])].map((more) => stream.push(more));
          const text = [...shown, stream.end()].join("");
          expect(text).toBe(tokenizer.decode(ids, { mode, skipSpecialTokens: true }));
        },
      ),
      { numRuns: 12 },
    );
  });

  it("asks for few ids at a time, however long it is", async () => {
    const tokenizer = await openTokenizer(join(ROOT, "internlm"));
    const ids = tokenizer.encode("the weights are equal. ".repeat(300));
    let most = 0;
    const watched: Tokenizer = {
      ...tokenizer,
      decode: (some, options) => {
        most = Math.max(most, some.length);
        return tokenizer.decode(some, options);
      },
    };
    const stream = streamDecoder(watched);
    for (const id of ids) stream.push([id]);
    expect(ids.length).toBeGreaterThan(1000);
    expect(most).toBeLessThan(300);
  });
});
