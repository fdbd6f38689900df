import { nearestName } from "../model/nearest.ts";
import { nameOf, type Command } from "./command.ts";
import { describeCommand, describeSharedOptions } from "./describe.ts";

/** yargs' sentence about options, arguments and commands that there are not. */
const UNKNOWN = /^Unknown (?:argument|command)s?: (.*)$/;

/** yargs' sentence about arguments that are not there. */
const TOO_FEW = /^Not enough non-option arguments/;

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
  const command = commandIn(words, commands);
  const isShort = command !== undefined && TOO_FEW.test(message);
  const names = isShort ? strangers(words, command) : UNKNOWN.exec(message)?.[1]?.split(", ");
  if (isShort && names?.length === 0) {
    return `too few arguments: weighbridge ${command.usage}`;
  }
  if (names === undefined) return message;
  // What follows a word that is no command are that command's arguments.
  if (command === undefined) return noCommand(names[0] ?? "", commands);
  const options = optionsOf(command);
  return names.map((name) => notTaken(name, nameOf(command), words, options)).join("; ");
}

/** The command that a line names: its first word that is one. */
export function commandIn(
  words: readonly string[],
  commands: readonly Command[],
): Command | undefined {
  const isNamed = new Set(words);
  return commands.find((candidate) => isNamed.has(nameOf(candidate)));
}

function optionsOf(command: Command): readonly string[] {
  const known = [...describeCommand(command).options, ...describeSharedOptions()];
  return known.map(({ name }) => name);
}

/** Options that the command has not; one of them may have taken the argument that is missing for its value. */
function strangers(words: readonly string[], command: Command): readonly string[] {
  const options = new Set(optionsOf(command));
  return words.flatMap((word) => {
    const name = /^--(?:no-)?([^=]+)/.exec(word)?.[1];
    return name === undefined || options.has(name) ? [] : [name];
  });
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
