import type { ErrorCode } from "../errors/codes.ts";

/** The first digit of an error code is its class; contract: the table of exit codes. */
const EXIT_CODE_OF_CLASS: Readonly<Record<string, number>> = {
  "1": 1,
  "2": 2,
  "3": 3,
  "4": 4,
  "5": 5,
  "6": 6,
  "7": 70,
  "9": 130,
};

export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODE_OF_CLASS[code.charAt(2)] ?? 70;
}
