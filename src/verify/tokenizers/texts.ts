import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { DEFAULT_PROMPTS } from "../prompts.ts";

/** A text that two tokenizers are asked for, and whether any two of one vocabulary must agree on it. */
interface ComparedText {
  readonly text: string;
  /** False for odd spaces and for special tokens in a text: slow and fast classes of one tokenizer treat them differently. */
  readonly isPlain: boolean;
}

/** Words, numbers and signs of many scripts, with single spaces between words alone. */
const PLAIN: readonly string[] = [
  ...DEFAULT_PROMPTS.filter((text) => !/\s\s|\n/.test(text)),
  "Hello, world! It's the 3rd of May, 2023: 1234567890 + 3.14159 = ?",
  "don't we'll I'm you've o'clock HTTP/2 snake_case camelCase x86_64",
  "price: $1,299.99 (€1.199,00) at 50% off, #1 @home & away",
  "naïve café Zürich São Paulo Ångström façade Œuvre ﬁne",
  "e\u0301 n\u0303 o\u0308 und ö",
  "你好，世界！今天天气很好。",
  "繁體中文與简体中文，１２３ＡＢＣ",
  "日本語のテキスト、カタカナとひらがな。",
  "한국어 문장도 있습니다.",
  "Привет, мир! Съешь ещё этих булок",
  "مرحبا بالعالم",
  "שלום עולם",
  "नमस्ते दुनिया",
  "สวัสดีชาวโลก",
  "Γειά σου Κόσμε",
  "🌸🌍 👩‍👩‍👧‍👦 👍🏽 🇨🇳",
  "∑∫√ ≤≥ ≠ α β γ → ⇒ ∀x∈ℝ",
  "SELECT * FROM t WHERE id=42;",
  "def f(x): return x**2 + 1",
  "https://example.com/a?b=c&d=%20#e",
  "𝕳𝖊𝖑𝖑𝖔 𠜎𠜱",
];

const ODD_SPACES: readonly string[] = [
  ...DEFAULT_PROMPTS.filter((text) => /\s\s|\n/.test(text)),
  " leading",
  "trailing ",
  "two  spaces and   three",
  "tab\tnewline\nboth\r\n\n\nend",
  "full\u3000width\u00a0space\u200bzero",
  "▁ and ▁▁ itself",
  "",
  " ",
];

/** Special tokens that texts are made of, of each side. */
const MOST_TOKENS = 24;

/** What two tokenizers are compared on: fixed texts, and texts with the special tokens of both. */
export function comparedTexts(tokenizers: readonly Tokenizer[]): readonly ComparedText[] {
  const tokens = new Set(
    tokenizers.flatMap(({ settings }) =>
      settings.addedTokens.slice(0, MOST_TOKENS).map(({ content }) => content),
    ),
  );
  const withTokens = [...tokens].flatMap((token) => [token, `a${token}b`, `one ${token} two`]);
  return [
    ...PLAIN.map((text) => ({ text, isPlain: true })),
    ...[...ODD_SPACES, ...withTokens].map((text) => ({ text, isPlain: false })),
  ];
}
