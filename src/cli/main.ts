import type { Argv } from "yargs";
import { WbError } from "../errors/wb-error.ts";
import { commandLine } from "./command-line.ts";
import {
  nameOf,
  type Arguments,
  type Command,
  type CommandContext,
  type CommandResult,
} from "./command.ts";
import { LANGUAGES } from "../options/choices.ts";
import { weakenedBy } from "../options/weakening.ts";
import { optionalChoice } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { isLeftOut } from "../tensor/left-out.ts";
import { indented, printable } from "./printable.ts";
import { progressDrawer } from "./progress.ts";
import { failure, provenanceField, type Outcome } from "./failure.ts";
import { languageOf } from "./language/language.ts";
import { speechIn } from "./language/languages.ts";
import type { Speech } from "./language/speech.ts";
import { paint, showsColour } from "./paint.ts";
import { watchWrites, written } from "./output.ts";
import { placesIn } from "./places.ts";
import { provenanceOf, renderProvenance, type Provenance } from "./provenance.ts";
import { findSettings } from "./find-settings.ts";
import { commandIn } from "./suggest.ts";

/**
 * Runs one command line and sets `process.exitCode`, the only place that does. The result goes to stdout, everything
 * else to stderr; under --json stdout is exactly one document, also on failure.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const interruption = new AbortController();
  let unwritten: WbError | undefined;
  const unwatch = watchWrites(process.stdout, (error) => {
    unwritten ??= error;
    interruption.abort(error);
  });
  // Where what is said beside the result cannot be written, there is nobody to tell.
  watchWrites(process.stderr);
  const stop = (): void => {
    interruption.abort(new WbError("WB9001", "interrupted"));
  };
  const handlers: (() => void)[] = [];
  const interrupt = (): void => {
    const handler = handlers.at(-1);
    if (handler !== undefined) {
      handler();
      return;
    }
    // A second Ctrl-C then ends the process at once.
    process.removeListener("SIGINT", interrupt);
    stop();
  };
  const onInterrupt = (handler: () => void): (() => void) => {
    handlers.push(handler);
    return () => handlers.splice(handlers.indexOf(handler), 1);
  };
  process.on("SIGINT", interrupt);
  process.once("SIGTERM", stop);
  try {
    const outcome = await execute(argv, { signal: interruption.signal, onInterrupt });
    const isColoured = showsColour(process.stderr, process.env);
    process.stderr.write(paint(printable(outcome.stderr), isColoured));
    // A document is for programs, which find no colours in it even where a terminal shows it.
    const isShown = showsColour(process.stdout, process.env) && !argv.includes("--json");
    await written(process.stdout, paint(printable(outcome.stdout), isShown));
    process.exitCode = outcome.exitCode;
    if (unwritten !== undefined) process.exitCode = await tellUnwritten(unwritten, outcome, argv);
  } finally {
    unwatch();
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", stop);
  }
}

/** A result that nobody can read is no result, whatever it was. Gives the exit code. */
async function tellUnwritten(
  error: WbError,
  outcome: Outcome,
  argv: readonly string[],
): Promise<number> {
  const speech = await speechIn(languageOf(argv, process.env));
  const failed = { command: nameIn(argv), settings: undefined, argv, speech };
  const { exitCode, stderr } = failure(error, failed, false, argv.includes("--verbose"));
  // A command that the refused write interrupted has said so already, but for its document.
  if (outcome.exitCode !== exitCode || argv.includes("--json"))
    process.stderr.write(paint(printable(stderr), showsColour(process.stderr, process.env)));
  return exitCode;
}

type Interrupts = Pick<CommandContext, "signal" | "onInterrupt">;

async function execute(argv: readonly string[], interrupts: Interrupts): Promise<Outcome> {
  const json = argv.includes("--json");
  const speech = await speechIn(languageOf(argv, process.env));
  let chosen = "";
  let settings: Provenance | undefined;
  try {
    let outcome: Outcome | undefined;
    const places = (): readonly string[] => placesIn(argv, COMMANDS);
    const { found, sources } = findSettings(process.env, process.cwd(), places, COMMANDS);
    settings = provenanceOf(found, []);
    const parser = commandLine(sources, argv, speech, async (command, args, used) => {
      chosen = nameOf(command);
      settings = provenanceOf(found, used);
      outcome = await runCommand(command, args, { json, interrupts, settings, speech });
    });
    const help = await parsed(parser, argv);
    return outcome ?? { exitCode: 0, stdout: help, stderr: "" };
  } catch (error) {
    const command = chosen === "" ? nameIn(argv) : chosen;
    return failure(error, { command, settings, argv, speech }, json, argv.includes("--verbose"));
  }
}

/** The command that a refused line names, or the first word that could be meant for one. */
function nameIn(argv: readonly string[]): string {
  const command = commandIn(argv, COMMANDS);
  if (command !== undefined) return nameOf(command);
  return argv.find((word) => !word.startsWith("-")) ?? "";
}

/** Parses and runs; gives the text that yargs itself would print (--help, --version). */
async function parsed(parser: Argv, argv: readonly string[]): Promise<string> {
  let printed = "";
  await parser.parseAsync([...argv], {}, (_error, _args, output) => {
    printed = output === "" ? "" : `${output}\n`;
  });
  return printed;
}

interface Run {
  readonly json: boolean;
  readonly interrupts: Interrupts;
  readonly settings: Provenance | undefined;
  readonly speech: Speech;
}

async function runCommand(
  command: Command,
  args: Arguments,
  { json, interrupts, settings, speech }: Run,
): Promise<Outcome> {
  const quiet = args["quiet"] === true;
  const drawer = progressDrawer(process.stderr);
  const colour = showsColour(process.stderr, process.env);
  const notes: string[] = [];
  const context: CommandContext = {
    ...interrupts,
    speech,
    json,
    quiet,
    verbose: args["verbose"] === true,
    colour,
    note: (line) => {
      drawer.clear();
      notes.push(line);
      if (!quiet || isLeftOut(line))
        process.stderr.write(`${paint(printable(speech.text(indented(line))), colour)}\n`);
    },
    progress: (event) => {
      if (!quiet) drawer.draw(event);
    },
    stream: (text) => {
      drawer.clear();
      if (!json) process.stdout.write(process.stdout.isTTY ? printable(text) : text);
    },
  };
  optionalChoice(args, "lang", LANGUAGES);
  const weakened = weakenedBy(nameOf(command), args);
  for (const line of settings === undefined ? [] : renderProvenance(settings)) context.note(line);
  for (const { option, effect } of weakened) context.note(`weakened: ${option}: ${effect}`);
  let result: CommandResult;
  try {
    result = await command.run(args, context);
  } finally {
    drawer.clear();
  }
  const document = {
    schemaVersion: 1,
    command: nameOf(command),
    ok: result.ok,
    notes,
    ...result.json,
    ...(weakened.length === 0 ? {} : { weakened }),
    ...provenanceField(command, settings),
  };
  return {
    exitCode: result.ok ? 0 : (result.exitCode ?? 1),
    stdout: json ? `${JSON.stringify(document)}\n` : result.text === "" ? "" : `${result.text}\n`,
    stderr: "",
  };
}
