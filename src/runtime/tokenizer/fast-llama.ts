import { withSettings } from "./json-tokenizer.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline } from "./pipeline/pipeline.ts";
import { sentencePieceJson } from "./sentencepiece-json.ts";
import type { SentencePieceModel } from "./sentencepiece-model.ts";
import type { TokenizerSettings } from "./special-tokens.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

/** What the class has where tokenizer_config.json says nothing; the slow one adds a beginning unasked. */
const CLASS_DEFAULTS = {
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  add_bos_token: false,
  add_eos_token: false,
} as const;

/**
 * LLaMA's SentencePiece model as transformers 5.23 reads it (v5.23.0, models/llama/tokenization_llama.py). Without a `legacy` key the
 * fast class has the dummy prefix before the first text alone, where the slow one has it before every text.
 * @throws WbError WB3803, WB4801.
 */
export async function openFastLlama(
  files: ModelFiles,
  path: string,
  model: SentencePieceModel,
  settings: TokenizerSettings,
): Promise<Tokenizer> {
  const tokens = new Map(
    settings.addedTokens.map(({ singleWord = false, normalized, special, ...token }) => [
      token.id,
      { ...token, special, single_word: singleWord, normalized: normalized ?? !special },
    ]),
  );
  // Control pieces are special tokens, and pieces that the model's users defined are added ones.
  for (const [id, { text, type }] of model.pieces.entries()) {
    if (tokens.has(id) || (type !== "control" && type !== "user-defined")) continue;
    tokens.set(id, {
      id,
      content: text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: type === "control",
    });
  }
  const prepend = settings.saysLegacy === true ? "always" : "first";
  const json = sentencePieceJson(model, prepend, [...tokens.values()]);
  return withSettings(files, readPipeline(new JsonPart(json, path, "tokenizer")), {
    ...CLASS_DEFAULTS,
  });
}
