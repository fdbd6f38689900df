import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSentencePiece } from "../../src/runtime/tokenizer/sentencepiece.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const TEXTS = 10_000;

/** Other folders differ from these in few steps, and Python takes seconds for 10,000 texts of one. */
const IN_FULL = new Set(["legacy-true", "no-legacy"]);
const FEWER = 2000;
const MODEL = join(FIXTURES, "tokenizers/llama/tokenizer.model");

/** tokenizer_config.json of each folder, beside LLaMA's model. */
const FOLDERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "legacy-true": { tokenizer_class: "LlamaTokenizer", legacy: true },
  "legacy-false": { tokenizer_class: "LlamaTokenizer", legacy: false },
  "no-legacy": { tokenizer_class: "LlamaTokenizer" },
  "fast-class": { tokenizer_class: "LlamaTokenizerFast", add_bos_token: false },
  "with-eos": { tokenizer_class: "LlamaTokenizer", add_eos_token: true },
  "with-bos": { tokenizer_class: "LlamaTokenizer", bos_token: "<s>", eos_token: "</s>" },
  "says-bos": { tokenizer_class: "LlamaTokenizer", add_bos_token: true, legacy: false },
  padded: { tokenizer_class: "LlamaTokenizer", legacy: true, pad_token: "[PAD]" },
};

describe("LLaMA's SentencePiece model", () => {
  let work: string;
  let answer: Readonly<Record<string, unknown>>;
  let texts: readonly string[];

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "weighbridge-llama-forms-"));
    for (const [name, config] of Object.entries(FOLDERS)) {
      const folder = join(work, name);
      mkdirSync(folder);
      copyFileSync(MODEL, join(folder, "tokenizer.model"));
      writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
      if (config["pad_token"] !== undefined)
        writeFileSync(join(folder, "added_tokens.json"), JSON.stringify({ "[PAD]": 480 }));
    }
    const folders = Object.fromEntries(
      Object.keys(FOLDERS).map((name) => [
        name,
        [join(work, name), IN_FULL.has(name) ? TEXTS : FEWER],
      ]),
    );
    const given: unknown = runPython("llama_ids.py", {
      folders,
      model: MODEL,
      texts: TEXTS,
      seed: 5,
    });
    if (!isRecord(given) || !Array.isArray(given["texts"])) throw new Error("no answer");
    answer = given;
    texts = given["texts"].map(String);
  }, 600_000);
  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  it.each(Object.keys(FOLDERS))(
    "%s: texts have the ids of transformers' fast class, and ids its texts",
    async (name) => {
      const folders = answer["folders"];
      const expected = isRecord(folders) ? folders[name] : undefined;
      if (!isRecord(expected)) throw new Error("no answer");
      const { ids, bare, decoded } = expected;
      if (!Array.isArray(ids) || !Array.isArray(bare) || !Array.isArray(decoded))
        throw new Error("no ids");
      expect(expected["class"]).toBe("LlamaTokenizer");
      expect(texts).toHaveLength(TEXTS);
      const tokenizer = await openTokenizer(join(work, name), "fast");
      const asked = texts.slice(0, ids.length);
      expect(asked).toHaveLength(IN_FULL.has(name) ? TEXTS : FEWER);
      const differing = asked.flatMap((text, index) => {
        const ours = tokenizer.encode(text);
        const own = tokenizer.encode(text, { addSpecialTokens: false });
        const back = tokenizer.decode(ours, { skipSpecialTokens: true });
        const isEqual =
          ours.join() === String(ids[index]) &&
          own.join() === String(bare[index]) &&
          back === decoded[index];
        return isEqual
          ? []
          : [
              {
                text,
                ours: ours.join(),
                theirs: String(ids[index]),
                back,
                decoded: decoded[index] as unknown,
              },
            ];
      });
      expect(differing.slice(0, 3)).toEqual([]);
    },
  );

  it("10,000 texts have the ids of Python's SentencePiece, and ids its texts", async () => {
    const { raw, rawDecoded } = answer;
    if (!Array.isArray(raw) || !Array.isArray(rawDecoded)) throw new Error("no ids");
    const library = await openSentencePiece(readFileSync(MODEL), MODEL);
    const differing = texts.filter(
      (text, index) =>
        library.encode(text).join() !== String(raw[index]) ||
        library.decode(library.encode(text)) !== rawDecoded[index],
    );
    expect(differing.slice(0, 3)).toEqual([]);
    expect(new Set(raw.map(String)).size).toBeGreaterThan(TEXTS / 2);
  });

  it("both classes differ, and a folder opens as the one that its files say", async () => {
    const [slow, fast] = await Promise.all([
      openTokenizer(join(work, "no-legacy")),
      openTokenizer(join(work, "fast-class")),
    ]);
    expect([slow.form, fast.form]).toEqual(["slow", "fast"]);
    const text = "<s> hello world";
    const other = await slow.other?.();
    expect(other?.form ?? "fast").toBe("fast");
    expect(other?.encode(text)).not.toEqual(slow.encode(text));
    expect(fast.encode(text)).toEqual(other?.encode(text));
  });
});
