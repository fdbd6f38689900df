import type { Argv } from "yargs";
import type { Speech } from "./language/speech.ts";

/** A parsed command line; values are checked where they are used, by the helpers of `arguments.ts`. */
export type Arguments = Readonly<Record<string, unknown>>;

/** What a command may use of its surroundings. */
export interface CommandContext {
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Takes Ctrl-C (SIGINT) from `signal` until the function that it gives is called. */
  onInterrupt(handler: () => void): () => void;
  /** True when stdout will carry exactly one JSON document. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** How things are said to people, in the language of the command line or its environment. */
  readonly speech: Speech;
  /** True when stderr is a terminal and NO_COLOR is unset. */
  readonly colour: boolean;
  /** A line for people, on stderr, and one of the notes of the JSON document; under --quiet only what `isLeftOut` tells. */
  note(line: string): void;
  /** Progress, drawn as a bar on a terminal and as occasional plain lines elsewhere. */
  progress(event: ProgressEvent): void;
  /** Text of the result itself, streamed to stdout before the end; nothing under --json. */
  stream(text: string): void;
}

export interface ProgressEvent {
  /** What is being done: "convert", "verify", … */
  readonly phase: string;
  readonly done: number;
  /** Same unit as `done`; 0 when not known. */
  readonly total: number;
  readonly unit: "bytes" | "layers" | "tokens" | "tensors";
  /** The tensor or file at work. */
  readonly item?: string;
}

export interface CommandResult {
  /** Decides the exit code: 0 when true and no `exitCode` is given, 1 when false. */
  readonly ok: boolean;
  /** Where "not ok" is not exit 1: `check` 3, `scan` 4 and 5. */
  readonly exitCode?: 3 | 4 | 5 | 6;
  /** Fields of the JSON document beside schemaVersion, command and ok. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The result for people; ends without a newline; empty when everything was streamed. */
  readonly text: string;
}

/** One command of the command line; implementations are imported inside `run`, so that `--help` loads none. */
export interface Command {
  /** As in yargs: "convert <src> <dst>". */
  readonly usage: string;
  readonly summary: string;
  /** True command lines, each with a word on what it does. */
  readonly examples: readonly (readonly [command: string, description: string])[];
  options(argv: Argv): Argv;
  run(args: Arguments, context: CommandContext): Promise<CommandResult>;
}

/** "convert" of "convert <src> <dst>". */
export function nameOf(command: Command): string {
  return command.usage.split(" ")[0] ?? "";
}
