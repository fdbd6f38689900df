import { WbError } from "../errors/wb-error.ts";
import { nearestName } from "../model/nearest.ts";
import { nearestChoice } from "../options/values.ts";
import { isCommandLineOnly } from "../options/weakening.ts";
import type { Command } from "./command.ts";
import { configSchema } from "./config-schema.ts";
import { describeCommand, describeSharedOptions } from "./describe.ts";
import type { SettingsFile } from "./settings-file.ts";
import { commandLineOnly, environmentName } from "./settings.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Holds a settings file against its published schema, so that no key and no value is ignored: the schema is the one that
 * `schemas/weighbridge.config.schema.json` holds.
 * @throws WbError WB2002 at the first key that is wrong.
 */
export function checkSettingsFile(
  { path, values }: SettingsFile,
  commands: readonly Command[],
): void {
  checkObject(values, configSchema(commands.map(describeCommand)), path, "");
}

function checkObject(values: JsonObject, schema: JsonObject, path: string, section: string): void {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  for (const [key, value] of Object.entries(values)) {
    const where = `${path}: ${section}${key}`;
    if (!isRecord(value) && isCommandLineOnly(key, value, "file"))
      throw commandLineOnly(where, key);
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (!isRecord(known)) throw unknown(where, key, Object.keys(properties), section);
    checkValue(value, known, path, `${section}${key}`);
  }
}

function unknown(where: string, key: string, names: readonly string[], section: string): WbError {
  const near = nearestName(key, names);
  const what =
    section === "" ? "no option or command has this name" : "this command has no such option";
  return new WbError(
    "WB2002",
    `${where}: ${what}${near === undefined ? "" : `; did you mean ${near}?`}`,
    {
      details: { where, key, near: near ?? null },
    },
  );
}

function checkValue(value: unknown, schema: JsonObject, path: string, key: string): void {
  const choices = alternativesOf(schema);
  const fitting = choices.filter((choice) => typesOf(choice).includes(jsonType(value)));
  const [first] = fitting;
  if (first === undefined) {
    const expected = [...new Set(choices.flatMap(typesOf))].join(" or ");
    throw new WbError(
      "WB2002",
      `${path}: ${key}: expected ${expected}, found ${JSON.stringify(value)}`,
      { details: { path, expected, found: JSON.stringify(value) } },
    );
  }
  if (isRecord(value)) {
    checkObject(value, first, path, `${key}.`);
    return;
  }
  if (fitting.some((choice) => !Array.isArray(choice["enum"]) || choice["enum"].includes(value)))
    return;
  const values = fitting.flatMap(enumOf);
  const near = typeof value === "string" ? nearestChoice(value, values) : undefined;
  throw new WbError(
    "WB2002",
    `${path}: ${key}: expected one of ${values.join(", ")}, found ${JSON.stringify(value)}${near === undefined ? "" : `; did you mean ${near}?`}`,
    { details: { path } },
  );
}

/** A name that is an option and a command's section has a schema for each. */
function alternativesOf(schema: JsonObject): readonly JsonObject[] {
  const { anyOf } = schema;
  return Array.isArray(anyOf) ? anyOf.filter(isRecord).flatMap(alternativesOf) : [schema];
}

function typesOf(schema: JsonObject): readonly string[] {
  const { type } = schema;
  if (Array.isArray(type)) return type.map(String);
  return [typeof type === "string" ? type : "string"];
}

function enumOf(schema: JsonObject): readonly string[] {
  return Array.isArray(schema["enum"]) ? schema["enum"].map(String) : [];
}

function jsonType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

/**
 * Refuses a variable that misses an option's name by a letter or two: it would set nothing, and nobody would know.
 * @throws WbError WB2002.
 */
export function checkVariables(
  environment: Readonly<Record<string, string | undefined>>,
  commands: readonly Command[],
): void {
  const names = Object.keys(environment).filter((name) => name.startsWith(environmentName("")));
  if (names.length === 0) return;
  const described = [
    ...commands.flatMap((command) => describeCommand(command).options),
    ...describeSharedOptions(),
  ];
  const known = [...new Set(described.map(({ name }) => environmentName(name)))];
  for (const name of names) {
    if (known.includes(name)) continue;
    const slip = Math.max(1, Math.floor((name.length - environmentName("").length) / SLIP_LETTERS));
    const near = nearestName(name, known, slip);
    if (near !== undefined)
      throw new WbError("WB2002", `${name}: sets nothing; did you mean ${near}?`, {
        details: { where: name },
      });
  }
}

/** One wrong letter in so many is a slip; more is another program's variable. */
const SLIP_LETTERS = 6;

function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
