/** How a chat template reaches Python: names that begin with underscores, and the filter that fetches them. */
const ESCAPES: readonly RegExp[] = [
  /__\w+__/,
  /\|\s*attr\b/,
  /\b(?:cycler|joiner|lipsum|namespace|self|config|request|url_for|get_flashed_messages)\s*(?:\.\s*__|\[)/,
  // An attribute whose name is put together, so that none of it can be read.
  /\[[^\]]*(?:~|\+|%|\|\s*(?:join|format|replace|reverse))[^\]]*\]\s*\(/,
  /["'][^"']*\\(?:x5f|u005f|137)/i,
];

/** What of a template leaves the sandbox that it needs; undefined where nothing is known to. */
export function templateEscape(template: string): string | undefined {
  const found = ESCAPES.map((pattern) => pattern.exec(template)?.[0]).find(
    (text) => text !== undefined,
  );
  return found?.slice(0, 60);
}
