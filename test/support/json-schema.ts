import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { isRecord } from "./is-record.ts";

const SCHEMAS = join(import.meta.dirname, "../../schemas");

/** A schema of `schemas/` as it is published. */
export function readSchema(name: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), "utf8"));
  if (!isRecord(value)) throw new Error(`${name}: not an object`);
  return value;
}

/**
 * Compiles a schema.
 * @param isClosed Also refuses fields that the schema does not name, so that none stays undescribed; readers of the
 *   published schema are to tolerate new ones.
 */
export function compileSchema(name: string, isClosed: boolean): ValidateFunction {
  const schema = readSchema(name);
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  const closed = isClosed ? close(schema) : schema;
  if (!isRecord(closed)) throw new Error(`${name}: not an object`);
  return ajv.compile(closed);
}

function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close);
  if (!isRecord(value)) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, close(part)]));
  const isOpen = isRecord(value["properties"]) && value["additionalProperties"] === undefined;
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}
