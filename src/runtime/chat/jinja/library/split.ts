import { isSpace, trimEnd, trimStart } from "../values/text.ts";

/** Python's `text.split(separator, most)`. */
export function splitFromLeft(text: string, separator: string, most: number): string[] {
  const parts = text.split(separator);
  if (parts.length - 1 <= most) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

/** Python's `text.rsplit(separator, most)`: also where separators overlap, those nearest to the end count. */
export function splitFromRight(text: string, separator: string, most: number): string[] {
  const parts: string[] = [];
  let end = text.length;
  while (parts.length < most) {
    const at = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (at === -1) break;
    parts.push(text.slice(at + separator.length, end));
    end = at;
  }
  return [...parts, text.slice(0, end)].toReversed();
}

/** Python's `text.split(None, most)`: runs of white space separate, and none stands at the ends. */
export function splitOnSpace(text: string, most: number): string[] {
  const words: string[] = [];
  let rest = trimStart(text);
  while (rest !== "") {
    if (words.length >= most) return [...words, rest];
    let end = 0;
    while (end < rest.length && !isSpace(rest[end] ?? "")) end++;
    words.push(rest.slice(0, end));
    let next = end;
    while (next < rest.length && isSpace(rest[next] ?? "")) next++;
    rest = rest.slice(next);
  }
  return words;
}

/** Python's `text.rsplit(None, most)`. */
export function splitOnSpaceFromRight(text: string, most: number): string[] {
  const words: string[] = [];
  let rest = trimEnd(text);
  while (rest !== "") {
    if (words.length >= most) return [...words, rest].toReversed();
    let begin = rest.length;
    while (begin > 0 && !isSpace(rest[begin - 1] ?? "")) begin--;
    words.push(rest.slice(begin));
    rest = trimEnd(rest.slice(0, begin));
  }
  return words.toReversed();
}
