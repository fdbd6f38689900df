import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { formNotes } from "../../src/session/form-notes.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const LLAMA = join(FIXTURES, "tokenizers/llama");
describe("LLaMA's two classes", () => {
  let fast = "";
  beforeAll(() => {
    fast = mkdtempSync(join(tmpdir(), "weighbridge-fast-llama-"));
    copyFileSync(join(LLAMA, "tokenizer.model"), join(fast, "tokenizer.model"));
    writeFileSync(
      join(fast, "tokenizer_config.json"),
      JSON.stringify({ tokenizer_class: "LlamaTokenizer", backend: "tokenizers", legacy: true }),
    );
  });
  afterAll(() => rmSync(fast, { recursive: true, force: true }));

  it("are chosen by what the folder says, and by name", async () => {
    expect((await openTokenizer(LLAMA)).form).toBe("slow");
    expect((await openTokenizer(LLAMA, "fast")).form).toBe("fast");
    expect((await openTokenizer(fast)).form).toBe("fast");
    expect((await openTokenizer(fast, "slow")).form).toBe("slow");
  });

  it("are the fast one's where the folder has a tokenizer.json, which the slow class never reads", async () => {
    const both = join(fast, "both");
    cpSync(LLAMA, both, { recursive: true });
    const json = join(FIXTURES, "tokenizers/json/deepseek/tokenizer.json");
    copyFileSync(json, join(both, "tokenizer.json"));
    const tokenizer = await openTokenizer(both);
    expect(tokenizer.form).toBe("fast");
    // AutoTokenizer of transformers 5.23.0 on this model with the tokenizer.json that it saves.
    expect([...tokenizer.encode("<s> hello world")]).toEqual([
      1, 1, 410, 427, 278, 261, 423, 420, 427, 424,
    ]);
    expect((await openTokenizer(both, "slow")).form).toBe("slow");
  });

  it("are told of where a prompt has other ids", async () => {
    const slow = await openTokenizer(LLAMA);
    // transformers 4.36.2 and 5.23.0 on this folder.
    expect(await formNotes(slow, ["hello", "<s> hello world"])).toEqual([
      "tokenizer: ids as of LlamaTokenizer in transformers 4; transformers 5 gives a prompt others from token 2 on, 410, 427, 278, 261, … for 264, 260, 427, 278, …; --tokenizer fast takes those",
    ]);
    const [note] = await formNotes(await openTokenizer(LLAMA, "fast"), ["<s> hello world"]);
    expect(note).toContain("from token 2 on, 264, 260,");
  });

  it("are not told of where prompts have the same ids, or there is no tokenizer", async () => {
    const slow = await openTokenizer(LLAMA);
    expect(await formNotes(slow, ["hello", ""])).toEqual([]);
    expect(await formNotes(undefined, ["<s> hello world"])).toEqual([]);
  });

  it("are refused of a tokenizer that has one", async () => {
    const other = await caught(() => openTokenizer(join(FIXTURES, "tokenizers/chatglm2"), "fast"));
    expect(other.code).toBe("WB4801");
    expect(other.message).toMatch(/the fast class was asked for, and only/);
    const json = join(FIXTURES, "tokenizers/json");
    expect((await caught(() => openTokenizer(json, "slow"))).code).toMatch(/^WB(?:4801|3801)$/);
  });
});
