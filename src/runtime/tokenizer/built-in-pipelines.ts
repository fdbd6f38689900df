import type { RawConfig } from "../../model/config/fields.ts";

/** What a class of transformers puts around its vocabulary, as tokenizer.json would have it. */
export type BuiltIn = Readonly<Record<string, unknown>>;

/** Pattern of LLaMA 3's tokenizer, and of transformers for tiktoken's files. */
const LLAMA3_PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const QWEN2_PATTERN = LLAMA3_PATTERN.replace("{1,3}", "");

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

function splitBy(pattern: string): BuiltIn {
  return {
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
        BYTE_LEVEL,
      ],
    },
    decoder: BYTE_LEVEL,
  };
}

/** Of transformers' GPT2Tokenizer. */
export function gpt2Pipeline(config: RawConfig): BuiltIn {
  const prefixes = config["add_prefix_space"] === true;
  return {
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefixes, use_regex: true },
    decoder: BYTE_LEVEL,
  };
}

export function qwen2Pipeline(): BuiltIn {
  return { ...splitBy(QWEN2_PATTERN), normalizer: { type: "NFC" } };
}

export function tiktokenPipeline(): BuiltIn {
  return splitBy(LLAMA3_PATTERN);
}

/** Of transformers' RobertaTokenizer. */
export function robertaPipeline(
  config: RawConfig,
  idOf: (token: string) => number | undefined,
): BuiltIn {
  const pair = (token: string): readonly unknown[] => [token, idOf(token)];
  return {
    ...gpt2Pipeline(config),
    post_processor: { type: "RobertaProcessing", sep: pair("</s>"), cls: pair("<s>") },
  };
}

/** Of transformers' BertTokenizer. */
export function bertPipeline(
  config: RawConfig,
  idOf: (token: string) => number | undefined,
): BuiltIn {
  const named = (key: string, fallback: string): string =>
    typeof config[key] === "string" ? config[key] : fallback;
  const separator = named("sep_token", "[SEP]");
  const beginning = named("cls_token", "[CLS]");
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config["tokenize_chinese_chars"] !== false,
      strip_accents: config["strip_accents"] ?? null,
      lowercase: config["do_lower_case"] !== false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "BertProcessing",
      sep: [separator, idOf(separator)],
      cls: [beginning, idOf(beginning)],
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  };
}
