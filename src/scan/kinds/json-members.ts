const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * How many members the objects of a text of JSON have in all, keys that stand twice counted twice.
 * @param text JSON that was parsed already.
 */
export function membersIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at = behindText(text, at);
    while (/\s/.test(text.charAt(at))) at++;
    if (text.charAt(at) === ":") count++;
  }
  return count;
}

function behindText(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === BACKSLASH) at++;
    else if (unit === QUOTE) return at + 1;
  }
  return text.length;
}
