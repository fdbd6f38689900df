/** A text of JSON, which holds no other, or one of the three numbers of Python that JSON does not have. */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs;

/**
 * Parses what Python's json module takes: JSON, with NaN and infinities, which become null here, and a byte order mark.
 * Undefined where it is none of that.
 */
export function parsePythonJson(text: string): unknown {
  const plain = text.replace(/^\uFEFF/, "");
  const strict = parsed(plain);
  if (strict !== undefined) return strict;
  return parsed(plain.replace(TEXT_OR_NUMBER, (found) => (found.startsWith('"') ? found : "null")));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}
