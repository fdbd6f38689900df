/** What cuts a text into words before BPE, and what goes with it. */
export interface PreTokenizer {
  /** As tokenizer.json has it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** A word that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean;
  /** Whether the beginning-of-text token is put in front where the file does not say. */
  readonly addsBos: boolean;
  readonly normalizer?: Readonly<Record<string, unknown>>;
}

/** The ByteLevel step of tokenizer.json, without a pattern of its own. */
export const BYTES_ONLY = {
  type: "ByteLevel",
  add_prefix_space: false,
  // The library does not do without it.
  trim_offsets: true,
  use_regex: false,
};

/** GPT-2's pattern, which `tokenizers` has built in. */
const GPT2 = { ...BYTES_ONLY, use_regex: true };
const DIGITS = { type: "Digits", individual_digits: true };

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LETTERS = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const LINES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const SIGNS = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const CASED = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`;
const CAPITALS = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`;
const SLASHED = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`;

function sequence(...steps: readonly unknown[]): Readonly<Record<string, unknown>> {
  return { type: "Sequence", pretokenizers: steps };
}

function splits(...parts: readonly string[]): Readonly<Record<string, unknown>> {
  const pattern = { Regex: parts.join("|") };
  return sequence({ type: "Split", pattern, behavior: "Isolated", invert: false }, BYTES_ONLY);
}

const THREE_DIGITS = String.raw`\p{N}{1,3}`;
const ONE_DIGIT = String.raw`\p{N}`;
const LLAMA3 = splits(CONTRACTIONS, LETTERS, THREE_DIGITS, SIGNS, LINES);
const QWEN2 = splits(CONTRACTIONS, LETTERS, ONE_DIGIT, SIGNS, LINES);

type Traits = Partial<Pick<PreTokenizer, "ignoresMerges" | "addsBos" | "normalizer">>;

function all(
  names: string,
  json: PreTokenizer["json"],
  traits: Traits = {},
): readonly (readonly [string, PreTokenizer])[] {
  const row = { json, ignoresMerges: false, addsBos: false, ...traits };
  return names.split(" ").map((name) => [name, row] as const);
}

const NFC = { type: "NFC" };

/**
 * Pre-tokenizers by llama.cpp's names (`tokenizer.ggml.pre`; llama-cpp-python 0.3.36, src/llama-vocab.cpp, `llm_tokenizer_bpe`
 * and `llama_vocab::impl::load`): of each the original tokenizer's own pattern, which llama.cpp quotes beside what it runs.
 */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ...all("gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 a.x-4.0 mellum", GPT2),
  ...all(
    "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
    sequence(DIGITS, GPT2),
  ),
  ...all("llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", LLAMA3, {
    ignoresMerges: true,
    addsBos: true,
  }),
  ...all("smaug-bpe dbrx chatglm-bpe", LLAMA3),
  ...all("glm4", LLAMA3, { ignoresMerges: true }),
  ...all("qwen2 deepseek-r1-qwen kormo megrez", QWEN2, { normalizer: NFC }),
  ...all("stablelm2 hunyuan solar-open grok-2", QWEN2),
  ...all(
    "seed-coder",
    splits(CONTRACTIONS, LETTERS, ONE_DIGIT, String.raw` ?[^\s\p{L}\p{N}\r\n]+`, LINES),
  ),
  ...all("tekken", splits(CASED, CAPITALS, ONE_DIGIT, SLASHED, LINES), {
    ignoresMerges: true,
    addsBos: true,
  }),
  ...all(
    "gpt-4o llama4 kanana2",
    splits(`${CASED}${CONTRACTIONS}?`, `${CAPITALS}${CONTRACTIONS}?`, THREE_DIGITS, SLASHED, LINES),
  ),
]);

/** llama.cpp's name of how a tokenizer.json cuts texts into words; undefined where it has none that is known. */
export function preTokenizerName(json: Readonly<Record<string, unknown>>): string | undefined {
  const model: unknown = json["model"];
  const ignores = isRecord(model) && model["ignore_merges"] === true;
  const wanted = canonical(json["pre_tokenizer"]);
  const fitting = [...PRE_TOKENIZERS].filter(
    ([, { json: known, ignoresMerges }]) =>
      canonical(known) === wanted && ignoresMerges === ignores,
  );
  const isComposed = isRecord(json["normalizer"]) && json["normalizer"]["type"] === "NFC";
  const exact = fitting.find(([, { normalizer }]) => (normalizer !== undefined) === isComposed);
  return exact?.[0];
}

/** What a pre-tokenizer does, without what only moves offsets. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key: string, field: unknown) => {
    if (key === "trim_offsets" || key === "invert") return undefined;
    if (!isRecord(field)) return field;
    return Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
