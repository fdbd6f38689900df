import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSentencePiece } from "../../../src/runtime/tokenizer/sentencepiece.ts";
import { streamDecoder } from "../../../src/runtime/tokenizer/stream-decoder.ts";
import { openTokenizer, type Tokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

const INTERNLM = join(FIXTURES, "tokenizers/internlm");

interface RawGolden {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
}

interface WrapperGolden {
  readonly text: string;
  readonly hf_ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

function goldens<T>(name: string, isGolden: (value: unknown) => value is T): readonly T[] {
  const parsed: unknown = JSON.parse(readFileSync(join(INTERNLM, name), "utf8"));
  return Array.isArray(parsed) ? parsed.filter(isGolden) : [];
}

const isRaw = (value: unknown): value is RawGolden =>
  typeof value === "object" && value !== null && "ids" in value && "decoded" in value;
const isWrapper = (value: unknown): value is WrapperGolden =>
  typeof value === "object" &&
  value !== null &&
  "hf_ids" in value &&
  "decoded_skip_special" in value;

describe("InternLM's own tokenizer.model", () => {
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    tokenizer = await openTokenizer(INTERNLM);
  });

  it("gives the ids and the text of native SentencePiece 0.2.3", async () => {
    const path = join(INTERNLM, "tokenizer.model");
    const sentencePiece = await openSentencePiece(readFileSync(path), path);
    const all = goldens("goldens.json", isRaw);
    expect(all).toHaveLength(44);
    for (const { text, ids, decoded } of all) {
      expect(sentencePiece.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids, { mode: "raw" })).toBe(decoded);
    }
  });

  it("gives the ids and the texts of the original Python class", () => {
    const all = goldens("goldens-wrapper.json", isWrapper);
    expect(all).toHaveLength(44);
    for (const golden of all) {
      expect(tokenizer.encode(golden.text)).toEqual(golden.hf_ids);
      expect(tokenizer.decode(golden.hf_ids)).toBe(golden.decoded);
      expect(tokenizer.decode(golden.hf_ids, { skipSpecialTokens: true })).toBe(
        golden.decoded_skip_special,
      );
    }
  });

  it("encodes the prompt of the model page", () => {
    expect(tokenizer.encode("A beautiful flower")).toEqual([1, 290, 6389, 22634]);
    expect(tokenizer.encode("")).toEqual([1]);
  });

  it("leaves control tokens in untrusted text as ordinary text when asked", () => {
    expect(tokenizer.encode("<s>", { parseSpecialTokens: false, addSpecialTokens: false })).toEqual(
      [43618, 330],
    );
    expect(tokenizer.encode("<s>", { addSpecialTokens: false })).toEqual([1]);
  });

  it("keeps white space beside special tokens, as transformers 4.34 and later do", () => {
    expect(tokenizer.encode("</s> hi <s>")).toEqual([1, 2, 15720, 262, 1]);
  });

  it("replaces each byte of a broken character by one U+FFFD", () => {
    // 233 is byte piece 0xE6, which begins a character of three bytes.
    expect(tokenizer.decode([233], { mode: "raw" })).toBe("\uFFFD");
    expect(tokenizer.decode([233, 234, 290], { mode: "raw" })).toBe("\uFFFD\uFFFDA");
  });

  it("refuses an id outside the vocabulary", () => {
    expect(() => tokenizer.decode([103168])).toThrowErrorMatchingInlineSnapshot(
      `[WbError: token id 103168: the tokenizer has ids 0 to 103167]`,
    );
  });

  it("streams text whose pieces join to the decode of the whole, in any grouping", () => {
    const words = fc.constantFrom(
      " .",
      " n't",
      " 's",
      "'",
      " ",
      "你",
      "🎉",
      "é",
      "<s>",
      "a",
      "\n",
      " ' ",
      "。",
    );
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 30 }),
        fc.constantFrom("raw", "transformers"),
        (parts, mode) => {
          const ids = tokenizer.encode(parts.join(""));
          const stream = streamDecoder(tokenizer, mode);
          const pieces = ids.map((id) => stream.push([id]));
          pieces.push(stream.end());
          expect(pieces.join("")).toBe(tokenizer.decode(ids, { mode, skipSpecialTokens: true }));
          expect(pieces.slice(0, -1).join("")).not.toContain("\uFFFD");
        },
      ),
    );
  });

  it("streams random ids, broken characters included, to the decode of the whole", () => {
    const anyId = fc.oneof(fc.integer({ min: 0, max: 103167 }), fc.integer({ min: 3, max: 258 }));
    fc.assert(
      fc.property(fc.array(anyId, { maxLength: 40 }), (ids) => {
        const stream = streamDecoder(tokenizer, "raw");
        const pieces = ids.map((id) => stream.push([id]));
        pieces.push(stream.end());
        expect(pieces.join("")).toBe(
          tokenizer.decode(ids, { mode: "raw", skipSpecialTokens: true }),
        );
      }),
      // The unknown token between two bytes of one character: left out, it does not part them, as in transformers.
      { examples: [[[197, 0, 131]]] },
    );
    expect(tokenizer.decode([197, 0, 131], { mode: "raw", skipSpecialTokens: true })).toBe(
      "\u0080",
    );
  });

  it("holds back what the clean-up may still close up, or not close up after all", () => {
    const characters = " 'ntsmve.,a".split("");
    const idOf = new Map(
      characters.map((character) => [
        character,
        tokenizer.encode(character, { addSpecialTokens: false }),
      ]),
    );
    expect([...idOf.values()].map((ids) => ids.length)).toEqual(characters.map(() => 1));
    const part = fc.constantFrom("a", " ", ".", " ' ", "  ' ", "s", "t", "ve", " n ' ", " n");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const ids = parts
          .join("")
          .split("")
          .flatMap((character) => idOf.get(character) ?? []);
        const stream = streamDecoder(tokenizer);
        const pieces = ids.map((id) => stream.push([id]));
        pieces.push(stream.end());
        expect(pieces.join("")).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a damaged tokenizer folder", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weighbridge-tokenizer-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("without tokenizer.model says so", async () => {
    await expect(openTokenizer(join(folder, "empty"))).rejects.toMatchObject({ code: "WB3801" });
  });

  it("with a truncated or foreign tokenizer.model is refused before the library sees it", async () => {
    const path = join(folder, "tokenizer.model");
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(0x0a, 0x7f, 1),
      new TextEncoder().encode("<html>"),
    ]) {
      await writeFile(path, bytes);
      await expect(openTokenizer(folder)).rejects.toMatchObject({ code: "WB3802" });
    }
  });

  it("with a broken tokenizer_config.json names the file", async () => {
    await writeFile(
      join(folder, "tokenizer.model"),
      readFileSync(join(INTERNLM, "tokenizer.model")),
    );
    await writeFile(join(folder, "tokenizer_config.json"), "{");
    await expect(openTokenizer(folder)).rejects.toMatchObject({ code: "WB3803" });
  });
});
