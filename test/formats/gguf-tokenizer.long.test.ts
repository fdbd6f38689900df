import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { modelHome } from "../../src/formats/model-home.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { openChatPrompts } from "../../src/session/chat-prompt.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import {
  flagKey,
  ggufBytes,
  numberKey,
  numbersKey,
  textKey,
  textsKey,
  type GgufKey,
} from "../support/gguf-bytes.ts";

const GGUF = join(FIXTURES, "gguf");
const TOKENIZERS = join(FIXTURES, "tokenizers");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-gguf-tokenizer-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function texts(): readonly string[] {
  const parsed: unknown = JSON.parse(readFileSync(join(TOKENIZERS, "json/texts.json"), "utf8"));
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

describe("a tokenizer that llama.cpp's converter wrote", () => {
  it.each([
    ["tokenizer-llama3.gguf", "json/llama3"],
    ["tokenizer-gpt4o.gguf", "json/gpt4o"],
    ["tokenizer-llama.gguf", "llama"],
  ])("%s gives the ids and the texts of the one it was made of", async (file, original) => {
    const ours = await openTokenizer(join(GGUF, file));
    const theirs = await openTokenizer(join(TOKENIZERS, original));
    const bare = { addSpecialTokens: false };
    const all = texts();
    expect(all).toHaveLength(260);
    for (const text of all) {
      const ids = theirs.encode(text, bare);
      expect([text, ours.encode(text, bare)]).toEqual([text, ids]);
      expect(ours.decode(ids)).toBe(theirs.decode(ids));
    }
  });

  it("puts the beginning-of-text token in front where the file says so", async () => {
    const llama = await openTokenizer(join(GGUF, "tokenizer-llama.gguf"));
    expect(llama.encode("a")[0]).toBe(llama.settings.bosId);
    const llama3 = await openTokenizer(join(GGUF, "tokenizer-llama3.gguf"));
    expect(llama3.encode("a")[0]).toBe(llama3.settings.bosId);
  });
});

const WORDS = ["a", "b", "ab", "<s>", "</s>", "<go>"];
const SMALL: readonly GgufKey[] = [
  textKey("general.architecture", "llama"),
  textKey("tokenizer.ggml.model", "gpt2"),
  textKey("tokenizer.ggml.pre", "gpt-2"),
  textsKey("tokenizer.ggml.tokens", WORDS),
  numbersKey("tokenizer.ggml.token_type", [1, 1, 1, 3, 3, 4]),
  textsKey("tokenizer.ggml.merges", ["a b"]),
  numberKey("tokenizer.ggml.bos_token_id", 3),
  numberKey("tokenizer.ggml.eos_token_id", 4),
];

/** As llama.cpp writes that there is no such token. */
function noToken(name: string): GgufKey {
  return numberKey(`tokenizer.ggml.${name}_token_id`, 2 ** 32 - 1);
}

function put(name: string, ...metadata: readonly GgufKey[]): string {
  const keys = new Set(metadata.map(({ key }) => key));
  const path = join(folder, name);
  const all = [...SMALL.filter(({ key }) => !keys.has(key)), ...metadata];
  writeFileSync(path, ggufBytes({ metadata: all }));
  return path;
}

describe("what a file says of its tokenizer", () => {
  it("is heeded: both ends, control and other added tokens", async () => {
    const add = ["bos", "eos"].map((end) => flagKey(`tokenizer.ggml.add_${end}_token`, true));
    const tokenizer = await openTokenizer(put("ends.gguf", ...add));
    expect(tokenizer.encode("ab<go></s>a")).toEqual([3, 2, 5, 4, 0, 4]);
    expect(tokenizer.decode([3, 2, 5, 0, 4], { skipSpecialTokens: true })).toBe("ab<go>a");
    expect(
      tokenizer.encode("a<s>", { parseSpecialTokens: false, addSpecialTokens: false })[0],
    ).toBe(0);
  });

  it("has its chat templates by name", async () => {
    const templates = [
      textKey("tokenizer.chat_template", "{{ messages[0]['content'] }}!"),
      textKey("tokenizer.chat_template.tool_use", "tools"),
    ];
    const path = put("chat.gguf", ...templates);
    const prompts = await openChatPrompts(path);
    expect(prompts.encode([{ role: "user", content: "ab" }])[0]).toBe(2);
    expect([...prompts.tokenizer.settings.chatTemplates.keys()]).toEqual(["default", "tool_use"]);
  });

  it("is used before the files of its folder, which stand in where it says nothing", async () => {
    expect(await modelHome(put("own.gguf"))).toBe(join(folder, "own.gguf"));
    expect(await modelHome(join(GGUF, "qwen2.gguf"))).toBe(GGUF);
  });

  it.each([
    ["WB4801", "an unknown pre-tokenizer", textKey("tokenizer.ggml.pre", "else")],
    ["WB4801", "another kind", textKey("tokenizer.ggml.model", "t5")],
    ["WB3511", "an id beyond the vocabulary", numberKey("tokenizer.ggml.bos_token_id", 6)],
    ["WB3511", "a type too few", numbersKey("tokenizer.ggml.token_type", [1])],
    ["WB3511", "numbers for texts", numbersKey("tokenizer.ggml.merges", [1])],
    ["WB3511", "texts for numbers", textsKey("tokenizer.ggml.scores", ["a"])],
    ["WB3511", "a text for a list", textKey("tokenizer.ggml.merges", "a b")],
  ])("%s: %s is refused", async (code, what, key) => {
    const path = put(`${what.replaceAll(" ", "-")}.gguf`, key);
    expect((await caught(() => openTokenizer(path))).code).toBe(code);
  });

  it("has SentencePiece's usual ids where it says none, and none where it says so", async () => {
    const model = textKey("tokenizer.ggml.model", "llama");
    const { settings } = await openTokenizer(put("usual.gguf", model, noToken("bos")));
    expect([settings.bosId, settings.eosId, settings.padId]).toEqual([undefined, 4, undefined]);
    expect(settings.specialTokens["unk_token"]).toBe("a");
  });

  it("is not converted where it is not known, which is told", async () => {
    const path = put("t5.gguf", textKey("tokenizer.ggml.model", "t5"));
    const { notes } = await convert(path, join(tmpdir(), `weighbridge-t5-${process.pid}`), {
      dryRun: true,
      architecture: "none",
    });
    expect(notes.join("\n")).toContain("the tokenizer is not written: ");
  });
});

describe("a damaged tokenizer", () => {
  const kinds = [
    ["gpt2", textKey("tokenizer.ggml.model", "gpt2"), 3],
    // Each of these is written into a file for the library.
    ["llama", textKey("tokenizer.ggml.model", "llama"), 29],
  ] as const;

  it.each(kinds)(
    "%s: is read or refused, whatever byte is another or missing",
    async (kind, key, step) => {
      const whole = readFileSync(
        put(`${kind}.gguf`, key, textKey("tokenizer.chat_template", "{{ 1 }}")),
      );
      const path = join(folder, `damaged-${kind}.gguf`);
      const read = async (bytes: Uint8Array): Promise<string> => {
        writeFileSync(path, bytes);
        try {
          return `${(await openTokenizer(path)).size}`;
        } catch (error) {
          if (error instanceof WbError) return error.code;
          throw error;
        }
      };
      const seen = new Set<string>();
      for (let length = 0; length < whole.byteLength; length += step)
        seen.add(await read(whole.subarray(0, length)));
      for (let at = 4; at < whole.byteLength; at += step) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (at % 3 === 0 ? 0xff : 1 << (at % 8));
        seen.add(await read(bytes));
      }
      // Neither a bug of ours nor a wait: every failure has a code that says what is wrong.
      expect([...seen].filter((code) => code.startsWith("WB7"))).toEqual([]);
      expect(seen.size).toBeGreaterThan(3);
      expect(seen).toContain("WB3511");
    },
  );
});
