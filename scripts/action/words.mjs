/**
 * The words of a text as a shell would split it: at blanks and line ends, quotes kept together, a backslash for the next
 * character. Nothing is expanded and nothing is run.
 */
export function splitWords(text) {
  const words = [];
  let word;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const next = text[at + 1];
    if (quote === "'") {
      if (character === "'") quote = "";
      else word += character;
    } else if (character === "\\" && next !== undefined) {
      at++;
      // Inside double quotes a backslash stands for itself, but before what would end or begin something.
      const isKept = quote === '"' && !['"', "\\", "$", "`", "\n"].includes(next);
      // Before the end of a line it joins two lines.
      if (next !== "\n") word = (word ?? "") + (isKept ? `\\${next}` : next);
    } else if (quote === '"') {
      if (character === '"') quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new Error(`a quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
