import { trimmedEnd } from "./normalizers.ts";

/** A token that is cut out of the text, as `tokenizers` describes it. */
export interface PipelineToken {
  readonly content: string;
  readonly id: number;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly singleWord: boolean;
  /** Looked for in the normalised text, in its own normalised form. */
  readonly normalized: boolean;
}

/** A stretch of text, or a token that was cut out. */
export type Section =
  | { readonly kind: "text"; readonly text: string; readonly begin: number }
  | { readonly kind: "token"; readonly id: number };

/** Looks for tokens in a text: the leftmost first, of those at one place the longest. */
export class TokenFinder {
  readonly #root: FinderNode = { children: new Map() };

  constructor(tokens: readonly (readonly [string, PipelineToken])[]) {
    for (const [content, token] of tokens) {
      if (content === "") continue;
      let node = this.#root;
      for (let index = 0; index < content.length; index++) {
        const unit = content.charCodeAt(index);
        const child: FinderNode = node.children.get(unit) ?? { children: new Map() };
        node.children.set(unit, child);
        node = child;
      }
      // Of two with the same text the first counts.
      node.token ??= token;
    }
  }

  /** @param leaves Tokens that stay text. */
  cut(text: string, leaves: (token: PipelineToken) => boolean): readonly Section[] {
    if (this.#root.children.size === 0)
      return text === "" ? [] : [{ kind: "text", text, begin: 0 }];
    const sections: Section[] = [];
    let shown = 0;
    for (let at = 0; at < text.length;) {
      const found = this.#longestAt(text, at);
      if (found === undefined) {
        at++;
        continue;
      }
      const { token, end } = found;
      const begin = at;
      // The search goes on where the token's own text ends, whatever white space it swallows, as in the library.
      at = end;
      if (leaves(token) || (token.singleWord && !standsAlone(text, begin, end))) continue;
      const first = token.lstrip ? beginOfSpaces(text, shown, begin) : begin;
      const last = token.rstrip ? endOfSpaces(text, end) : end;
      if (first > shown)
        sections.push({ kind: "text", text: text.slice(shown, first), begin: shown });
      // One whose text an earlier token swallowed is gone, if it swallows white space before itself, too.
      if (first < last) sections.push({ kind: "token", id: token.id });
      shown = last;
    }
    if (shown < text.length) sections.push({ kind: "text", text: text.slice(shown), begin: shown });
    return sections;
  }

  #longestAt(text: string, at: number): Found | undefined {
    let node = this.#root;
    let found: Found | undefined;
    for (let index = at; index < text.length; index++) {
      const child = node.children.get(text.charCodeAt(index));
      if (child === undefined) break;
      node = child;
      if (node.token !== undefined) found = { token: node.token, end: index + 1 };
    }
    return found;
  }
}

interface Found {
  readonly token: PipelineToken;
  readonly end: number;
}

interface FinderNode {
  readonly children: Map<number, FinderNode>;
  token?: PipelineToken;
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

function standsAlone(text: string, begin: number, end: number): boolean {
  const before = begin === 0 ? "" : characterBefore(text, begin);
  const behind = end >= text.length ? "" : String.fromCodePoint(text.codePointAt(end) ?? 0);
  return !WORD.test(before) && !WORD.test(behind);
}

function characterBefore(text: string, end: number): string {
  const unit = text.charCodeAt(end - 1);
  const isLow = unit >= 0xdc00 && unit < 0xe000 && end > 1;
  return text.slice(isLow ? end - 2 : end - 1, end);
}

function beginOfSpaces(text: string, from: number, end: number): number {
  return from + trimmedEnd(text.slice(from, end)).length;
}

function endOfSpaces(text: string, begin: number): number {
  let end = begin;
  while (end < text.length && /\p{White_Space}/u.test(text[end] ?? "")) end++;
  return end;
}
