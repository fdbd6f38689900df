import { existsSync } from "node:fs";
import type { WbError } from "../errors/wb-error.ts";

/** A repository on a hub as people write it: organisation/name, and @revision. */
const REPOSITORY = /^[\w-][\w.-]*\/[\w-][\w.-]*(@[\w./-]+)?$/;

/**
 * A remedy for this command line: with the user's own command in COMMAND's place, without advice for another command, and with the
 * place that was most likely meant.
 * @param command The command's name; undefined where the line names none.
 */
export function hintFor(
  error: WbError,
  command: string | undefined,
  words: readonly string[],
): string {
  if (error.code === "WB9001" && command !== "convert") return "Run it again.";
  const hint = error.hint.replace("COMMAND ", command === undefined ? "" : `${command} `);
  if (error.code !== "WB3001") return hint;
  const repository = words.find(
    (word) => REPOSITORY.test(word) && !existsSync(word) && error.message.includes(word),
  );
  return repository === undefined ? hint : `${hint} On the hub: did you mean hf:${repository}?`;
}
