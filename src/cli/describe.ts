import yargs from "yargs";
import { WbError } from "../errors/wb-error.ts";
import { nameOf, type Command } from "./command.ts";
import { valuesOf } from "../options/choices.ts";
import { declaredOptions, type OptionKind } from "./settings.ts";
import { withSharedOptions } from "./shared-options.ts";

/** One option or positional as its command declares it. */
export interface ParameterDescription {
  readonly name: string;
  readonly kind: OptionKind;
  readonly summary: string;
  /** Empty where it takes any. */
  readonly values: readonly string[];
  /** True where it holds unless `--no-NAME` is given. */
  readonly isOnByDefault: boolean;
}

/** One command as completion, manual pages and schemas show it. */
export interface CommandDescription {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly positionals: readonly ParameterDescription[];
  readonly options: readonly ParameterDescription[];
  readonly examples: readonly (readonly [command: string, description: string])[];
}

/** The options that every command has beside its own. */
export function describeSharedOptions(): readonly ParameterDescription[] {
  return describeParameters("", withSharedOptions(yargs()));
}

export function describeCommand(command: Command): CommandDescription {
  const name = nameOf(command);
  const all = describeParameters(name, command.options(yargs()));
  const named = [...command.usage.matchAll(/[<[]([\w-]+)(?:\.\.)?[>\]]/g)].map(
    ([, word]) => word ?? "",
  );
  return {
    name,
    usage: command.usage,
    summary: command.summary,
    positionals: named.flatMap((word) => all.filter((parameter) => parameter.name === word)),
    options: all.filter((parameter) => !named.includes(parameter.name)),
    examples: command.examples,
  };
}

/** The options and positionals that a parser was told of. @throws WbError WB7001. */
export function describeParameters(
  command: string,
  parser: object,
): readonly ParameterDescription[] {
  const { summaries, defaults } = declarations(parser);
  return declaredOptions(parser, ["help", "version"]).map(({ name, kind }) => ({
    name,
    kind,
    summary: textOf(summaries[name]),
    values: valuesOf(command, name),
    isOnByDefault: defaults[name] === true,
  }));
}

/** What yargs knows beside names and kinds; its types leave it out, as they do `getOptions`. @throws WbError WB7001. */
function declarations(parser: object): {
  summaries: Readonly<Record<string, unknown>>;
  defaults: Readonly<Record<string, unknown>>;
} {
  const usage = call(call(parser, "getInternalMethods"), "getUsageInstance");
  const summaries = call(usage, "getDescriptions");
  const options = call(parser, "getOptions");
  const defaults = isRecord(options) ? options["default"] : undefined;
  if (!isRecord(summaries) || !isRecord(defaults)) {
    throw new WbError("WB7001", "yargs no longer lists its descriptions");
  }
  return { summaries, defaults };
}

function call(target: unknown, method: string): unknown {
  if (!isRecord(target)) return undefined;
  const found = target[method];
  return typeof found === "function" ? Reflect.apply(found, target, []) : undefined;
}

/** yargs marks texts that it would translate. */
function textOf(text: unknown): string {
  return typeof text === "string" ? text.replace(/^__yargsString__:/, "") : "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
