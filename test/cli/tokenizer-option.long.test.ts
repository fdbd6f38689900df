import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRecord } from "../support/is-record.ts";
import { runCli } from "../support/cli.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

/** A LLaMA of 352 tokens with a SentencePiece model of more: texts of low ids alone can be run. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-tokenizer-option-"));
  cpSync(join(FIXTURES, "llama-tied"), folder, { recursive: true });
  cpSync(join(FIXTURES, "tokenizers/llama"), folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wasm = ["--device", "wasm"];

/** Ids of a text as `logits` takes them, or the code of its failure. */
function idsOf(text: string, ...form: readonly string[]): unknown {
  const { json } = runCli("logits", folder, "--prompt", text, ...wasm, ...form);
  return isRecord(json["error"]) ? json["error"]["code"] : json["inputIds"];
}

describe("--tokenizer", () => {
  it("reads LLaMA's SentencePiece model as the class that is named", () => {
    // LlamaTokenizerFast and LlamaTokenizer of transformers 4.36.2 on this file; 414 is beyond the model's vocabulary.
    expect(idsOf("<s> a", "--tokenizer", "fast")).toEqual([[1, 1, 263]]);
    expect(idsOf("<s> a")).toBe("WB3804");
    expect(idsOf("<s> é", "--tokenizer", "slow")).toEqual([[1, 1, 264, 198, 172]]);
    expect(idsOf("<s> é", "--tokenizer", "fast")).toBe("WB3804");
    expect(idsOf("a", "--tokenizer", "quick")).toBe("WB2001");
  });

  it("is heeded by generate, golden and verify alike", () => {
    const golden = join(folder, "golden.safetensors");
    const fast = ["--tokenizer", "fast", ...wasm];
    const made = runCli("generate", folder, "--prompt", "<s> a", "--max-new-tokens", "2", ...fast);
    const { ids } = made.json;
    expect(Array.isArray(ids) && ids.slice(0, 3)).toEqual([1, 1, 263]);
    const recorded = runCli(
      "golden",
      "record",
      folder,
      "--out",
      golden,
      "--prompt",
      "<s> a",
      ...fast,
    );
    expect(recorded.status).toBe(0);
    expect(runCli("verify", folder, "--golden", golden, ...fast).status).toBe(0);
    const other = runCli("verify", folder, "--golden", golden, ...wasm);
    expect([other.status, JSON.stringify(other.json["diagnosis"])]).toEqual([
      1,
      expect.stringContaining('"tokenizer"'),
    ]);
  });

  it("is refused where a tokenizer has one class", () => {
    cpSync(join(FIXTURES, "tokenizers/chatglm2"), join(folder, "one"), { recursive: true });
    cpSync(join(FIXTURES, "llama-tied"), join(folder, "one"), { recursive: true });
    const one = join(folder, "one");
    const { status, json } = runCli("logits", one, "--prompt", "a", "--tokenizer", "fast", ...wasm);
    expect([status, json["error"]]).toEqual([4, expect.objectContaining({ code: "WB4801" })]);
  });
});
