import { ERROR_CODES, type ErrorCode } from "./codes.ts";
import type { DetailsOfEach, ErrorDetails, NeededFacts } from "./details.ts";

/** What an error tells beside its message. */
interface Circumstances {
  /** What the user can do about it; the code's own remedy when left out. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Details are asked for where the code's row names a field that each of its errors has. */
type Given<Code extends ErrorCode> = [NeededFacts<Code>] extends [never]
  ? [options?: Circumstances & { readonly details?: DetailsOfEach<Code> }]
  : [options: Circumstances & { readonly details: DetailsOfEach<Code> }];

class CodedError<Code extends ErrorCode> extends Error {
  override readonly name = "WbError";
  readonly code: Code;
  readonly hint: string;
  /** Set by the constructor, which takes nothing else for this code. */
  declare readonly details: ErrorDetails<Code>;

  constructor(code: Code, message: string, ...[options]: Given<Code>) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options?.hint ?? ERROR_CODES[code].remedy;
    Object.assign(this, { details: options?.details ?? {} });
  }
}

interface WbErrorClass {
  new <Code extends ErrorCode>(
    code: Code,
    message: string,
    ...options: Given<Code>
  ): { [Each in Code]: CodedError<Each> }[Code];
  /** What `instanceof` makes of a value. */
  readonly prototype: WbError;
}

/**
 * The one error class of weighbridge. `code` is stable (`explain` knows it) and its first digit decides the exit
 * code of the command line, so a problem is classified once, where it is found.
 *
 * `message` names the file, the tensor or record, what was expected and what was found; `details` has the same for
 * programs. They are typed by the code: after `error.code === "WB3602"` they have the fields of that code's row.
 */
export type WbError = { [Code in ErrorCode]: CodedError<Code> }[ErrorCode];
/** The class, for `new` and `instanceof`. */
export const WbError: WbErrorClass = CodedError;

/** An error on its way between threads, which keep no classes. */
export type PlainError = {
  [Code in ErrorCode]: Pick<CodedError<Code>, "code" | "message" | "hint" | "details">;
}[ErrorCode];

/** What becomes of an error, ours or not, on its way to another thread. */
export function plainError(error: unknown): PlainError {
  const known =
    error instanceof WbError
      ? error
      : new WbError("WB7001", error instanceof Error ? error.message : String(error));
  return Object.assign({}, known, { message: known.message });
}

/** The error that another thread met. */
export function receivedError(plain: PlainError): WbError {
  const { message, hint } = plain;
  // The code and the details replace those of an error made in this thread.
  return Object.assign(new WbError("WB7001", message, { hint }), plain);
}

/** A failure of the operating system (ENOENT, ENOSPC, …), as Node reports it. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
