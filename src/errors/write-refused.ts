import { isSystemError, WbError } from "./wb-error.ts";

/** Codes of writes that the system refused, by its own; others are WB6002. */
const CODES: Readonly<Record<string, "WB6001" | "WB6004">> = {
  ENOSPC: "WB6001",
  EDQUOT: "WB6001",
  EFBIG: "WB6004",
};

/** What the system's refusal to write is called: WB6001 where there is no room, WB6004 beyond a limit of files, else WB6002. */
export function refusalCode(reason: string): "WB6001" | "WB6002" | "WB6004" {
  return CODES[reason] ?? "WB6002";
}

/**
 * The error of a file that the system refused, with its reason; one of ours as it is.
 * @param what What was to happen to it.
 */
export function writeRefused(path: string, cause: unknown, what = "cannot be written"): WbError {
  if (cause instanceof WbError) return cause;
  const reason = isSystemError(cause) ? (cause.code ?? cause.message) : String(cause);
  return new WbError(refusalCode(reason), `${path}: ${what} (${reason})`, {
    details: { path },
    cause,
  });
}

/** Does what writes to a path. @throws WbError as `writeRefused`. */
export async function writing<T>(path: string, write: () => Promise<T>, what?: string): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw writeRefused(path, cause, what);
  }
}
