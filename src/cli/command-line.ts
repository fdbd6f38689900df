import yargs, { type Argv } from "yargs";
import { WbError } from "../errors/wb-error.ts";
import { nameOf, type Arguments, type Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { describeParameters } from "./describe.ts";
import type { Speech } from "./language/speech.ts";
import {
  declaredOptions,
  SECRETS,
  settingsFor,
  type Setting,
  type SettingSources,
} from "./settings.ts";
import { withSharedOptions } from "./shared-options.ts";
import { packageVersion } from "../session/package-version.ts";
import { withSuggestions } from "./suggest.ts";

/** @param settings Those that took effect: not given on the command line itself. */
export type Handler = (
  command: Command,
  args: Arguments,
  settings: readonly Setting[],
) => Promise<void>;

/**
 * The parser of all commands; it runs `handler` with the command that was named.
 * @param words The command line itself, for suggestions. @param speech The language of the help.
 * @throws WbError WB2001, when parsing, for what is no command line of ours.
 */
export function commandLine(
  settings: SettingSources,
  words: readonly string[],
  speech: Speech,
  handler: Handler,
): Argv {
  const isHelp = words.includes("--help") || words.includes("-h");
  let parser = withSharedOptions(yargs().scriptName("weighbridge").usage("$0 <command> [options]"))
    // Messages are read by tests and scripts: the same on every machine, and without another file to load.
    .detectLocale(false)
    .locale(isHelp && speech.language === "zh" ? "zh_CN" : "en")
    // Left to itself, yargs takes the version of the project that weighbridge is installed in.
    .version(packageVersion())
    .alias("help", "h")
    .strict()
    .demandCommand(1, "Name a command.")
    .exitProcess(false)
    .parserConfiguration({ "duplicate-arguments-array": true, "camel-case-expansion": false })
    .fail((message, error: unknown) => {
      throw error instanceof Error
        ? error
        : new WbError("WB2001", withSuggestions(message, words, COMMANDS));
    });
  for (const command of COMMANDS) {
    let used: readonly Setting[] = [];
    parser = parser.command(
      command.usage,
      speech.help(command.summary),
      (sub) => {
        for (const [line, description] of command.examples)
          sub.example(line, speech.help(description));
        const declared = command.options(sub);
        if (isHelp && speech.language !== "en") describeIn(speech, declared);
        const all = settingsFor(nameOf(command), declaredOptions(declared), settings);
        used = all.filter(({ name }) => !isGiven(name, words));
        for (const { name, value } of all) {
          declared.default(name, value, SECRETS.has(name) ? "not shown" : undefined);
        }
        return declared;
      },
      (args) => handler(command, args, used),
    );
  }
  return parser;
}

/** Says again in another language what options and positionals are. */
function describeIn(speech: Speech, parser: Argv): void {
  for (const { name, summary } of describeParameters("", parser))
    parser.describe(name, speech.help(summary));
}

function isGiven(option: string, words: readonly string[]): boolean {
  return words.some(
    (word) =>
      word === `--${option}` || word === `--no-${option}` || word.startsWith(`--${option}=`),
  );
}
