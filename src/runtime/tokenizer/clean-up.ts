/** In this order; transformers v4.36.2, tokenization_utils_base.py, `clean_up_tokenization`. */
const REPLACEMENTS: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Closes up English punctuation. It loses information: "= ?" comes back as "=?". */
export function cleanUpTokenization(text: string): string {
  return REPLACEMENTS.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}
