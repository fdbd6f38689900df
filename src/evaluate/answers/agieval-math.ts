import { insideBoxed, lastBoxed } from "./boxed.ts";
import { strip } from "./python.ts";

const PREFIXES = ["The answer is therefore", "答案是"];

/** The answer of AGIEval's cloze questions: in the last box, between dollars, behind the last "=", or the last number. */
export function agievalMathAnswer(text: string): string | undefined {
  const rest = PREFIXES.reduce(behindPrefix, text);
  if (rest.includes(String.raw`\boxed`)) {
    const inside = insideBoxed(lastBoxed(rest) ?? "");
    return inside === undefined ? undefined : behindEquals(inside);
  }
  const dollars = between(rest);
  if (dollars !== undefined && dollars !== "") return dollars;
  return rest.includes("=") ? rightSide(rest) : lastNumber(rest);
}

function behindPrefix(text: string, prefix: string): string {
  if (text.startsWith(prefix)) return strip(text.slice(prefix.length));
  const index = text.lastIndexOf(prefix);
  return index < 0 ? text : strip(text.slice(index + prefix.length));
}

/** The last line's part from its first dollar to its last. */
function between(text: string): string | undefined {
  const last = [...text.matchAll(/\$([^\n]*)\$/g)].at(-1)?.[1];
  return last === undefined ? undefined : behindEquals(last);
}

function behindEquals(text: string): string {
  return text.includes("=") ? (text.split("=").at(-1) ?? "").replace(/^ +/, "") : text;
}

function rightSide(text: string): string {
  const right = behindEquals(text).replace(/\.+$/, "");
  // A backslash and an n, not a line end: what the original looks for.
  return right.split(String.raw`\n`)[0] ?? "";
}

function lastNumber(text: string): string | undefined {
  return [...text.matchAll(/\$?\p{Nd}+(?:\.\p{Nd}+)?(?![\p{L}\p{N}_])/gu)].at(-1)?.[0];
}
