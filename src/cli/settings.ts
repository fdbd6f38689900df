import { WbError } from "../errors/wb-error.ts";
import { isCommandLineOnly } from "../options/weakening.ts";
import { CONFIG_FILE, type SettingsFile } from "./settings-file.ts";

/** Options that only make sense on the command line itself. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(["help", "h", "version", "json", "$0", "_"]);

/** Options whose value is shown to nobody. */
export const SECRETS: ReadonlySet<string> = new Set(["api-key"]);

const ENVIRONMENT_PREFIX = "WEIGHBRIDGE_";

/** The kinds of value an option can have, as its command declares it. */
export type OptionKind = "string" | "number" | "boolean";

export interface OptionDeclaration {
  readonly name: string;
  readonly kind: OptionKind;
}

/** One option's value outside the command line, and where it was found. */
export interface Setting {
  readonly name: string;
  readonly value: string | number | boolean;
  /** "WEIGHBRIDGE_DEVICE" or the path of the config file. */
  readonly origin: string;
}

/** Settings as they were found, not yet matched with the options of a command. */
export interface SettingSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Options by name, and under a command's name the options of that command alone. */
  readonly file: SettingsFile | undefined;
}

/**
 * The settings that apply to one command: the environment before the file, a command's own section before the rest of the
 * file. Options that the command does not have are left alone, since other commands may have them.
 * @throws WbError WB2002 for a value of the wrong kind, and for one that weakens a check.
 */
export function settingsFor(
  command: string,
  options: readonly OptionDeclaration[],
  sources: SettingSources,
): readonly Setting[] {
  const section = sources.file?.values[command];
  const fromFile = { ...scalarsOf(sources.file?.values), ...(isRecord(section) ? section : {}) };
  const settings: Setting[] = [];
  for (const { name, kind } of options) {
    const variable = environmentName(name);
    const text = sources.environment[variable];
    if (text !== undefined && text !== "") {
      const value = parseText(text, kind, variable);
      if (isCommandLineOnly(name, value, "environment")) throw commandLineOnly(variable, name);
      settings.push({ name, value, origin: variable });
    } else if (Object.hasOwn(fromFile, name)) {
      const path = sources.file?.path ?? CONFIG_FILE;
      const value = checkValue(fromFile[name], kind, `${path}: ${name}`);
      if (isCommandLineOnly(name, value, "file")) throw commandLineOnly(`${path}: ${name}`, name);
      settings.push({ name, value, origin: path });
    }
  }
  return settings;
}

/** The options for all commands: an object is the section of one, which may have an option's name (`chat`). */
function scalarsOf(
  values: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isRecord(value)));
}

/** The refusal of a setting that would weaken a check. */
export function commandLineOnly(where: string, name: string): WbError {
  return new WbError("WB2002", `${where}: only the command line may set this`, {
    details: { where, option: name },
    hint: `It weakens a check or opens a door: give --${name} itself where it is wanted.`,
  });
}

/** WEIGHBRIDGE_MAX_MEMORY for `max-memory`. */
export function environmentName(option: string): string {
  return ENVIRONMENT_PREFIX + option.replaceAll("-", "_").toUpperCase();
}

function parseText(text: string, kind: OptionKind, where: string): string | number | boolean {
  switch (kind) {
    case "string":
      return text;
    case "number":
      return checkValue(Number(text), kind, where);
    case "boolean": {
      const value = { "1": true, true: true, "0": false, false: false }[text.toLowerCase()];
      if (value === undefined)
        throw new WbError("WB2002", `${where}: expected true or false, found ${text}`, {
          details: { where, found: text },
        });
      return value;
    }
    default:
      return kind satisfies never;
  }
}

function checkValue(value: unknown, kind: OptionKind, where: string): string | number | boolean {
  const text = kind === "string" && typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && kind === "string") return text;
  if (typeof text === "boolean" && kind === "boolean") return text;
  if (typeof text === "number" && kind === "number" && Number.isFinite(text)) return text;
  throw new WbError("WB2002", `${where}: expected a ${kind}, found ${JSON.stringify(value)}`, {
    details: { where, found: JSON.stringify(value) },
  });
}

/**
 * The options that a yargs parser knows. yargs lists them in `getOptions`, which its types leave out; an empty list would
 * silently ignore all settings, so a yargs that no longer has it is a fault of ours.
 * @param left Names that are left out; those that make no sense as settings when not given.
 * @throws WbError WB7001.
 */
export function declaredOptions(
  parser: object,
  left: Iterable<string> = NOT_SETTINGS,
): readonly OptionDeclaration[] {
  const declared: unknown =
    "getOptions" in parser && typeof parser.getOptions === "function"
      ? Reflect.apply(parser.getOptions, parser, [])
      : undefined;
  if (!isRecord(declared) || !isRecord(declared["key"])) {
    throw new WbError("WB7001", "yargs no longer lists its options");
  }
  const kindOf = (name: string): OptionKind => {
    if (includes(declared["boolean"], name)) return "boolean";
    return includes(declared["number"], name) ? "number" : "string";
  };
  const isLeftOut = new Set(left);
  return Object.keys(declared["key"])
    .filter((name) => !isLeftOut.has(name))
    .map((name) => ({ name, kind: kindOf(name) }));
}

function includes(list: unknown, name: string): boolean {
  return Array.isArray(list) && list.includes(name);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
