import { isSystemError, WbError } from "../errors/wb-error.ts";
import { refusalCode } from "../errors/write-refused.ts";
import { nameOf, type Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { hintFor } from "./hints.ts";
import type { Speech } from "./language/speech.ts";
import { indented } from "./printable.ts";
import type { Provenance } from "./provenance.ts";

/** What a command line prints and ends with. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `config print` has a field of this name, which says more. */
export function provenanceField(
  command: Command | undefined,
  settings: Provenance | undefined,
): { readonly settings?: Provenance } {
  const isConfig = command !== undefined && nameOf(command) === "config";
  return settings === undefined || isConfig ? {} : { settings };
}

interface Failed {
  /** Empty where the line names none. */
  readonly command: string;
  readonly settings: Provenance | undefined;
  readonly argv: readonly string[];
  readonly speech: Speech;
}

/** What an error prints, and the exit code it has. Under --json the document is the same in every language. */
export function failure(
  error: unknown,
  { command, settings, argv, speech }: Failed,
  json: boolean,
  verbose: boolean,
): Outcome {
  const known = asWbError(error);
  const trace = verbose && error instanceof Error ? `${error.stack ?? ""}\n` : "";
  const isKnown = COMMANDS.some((candidate) => nameOf(candidate) === command);
  const hint = hintFor(known, isKnown ? command : undefined, argv);
  const text = speech.error(known.code, indented(known.message), hint) + trace;
  const document = {
    schemaVersion: 1,
    command,
    ok: false,
    error: { code: known.code, message: known.message, hint, details: known.details },
    ...provenanceField(undefined, settings),
  };
  return {
    exitCode: exitCodeOf(known.code),
    stdout: json ? `${JSON.stringify(document)}\n` : "",
    stderr: json ? trace : text,
  };
}

const CODE_OF_SYSTEM_ERROR: Readonly<Record<string, "WB3001" | "WB3002" | "WB6003">> = {
  ENOENT: "WB3001",
  ENOTDIR: "WB3001",
  EISDIR: "WB3002",
  ENOMEM: "WB6003",
};

function asWbError(error: unknown): WbError {
  if (error instanceof WbError) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new WbError("WB9001", "interrupted", { cause: error });
  }
  if (error instanceof Error && error.name === "YError") {
    return new WbError("WB2001", error.message, { cause: error });
  }
  if (isSystemError(error) && error.syscall !== undefined) {
    const { path, message, code = "" } = error;
    if (path === undefined) return new WbError("WB6002", message, { cause: error });
    return new WbError(CODE_OF_SYSTEM_ERROR[code] ?? refusalCode(code), message, {
      details: { path },
      cause: error,
    });
  }
  return new WbError("WB7001", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
