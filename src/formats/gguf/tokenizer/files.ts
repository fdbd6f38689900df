import { WbError } from "../../../errors/wb-error.ts";
import { addedTokens, byteLevelTokenizer } from "./byte-level.ts";
import type { GgufTokenizer } from "./facts.ts";
import { sentencePieceFile } from "./sentencepiece-file.ts";

/**
 * The files that transformers keeps a tokenizer in, from what a GGUF file says of it: tokenizer.json for "gpt2", SentencePiece's
 * tokenizer.model for "llama"; tokenizer_config.json with the chat template for both.
 * @throws WbError WB4801 for another kind of tokenizer.
 */
export function tokenizerFiles(facts: GgufTokenizer): ReadonlyMap<string, Uint8Array> {
  const { model, path } = facts;
  switch (model) {
    case "gpt2":
      return new Map([
        ["tokenizer.json", json(byteLevelTokenizer(facts))],
        ["tokenizer_config.json", json({ ...common(facts), ...FAST })],
      ]);
    case "llama":
      return new Map([
        ["tokenizer.model", sentencePieceFile(facts)],
        ["tokenizer_config.json", json({ ...common(facts), ...slow(facts) })],
      ]);
    default:
      throw new WbError(
        "WB4801",
        `${path}: tokenizer.ggml.model ${JSON.stringify(model)}: expected "gpt2" or "llama"; put the original model's tokenizer files into a folder with the weights`,
        { details: { path } },
      );
  }
}

/** The class that takes tokenizer.json as it is. */
const FAST = { tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false };

function slow(facts: GgufTokenizer): Readonly<Record<string, unknown>> {
  return {
    tokenizer_class: facts.architecture.startsWith("gemma") ? "GemmaTokenizer" : "LlamaTokenizer",
    add_bos_token: facts.addBos ?? true,
    add_eos_token: facts.addEos ?? false,
    // llama.cpp puts a space before every stretch of text between special tokens, as this does.
    legacy: true,
    clean_up_tokenization_spaces: false,
    added_tokens_decoder: Object.fromEntries(
      addedTokens(facts).map(({ id, ...token }) => [String(id), token] as const),
    ),
  };
}

function common(facts: GgufTokenizer): Readonly<Record<string, unknown>> {
  const { tokens, ids, chatTemplates } = facts;
  const named = (["bos", "eos", "unk", "pad"] as const).map((name) => {
    const id = ids[name];
    return [`${name}_token`, id === undefined ? null : (tokens[id] ?? null)] as const;
  });
  const only = chatTemplates.size === 1 ? chatTemplates.get("default") : undefined;
  const templates = [...chatTemplates].map(([name, template]) => ({ name, template }));
  return {
    ...Object.fromEntries(named),
    ...(chatTemplates.size === 0 ? {} : { chat_template: only ?? templates }),
  };
}

function json(value: Readonly<Record<string, unknown>>): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}
