import type { PipelineToken } from "./added-tokens.ts";
import type { Subwords } from "./vocabulary.ts";

/**
 * Tokens with the ids that Python's `tokenizers` gives them, whatever the file says: the vocabulary's where it has the text, else the
 * next free one behind it, in the file's order. Of two with the same text the later one's settings count.
 */
export function placed(
  tokens: readonly PipelineToken[],
  subwords: Subwords,
): readonly PipelineToken[] {
  const found = new Map<string, PipelineToken>();
  const specials = new Set<string>();
  let next = subwords.size;
  for (const token of tokens) {
    const { content } = token;
    if (content === "") continue;
    if (token.special) specials.add(content);
    const id = found.get(content)?.id ?? subwords.idOf(content) ?? next++;
    // What was special once stays so.
    found.set(content, { ...token, id, special: specials.has(content) });
  }
  return [...found.values()];
}
