/** What stands for a worked example, or for a label's text. */
const MARKS = new Set(["examples", "choice"]);

/** A name in braces, but inside of others, raised, lowered, escaped, or behind a command of TeX. */
const NAMES = /(?<![{^_\\]|\\[A-Za-z]+)\{([\p{L}_][\p{L}\p{N}_]*)\}/gu;

/** Names of columns that templates hold in braces. Braces behind others that hold none are text: `\frac{a}{b}`. */
export function namesIn(texts: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (const text of texts) {
    let end = 0;
    for (const { 0: found, 1: name = "", index } of text.matchAll(NAMES)) {
      if (text[index - 1] === "}" && end !== index) continue;
      end = index + found.length;
      if (!MARKS.has(name)) names.add(name);
    }
  }
  return [...names];
}
