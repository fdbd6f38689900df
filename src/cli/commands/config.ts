import yargs from "yargs";
import { findSettings } from "../find-settings.ts";
import type { Command, CommandResult } from "../command.ts";
import { CONFIG_ACTIONS } from "../../options/choices.ts";
import {
  declaredOptions,
  environmentName,
  SECRETS,
  settingsFor,
  type OptionDeclaration,
  type Setting,
  type SettingSources,
} from "../settings.ts";

/** One option as `config print` shows it. */
interface ConfigRow {
  readonly command: string;
  readonly name: string;
  readonly value: string | number | boolean | null;
  /** A variable's name, a file's path, or "default". */
  readonly origin: string;
}

/** @param commands All commands; a function, since the list holds this one. */
export const config = (commands: () => readonly Command[]): Command => ({
  usage: "config <action>",
  summary: "show where each option's value comes from",
  examples: [
    ["$0 config print", "every option that is set outside the command line"],
    ["$0 config print --all", "every option of every command, set or not"],
    ["WEIGHBRIDGE_DEVICE=wasm $0 config print --json", "the same for programs"],
  ],
  options: (argv) =>
    argv
      .positional("action", {
        choices: CONFIG_ACTIONS,
        demandOption: true,
        describe: "print the settings",
      })
      .option("all", { type: "boolean", describe: "also options that nothing sets" }),
  run: async (args) => {
    const { sources } = findSettings(process.env, process.cwd(), () => [], commands());
    const rows = commands().flatMap((command) => rowsOf(command, sources, args["all"] === true));
    return result(rows, sources);
  },
});

function rowsOf(command: Command, sources: SettingSources, all: boolean): readonly ConfigRow[] {
  const name = command.usage.split(" ")[0] ?? "";
  const options = declaredOptions(command.options(yargs()));
  const settings = new Map(
    settingsFor(name, options, sources).map((setting) => [setting.name, setting]),
  );
  return options
    .filter((option) => all || settings.has(option.name))
    .map((option) => row(name, option, settings.get(option.name)));
}

function row(command: string, option: OptionDeclaration, setting: Setting | undefined): ConfigRow {
  return {
    command,
    name: option.name,
    value: setting !== undefined && SECRETS.has(option.name) ? "***" : (setting?.value ?? null),
    origin: setting?.origin ?? "default",
  };
}

function result(rows: readonly ConfigRow[], sources: SettingSources): CommandResult {
  const lines = rows.map(
    ({ command, name, value, origin }) =>
      `${command}  --${name}${value === null ? "" : ` ${value}`}  (${origin === "default" ? `not set; ${environmentName(name)} would` : origin})`,
  );
  const heading = `config file: ${sources.file?.path ?? "none"}`;
  return {
    ok: true,
    json: { configFile: sources.file?.path ?? null, settings: rows },
    text: [
      heading,
      ...(rows.length === 0 ? ["nothing is set outside the command line"] : lines),
    ].join("\n"),
  };
}
