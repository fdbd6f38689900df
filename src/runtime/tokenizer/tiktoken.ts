import { WbError } from "../../errors/wb-error.ts";
import { tiktokenPipeline } from "./built-in-pipelines.ts";
import { withSettings } from "./json-tokenizer.ts";
import { bytesAsToken } from "./pipeline/bytes-as-text.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline } from "./pipeline/pipeline.ts";
import { MAX_TOKENS } from "./pipeline/vocabulary.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import { readTokenizerText } from "./read-text.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

/** Control tokens of LLaMA 3, behind its ranks: meta-llama/llama3, llama/tokenizer.py, `Tokenizer.__init__`. */
const LLAMA3_TOKENS: readonly string[] = [
  "<|begin_of_text|>",
  "<|end_of_text|>",
  ...[0, 1, 2, 3].map(reserved),
  "<|start_header_id|>",
  "<|end_header_id|>",
  reserved(4),
  "<|eot_id|>",
  ...Array.from({ length: 246 }, (_, index) => reserved(index + 5)),
];

function reserved(index: number): string {
  return `<|reserved_special_token_${index}|>`;
}

/** Ranks of LLaMA 3's file; its control tokens follow them. */
const LLAMA3_RANKS = 128_000;

/**
 * LLaMA 3's tokenizer.model: a line a token, its bytes in base64 and its rank, which is its id. Merges are found again from the
 * ranks, as transformers' TikTokenConverter does.
 * @throws WbError WB3802.
 */
export async function openTiktoken(files: ModelFiles, name: string): Promise<Tokenizer> {
  const path = files.pathOf(name);
  const rankOf = readRanks(await readTokenizerText(files, name), path);
  const model = {
    type: "BPE",
    vocab: Object.fromEntries([...rankOf].map(([bytes, rank]) => [asToken(bytes), rank])),
    merges: mergesOf(rankOf),
    ignore_merges: true,
  };
  const isLlama3 = rankOf.size === LLAMA3_RANKS;
  const added = (isLlama3 ? LLAMA3_TOKENS : []).map((content, index) => ({
    content,
    id: LLAMA3_RANKS + index,
    special: true,
    normalized: false,
  }));
  const json = { model, added_tokens: added, ...tiktokenPipeline() };
  return withSettings(
    files,
    readPipeline(new JsonPart(json, path, "tokenizer")),
    isLlama3
      ? { bos_token: "<|begin_of_text|>", eos_token: "<|end_of_text|>", add_bos_token: true }
      : {},
  );
}

/** Lines of a token's bytes in base64 and its rank: meta-llama/llama3, llama/tokenizer.py, `load_tiktoken_bpe`. */
export function isTiktoken(bytes: Uint8Array): boolean {
  const begin = Buffer.from(bytes.subarray(0, 200)).toString("latin1");
  return /^[A-Za-z0-9+/]+={0,2} \d+\r?\n/.test(begin);
}

/** Ranks by token, its bytes as Latin-1. */
function readRanks(text: string, path: string): ReadonlyMap<string, number> {
  const rankOf = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const [token, rank, more] = line.split(" ");
    const id = Number(rank);
    const isToken = token !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(token);
    if (!isToken || more !== undefined || !Number.isSafeInteger(id) || id < 0)
      throw damaged(path, index, "bytes in base64 and a rank");
    if (rankOf.size >= MAX_TOKENS) throw damaged(path, index, `at most ${MAX_TOKENS} tokens`);
    rankOf.set(Buffer.from(token, "base64").toString("latin1"), id);
  }
  for (let byte = 0; byte < 256; byte++)
    if (!rankOf.has(String.fromCharCode(byte)))
      throw new WbError("WB3802", `${path}: expected a rank of each byte, found none of ${byte}`, {
        details: { path },
      });
  return rankOf;
}

function damaged(path: string, index: number, expected: string): WbError {
  return new WbError("WB3802", `${path}: line ${index + 1}: expected ${expected}`, {
    details: { path },
  });
}

/** Every way to make a token of two, the token of the lowest rank first. */
function mergesOf(rankOf: ReadonlyMap<string, number>): readonly (readonly [string, string])[] {
  const merges: { left: string; right: string; ranks: readonly [number, number, number] }[] = [];
  for (const [token, rank] of rankOf) {
    for (let cut = 1; cut < token.length; cut++) {
      const left = token.slice(0, cut);
      const right = token.slice(cut);
      const ranks = [rank, rankOf.get(left) ?? -1, rankOf.get(right) ?? -1] as const;
      if (ranks[1] >= 0 && ranks[2] >= 0) merges.push({ left, right, ranks });
    }
  }
  merges.sort(
    ({ ranks: one }, { ranks: other }) =>
      one[0] - other[0] || one[1] - other[1] || one[2] - other[2],
  );
  return merges.map(({ left, right }) => [asToken(left), asToken(right)]);
}

function asToken(latin1: string): string {
  return bytesAsToken(Buffer.from(latin1, "latin1"));
}
