import { ERROR_CODES, type ErrorCode } from "./codes.ts";

/** Facts about a failure that programs read; printed under `details` of the JSON document. */
export type ErrorDetails = Readonly<
  Record<string, string | number | boolean | null | readonly (string | number)[]>
>;

/** What an error tells beside its message. */
export interface WbErrorOptions {
  /** What the user can do about it; the code's own remedy when left out. */
  readonly hint?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The one error class of weighbridge. `code` is stable (`explain` knows it) and its first digit decides the exit
 * code of the command line, so a problem is classified once, where it is found.
 *
 * `message` names the file, the tensor or record, what was expected and what was found.
 */
export class WbError extends Error {
  override readonly name = "WbError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: WbErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERROR_CODES[code].remedy;
    this.details = options.details ?? {};
  }
}

/** A failure of the operating system (ENOENT, ENOSPC, …), as Node reports it. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
