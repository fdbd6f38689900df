import { ERROR_CODES, type ErrorCode } from "../errors/codes.ts";
import type { CodeEntry } from "../errors/code-table.ts";
import { WbError } from "../errors/wb-error.ts";

/** One error code, explained. */
export interface Explanation extends CodeEntry {
  readonly code: ErrorCode;
}

/** Every error code there is, in order. */
export function explainAll(): readonly Explanation[] {
  return Object.keys(ERROR_CODES)
    .filter(isErrorCode)
    .sort()
    .map((code) => ({ code, ...ERROR_CODES[code] }));
}

/**
 * What an error code means and what can be done.
 * @param code In any case, with or without its letters: `WB3702`, `3702`.
 * @throws WbError WB2001 for a code that is none.
 */
export function explain(code: string): Explanation {
  const name = `WB${code.toUpperCase().replace(/^WB/, "")}`;
  if (!isErrorCode(name)) {
    throw new WbError("WB2001", `${code}: no such error code; \`weighbridge explain\` lists all`, {
      details: { found: code },
    });
  }
  return { code: name, ...ERROR_CODES[name] };
}

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(ERROR_CODES, name);
}
