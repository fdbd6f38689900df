import type { AddedToken } from "./special-tokens.ts";

/** A stretch of ordinary text, or one added token. */
export type TextPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "token"; readonly token: AddedToken };

/** Cuts added tokens out of text, the longest first where two begin at one place, as transformers' trie does. */
export function specialSplitter(
  tokens: readonly AddedToken[],
): (text: string) => readonly TextPart[] {
  if (tokens.length === 0) return (text) => (text === "" ? [] : [{ kind: "text", text }]);
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const alternatives = [...byContent.keys()]
    .sort((left, right) => right.length - left.length)
    .map(escapePattern);
  const pattern = new RegExp(alternatives.join("|"), "gu");
  return (text) => {
    const parts: TextPart[] = [];
    let position = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0]);
      if (token === undefined) continue;
      pushText(parts, text.slice(position, match.index), token);
      parts.push({ kind: "token", token });
      position = match.index + match[0].length;
    }
    pushText(parts, text.slice(position), undefined);
    return parts;
  };
}

/** Adds text between two tokens, less the white space that its neighbours swallow. */
function pushText(parts: TextPart[], between: string, next: AddedToken | undefined): void {
  const previous = parts.at(-1);
  let text = between;
  if (previous?.kind === "token" && previous.token.rstrip) text = text.trimStart();
  if (next?.lstrip === true) text = text.trimEnd();
  if (text !== "") parts.push({ kind: "text", text });
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
