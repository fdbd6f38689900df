import { nearestName } from "../mapping/nearest.ts";
import { nameOf, type Command } from "./command.ts";
import { describeCommand, describeSharedOptions } from "./describe.ts";

/** yargs' sentence about options, arguments and commands that there are not. */
const UNKNOWN = /^Unknown (?:argument|command)s?: (.*)$/;

/**
 * What is wrong with the names of a refused command line, and the nearest that there are.
 * @param message yargs' own: "Unknown argument: max-shrad-size"; any other is given back as it is.
 * @param words The command line, whose first word that is a command decides which options are near.
 */
export function withSuggestions(
  message: string,
  words: readonly string[],
  commands: readonly Command[],
): string {
  const names = UNKNOWN.exec(message)?.[1]?.split(", ");
  if (names === undefined) return message;
  const command = commands.find((candidate) => words.includes(nameOf(candidate)));
  // What follows a word that is no command are that command's arguments.
  if (command === undefined) return noCommand(names[0] ?? "", commands);
  const known = [...describeCommand(command).options, ...describeSharedOptions()];
  const options = known.map(({ name }) => name);
  return names.map((name) => notTaken(name, nameOf(command), words, options)).join("; ");
}

function noCommand(name: string, commands: readonly Command[]): string {
  const near = nearestName(name, commands.map(nameOf));
  return `there is no command ${name}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function notTaken(
  name: string,
  command: string,
  words: readonly string[],
  options: readonly string[],
): string {
  if (words.includes(name)) return `${command} takes no further argument: ${name}`;
  const near = nearestName(name, options);
  const suggestion = near === undefined ? "" : `; did you mean --${near}?`;
  return `${command} has no --${name}${suggestion}`;
}
