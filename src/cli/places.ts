import { statSync } from "node:fs";
import type { Command } from "./command.ts";
import { describeCommand } from "./describe.ts";
import { commandIn } from "./suggest.ts";

/**
 * The paths that a command line names as models, before it is parsed: its arguments, and the values of options that are
 * folders (a delta or an adapter; a golden or a report is a file, and may be beside the user's own settings).
 */
export function placesIn(
  words: readonly string[],
  commands: readonly Command[],
): readonly string[] {
  const command = commandIn(words, commands);
  const options = command === undefined ? [] : describeCommand(command).options;
  const valued = new Set(
    options.filter(({ kind }) => kind !== "boolean").map(({ name }) => `--${name}`),
  );
  const places: string[] = [];
  let isValue = false;
  for (const word of words) {
    const [option = "", value] = word.startsWith("--") ? splitOnce(word) : [];
    if (isValue || value !== undefined) {
      const path = value ?? word;
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) places.push(path);
    } else if (!word.startsWith("-")) places.push(word);
    isValue = !isValue && value === undefined && valued.has(option);
  }
  return places;
}

/** The option and the value of "--option=value". */
function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}
