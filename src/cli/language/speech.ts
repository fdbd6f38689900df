import type { Wording } from "../../errors/code-table.ts";
import { ERROR_CODES, type ErrorCode } from "../../errors/codes.ts";
import type { Language } from "./language.ts";

/** How the command line says things to people. Programs read JSON, which is the same in every language. */
export interface Speech {
  readonly language: Language;
  /** A summary of a command, an option or an example. */
  help(english: string): string;
  /** A message, a note, or the text of a result. */
  text(english: string): string;
  /** The words about an error code. */
  wording(code: ErrorCode): Wording;
  /** An error as stderr shows it. @param hint In English: the code's own remedy, or one for this command line. */
  error(code: ErrorCode, message: string, hint: string): string;
}

/** As the sources have it. */
export const ENGLISH: Speech = {
  language: "en",
  help: (english) => english,
  text: (english) => english,
  wording: (code) => ERROR_CODES[code],
  error: (code, message, hint) =>
    `error ${code}: ${message}\n  ${hint}\n  (weighbridge explain ${code})\n`,
};
