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

/** The error of a file that could not be written, with the system's reason. */
export function writeRefused(path: string, cause: unknown): WbError {
  if (cause instanceof WbError) return cause;
  const reason = isSystemError(cause) ? (cause.code ?? cause.message) : String(cause);
  return new WbError(refusalCode(reason), `${path}: cannot be written (${reason})`, {
    details: { path },
    cause,
  });
}
