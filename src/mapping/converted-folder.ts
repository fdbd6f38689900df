/** What a conversion notes of each tensor: dtype, shape and SHA-256. */
export const MANIFEST = "weighbridge.manifest.json";

/** The config.json that the model was published with; a second conversion carries it on. */
export const ORIGINAL_CONFIG = "config.original.json";

/** Files that a tokenizer is described by; weights may begin with that word, too. */
export const TOKENIZER_FILES =
  /^(tokenizer.*(?<!\.(gguf|safetensors|bin|pt|pth|pdparams))|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|(sentencepiece(\.bpe)?|spiece)\.model)$/;
