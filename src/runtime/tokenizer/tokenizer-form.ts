import type { RawConfig } from "../../model/config/fields.ts";
import type { TOKENIZER_FORMS } from "../../options/choices.ts";

/**
 * Which of transformers' classes LLaMA's SentencePiece model is read as, whose ids differ: the slow one of transformers 4, in Python
 * around SentencePiece, or the fast one, which is the only one of transformers 5.
 */
export type TokenizerForm = (typeof TOKENIZER_FORMS)[number];

/**
 * What a tokenizer_config.json says by itself: transformers 4 writes the name of a fast class with "Fast" behind it, and transformers
 * 5.23 the key `backend`. Undefined where it names the class that both have.
 */
export function formOf(config: RawConfig): TokenizerForm | undefined {
  const { tokenizer_class: name, backend } = config;
  if (backend === "tokenizers" || (typeof name === "string" && name.endsWith("Fast")))
    return "fast";
  return undefined;
}
