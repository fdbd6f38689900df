import type { ByteSource } from "../../../tensor/byte-source.ts";
import { readNumbers, readTexts } from "../arrays.ts";
import { damaged } from "../cursor.ts";
import type { GgufHeader, GgufValue } from "../header.ts";

/** Types of a token (llama.cpp b4500, include/llama.h, `llama_token_type`); SentencePiece's numbers. */
export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;
export const UNUSED = 5;

/** What a GGUF file says of its tokenizer (ggml, docs/gguf.md, "Tokenizer"). */
export interface GgufTokenizer {
  readonly path: string;
  /** "gpt2" for BPE of bytes, "llama" for SentencePiece's BPE, and others. */
  readonly model: string;
  /** llama.cpp's name of what cuts texts into words. */
  readonly pre: string;
  /** Of the network, such as "llama" or "gemma3". */
  readonly architecture: string;
  readonly tokens: readonly string[];
  /** One a token. */
  readonly types: readonly number[];
  readonly scores: readonly number[];
  readonly merges: readonly string[];
  readonly ids: Readonly<Partial<Record<TokenName, number | undefined>>>;
  readonly addBos: boolean | undefined;
  readonly addEos: boolean | undefined;
  readonly addSpacePrefix: boolean | undefined;
  readonly removeExtraSpaces: boolean;
  /** Jinja sources by name; the one that is taken unasked is "default". */
  readonly chatTemplates: ReadonlyMap<string, string>;
}

export type TokenName = "bos" | "eos" | "unk" | "pad";

const ID_KEYS = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  unk: "unknown_token_id",
  pad: "padding_token_id",
} as const;

const PREFIX = "tokenizer.ggml.";
const TEMPLATE = "tokenizer.chat_template";

/** Whether a file says anything of a tokenizer. */
export function hasTokenizer({ metadata }: GgufHeader): boolean {
  return metadata.has(`${PREFIX}model`) && metadata.has(`${PREFIX}tokens`);
}

/** Reads it. @throws WbError WB3511 for what is no tokenizer, WB5511. */
export async function readTokenizerFacts(
  source: ByteSource,
  header: GgufHeader,
): Promise<GgufTokenizer> {
  const { metadata } = header;
  const text = (key: string): string => textOf(metadata.get(key));
  const flag = (name: string): boolean | undefined => {
    const value = metadata.get(PREFIX + name);
    return typeof value === "boolean" ? value : undefined;
  };
  const tokens = (await readTexts(source, header, `${PREFIX}tokens`)) ?? [];
  const list = async (name: string, fallback: number): Promise<readonly number[]> => {
    const found = await readNumbers(source, header, PREFIX + name);
    if (found === undefined) return tokens.map(() => fallback);
    if (found.length === tokens.length) return found;
    throw damaged(
      source.label,
      0,
      `${PREFIX}${name} has ${found.length} items, expected one for each of ${tokens.length} tokens`,
    );
  };
  return {
    path: source.label,
    model: text(`${PREFIX}model`),
    pre: text(`${PREFIX}pre`),
    architecture: text("general.architecture"),
    tokens,
    types: await list("token_type", NORMAL),
    scores: await list("scores", 0),
    merges: (await readTexts(source, header, `${PREFIX}merges`)) ?? [],
    ids: {
      ...(text(`${PREFIX}model`) === "llama" ? usualIds(tokens.length) : {}),
      ...readIds(metadata, tokens.length, source.label),
    },
    addBos: flag("add_bos_token"),
    addEos: flag("add_eos_token"),
    addSpacePrefix: flag("add_space_prefix"),
    removeExtraSpaces: flag("remove_extra_whitespaces") ?? false,
    chatTemplates: templatesOf(metadata),
  };
}

function textOf(value: GgufValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function readIds(
  metadata: GgufHeader["metadata"],
  count: number,
  path: string,
): GgufTokenizer["ids"] {
  const ids: Partial<Record<TokenName, number | undefined>> = {};
  for (const name of TOKEN_NAMES) {
    const key = PREFIX + ID_KEYS[name];
    const value = metadata.get(key);
    if (value === undefined) continue;
    const id = typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
    // "none" is written as the largest number of 32 bits.
    if (id === NO_TOKEN) {
      ids[name] = undefined;
      continue;
    }
    if (!(Number.isSafeInteger(id) && id >= 0 && id < count))
      throw damaged(path, 0, `${key} is ${String(id)}, expected one of ${count} tokens`);
    ids[name] = id;
  }
  return ids;
}

/** SentencePiece's, where a file does not say (llama-cpp-python 0.3.36, src/llama-vocab.cpp, `llama_vocab::impl::load`). */
function usualIds(count: number): GgufTokenizer["ids"] {
  return count > 2 ? { unk: 0, bos: 1, eos: 2 } : {};
}

const TOKEN_NAMES: readonly TokenName[] = ["bos", "eos", "unk", "pad"];
const NO_TOKEN = 2 ** 32 - 1;

function templatesOf(metadata: GgufHeader["metadata"]): ReadonlyMap<string, string> {
  const templates = new Map<string, string>();
  for (const [key, value] of metadata) {
    if (typeof value !== "string") continue;
    if (key === TEMPLATE) templates.set("default", value);
    else if (key.startsWith(`${TEMPLATE}.`)) templates.set(key.slice(TEMPLATE.length + 1), value);
  }
  return templates;
}
