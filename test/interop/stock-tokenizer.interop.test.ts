import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { cleanUpTokenization } from "../../src/runtime/tokenizer/clean-up.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const TEXTS = 2500;

/** InternLM's folders: the small one, and with the real vocabulary. */
const FOLDERS = {
  small: join(FIXTURES, "internlm-tiny/tokenizer.model"),
  real: join(FIXTURES, "tokenizers/internlm/tokenizer.model"),
  internlm2: join(FIXTURES, "tokenizers/internlm/tokenizer.model"),
};

/** InternLM2's folders name another class, of the same arithmetic, and tokens behind the vocabulary. */
function nameInternlm2(folder: string): void {
  const path = join(folder, "tokenizer_config.json");
  const config: unknown = JSON.parse(readFileSync(path, "utf8"));
  const added = ["<|plugin|>", "<|interpreter|>", "<|im_end|>", "<|im_start|>"];
  const tokens: Record<string, unknown> = {};
  for (const [index, content] of added.entries())
    tokens[103_168 + index] = { content, special: true };
  const named = {
    ...(isRecord(config) ? config : {}),
    tokenizer_class: "InternLM2Tokenizer",
    auto_map: { AutoTokenizer: ["tokenization_internlm2.InternLM2Tokenizer", null] },
    added_tokens_decoder: tokens,
  };
  writeFileSync(path, JSON.stringify(named));
}

/** Pieces that repeat themselves, whose merges have equal scores. */
const REPEATED = [" ", ".", "-", "=", "_", "#", "*", "~", "\n", "\t", "\r\n", "../", "    \n"];
const RUNS = REPEATED.flatMap((unit) =>
  Array.from({ length: 60 }, (_, length) => `a${unit.repeat(length + 1)}${length % 2 ? "b" : ""}`),
);

const MORE = [
  ...RUNS,
  "\0",
  "a\0\0b\0",
  "<s>x</s> <unk>",
  "<|User|>:hello<eoh>\n<|Bot|>:hi<eoa>\n",
  "<eoh><eoa> <TOKENS_UNUSED_2>x<0x41>",
  "▁a ▁ b",
  "<|im_start|>user\nhi<|im_end|>\n<|im_start|> <|plugin|>",
];

/** One answer for each text. */
function list(answers: unknown): readonly unknown[] {
  if (!Array.isArray(answers)) throw new Error("no answers");
  return answers;
}

describe("InternLM's tokenizer, converted, in stock transformers", () => {
  let work: string;
  let answer: Readonly<Record<string, unknown>>;
  let texts: readonly string[];

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "weighbridge-stock-tokenizer-"));
    const folders: Record<string, string> = {};
    for (const [name, model] of Object.entries(FOLDERS)) {
      const source = join(work, `${name}-source`);
      cpSync(join(FIXTURES, "internlm-tiny"), source, { recursive: true });
      copyFileSync(model, join(source, "tokenizer.model"));
      if (name === "internlm2") nameInternlm2(source);
      folders[name] = join(work, name);
      await convert(source, folders[name]);
    }
    const given: unknown = runPython("stock_ids.py", {
      folders,
      texts: TEXTS,
      seed: 11,
      more: MORE,
    });
    if (!isRecord(given) || !isRecord(given["folders"]) || !Array.isArray(given["texts"]))
      throw new Error("no answer");
    answer = given["folders"];
    texts = given["texts"].map(String);
  }, 120_000);
  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  it.each(Object.entries(FOLDERS))(
    "%s: no remote code, and the ids of InternLM's class",
    async (name, model) => {
      const theirs = answer[name];
      if (!isRecord(theirs)) throw new Error("no answer");
      const [ids, bare, decoded] = [theirs["ids"], theirs["bare"], theirs["decoded"]].map(list);
      const source = await openTokenizer(join(work, `${name}-source`));
      expect(theirs["class"]).toBe("TokenizersBackend");
      expect(theirs["size"]).toBe(source.size);
      expect(texts).toHaveLength(TEXTS + MORE.length);
      const differing = texts.flatMap((text, index) => {
        const ours = [source.encode(text), source.encode(text, { addSpecialTokens: false })];
        const same = JSON.stringify(ours) === JSON.stringify([ids?.[index], bare?.[index]]);
        return same ? [] : [{ text, ours: ours[1], theirs: bare?.[index] }];
      });
      expect(differing.slice(0, 5)).toEqual([]);
      // InternLM's class closes up punctuation; transformers 5 does not for any BPE.
      const unlike = texts.flatMap((text, index) => {
        const ours = source.decode(source.encode(text), { skipSpecialTokens: true });
        const same = cleanUpTokenization(String(decoded?.[index])) === ours;
        return same ? [] : [{ text, ours, theirs: decoded?.[index] }];
      });
      expect(unlike.slice(0, 5)).toEqual([]);
      // Of two texts, one beginning.
      const [bos, ...first] = source.encode("A beautiful");
      const second = source.encode("flower", { addSpecialTokens: false });
      expect(theirs["pair"]).toEqual([bos, ...first, ...second]);
      // weighbridge reads what it wrote as it read the original, with tokenizer.model beside it and without.
      const alone = join(work, `${name}-json`);
      mkdirSync(alone);
      for (const file of ["tokenizer.json", "tokenizer_config.json"])
        copyFileSync(join(work, name, file), join(alone, file));
      expect(readFileSync(join(work, name, "tokenizer.model")).equals(readFileSync(model))).toBe(
        true,
      );
      for (const folder of [join(work, name), alone]) {
        const written = await openTokenizer(folder);
        const other = texts.filter(
          (text) => written.encode(text).join() !== source.encode(text).join(),
        );
        expect(other.slice(0, 5)).toEqual([]);
      }
    },
    60_000,
  );
});
