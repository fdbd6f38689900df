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
  if (error.code === "WB9001" && command !== "convert")
    return (command === "eval" ? resumable(words) : undefined) ?? "Run it again.";
  const hint = error.hint.replace("COMMAND ", command === undefined ? "" : `${command} `);
  if (error.code !== "WB3001") return hint;
  const repository = words.find(
    (word) => REPOSITORY.test(word) && !existsSync(word) && error.message.includes(word),
  );
  return repository === undefined ? hint : `${hint} On the hub: did you mean hf:${repository}?`;
}

/** What an interrupted evaluation can go on from, where it has answered anything. */
function resumable(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => /^--details(=|$)/.test(word));
  const word = words[at] ?? "";
  const path = word.includes("=") ? word.slice(word.indexOf("=") + 1) : words[at + 1];
  if (at === -1 || path === undefined || !existsSync(`${path}.part`)) return undefined;
  return `Run it again with --resume, which goes on from ${path}.part.`;
}
