import { isNeverSetting, isCommandLineOnly } from "../options/weakening.ts";
import type { CommandDescription, ParameterDescription } from "./describe.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The JSON Schema of weighbridge.config.json: options by name, and under a command's name its own. */
export function configSchema(commands: readonly CommandDescription[]): Schema {
  const shared: Record<string, Schema> = {};
  const sections: Record<string, Schema> = {};
  for (const { name, summary, options } of commands) {
    const properties: Record<string, Schema> = {};
    for (const option of options.filter((each) => !isNeverSetting(each.name))) {
      const schema = optionSchema(option);
      properties[option.name] = schema;
      shared[option.name] = widest(shared[option.name], schema);
    }
    sections[name] = {
      type: "object",
      description: summary,
      properties,
      additionalProperties: false,
    };
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "weighbridge.config.json",
    description:
      "Options of weighbridge for every command that has them, and for one command under its name. Options that weaken a check are left to the command line.",
    type: "object",
    properties: {
      $schema: { type: "string" },
      quiet: flag(),
      verbose: flag(),
      ...shared,
      // A name may be an option and a command: `generate` has --chat, and there is `chat`.
      ...Object.fromEntries(
        Object.entries(sections).map(([name, section]) => [name, widest(shared[name], section)]),
      ),
    },
    additionalProperties: false,
  };
}

function flag(): Schema {
  return { type: "boolean" };
}

function optionSchema({ kind, summary, values, name }: ParameterDescription): Schema {
  if (kind === "boolean") {
    const allowed = [true, false].filter((value) => !isCommandLineOnly(name, value, "file"));
    return { type: kind, ...(allowed.length === 1 ? { enum: allowed } : {}), description: summary };
  }
  if (kind === "number") return { type: kind, description: summary };
  if (values.length > 0) {
    const allowed = values.filter((value) => !isCommandLineOnly(name, value, "file"));
    return { enum: allowed, description: summary };
  }
  const isSize = /(memory|size)$/.test(name);
  return { type: isSize ? ["string", "integer"] : "string", description: summary };
}

/** One schema for a name that means something else in two commands. */
function widest(known: Schema | undefined, next: Schema): Schema {
  if (known === undefined || sameKind(known, next)) return next;
  return { anyOf: [known, next] };
}

function sameKind(left: Schema, right: Schema): boolean {
  return (
    JSON.stringify([left["type"], left["enum"]]) === JSON.stringify([right["type"], right["enum"]])
  );
}
