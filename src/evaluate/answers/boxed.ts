/** The last \boxed{…} or \fbox{…} of a TeX text with balanced braces, marks and all; undefined where there is none. */
export function lastBoxed(text: string): string | undefined {
  const boxed = text.lastIndexOf(String.raw`\boxed`);
  const begin = boxed >= 0 ? boxed : text.lastIndexOf(String.raw`\fbox`);
  if (begin < 0) return undefined;
  let open = 0;
  for (let index = begin; index < text.length; index++) {
    if (text[index] === "{") open++;
    if (text[index] !== "}") continue;
    open--;
    if (open === 0) return text.slice(begin, index + 1);
  }
  return undefined;
}

/** What stands inside \boxed{…}; undefined for anything else. */
export function insideBoxed(text: string): string | undefined {
  const left = String.raw`\boxed{`;
  return text.startsWith(left) && text.endsWith("}") ? text.slice(left.length, -1) : undefined;
}
