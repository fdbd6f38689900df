import { fill } from "../prompts/fill.ts";
import type { Field } from "../tasks/task.ts";
import type { RawRow } from "./read-rows.ts";
import { TAKE } from "./take.ts";

/** A row's columns as texts, by name: those that are stored in their order, then those that the task makes of them. */
export type Columns = ReadonlyMap<string, string>;

/** What is wrong with a row; who asks knows which row it is. */
export class RowProblem extends Error {}

/** @throws RowProblem naming the column, what was expected and what was found. */
export function columnsOf(row: RawRow, fields: ReadonlyMap<string, Field>): Columns {
  const columns = new Map<string, string>();
  for (const name of Object.keys(row)) columns.set(name, textOf(row[name], ""));
  for (const [name, field] of fields) {
    if ("template" in field) columns.set(name, fill(field.template, columns));
    else if ("named" in field) columns.set(name, columnNamed(columns, name, field.named));
    else columns.set(name, takenFrom(row, name, field));
  }
  return columns;
}

/** @throws RowProblem where columns are missing, or stored as null and not made by a field of the task. */
export function needColumns(
  columns: Columns,
  names: readonly string[],
  row: RawRow,
  fields: ReadonlyMap<string, Field>,
): void {
  const nothing = names.find((name) => row[name] === null && !fields.has(name));
  if (nothing !== undefined) throw new RowProblem(`expected a text in ${nothing}, found null`);
  const missing = names.filter((name) => !columns.has(name));
  if (missing.length === 0) return;
  throw new RowProblem(
    `expected the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}, found ${[...columns.keys()].join(", ")}`,
  );
}

function columnNamed(columns: Columns, name: string, by: string): string {
  const value = columns.get(columns.get(by) ?? "");
  if (value !== undefined) return value;
  throw new RowProblem(
    `${name}: expected the name of a column in ${by}, found ${columns.get(by) ?? "no such column"}`,
  );
}

function takenFrom(
  row: RawRow,
  name: string,
  { from, join, map, take, otherwise }: Extract<Field, { from: readonly string[] }>,
): string {
  const where = from.join(" or ");
  const values = from.map((path) => valueAt(row, path)).filter((value) => value !== undefined);
  if (values.length === 0)
    throw new RowProblem(`expected the column ${where}, found ${Object.keys(row).join(", ")}`);
  const stored = values.find((value) => !isNothing(value));
  const text = stored === undefined ? otherwise : textOf(stored, join);
  if (text === undefined) throw new RowProblem(`${name}: expected a value in ${where}, found none`);
  const part = take === undefined ? text : TAKE[take](text);
  if (part === undefined)
    throw new RowProblem(`${name}: expected a ${take} in ${where}, found none`);
  if (map === undefined) return part;
  const mapped = map.get(part);
  if (mapped !== undefined) return mapped;
  throw new RowProblem(`${where}: expected ${[...map.keys()].join(" or ")}, found ${part}`);
}

/** As in Python, null, "" and [] are nothing. */
function isNothing(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** The value at a path such as "target.span1_text" or "choices.text.0". */
function valueAt(row: RawRow, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Object.entries(value).find(([name]) => name === key)?.[1];
  }
  return value;
}

function textOf(value: unknown, join: string): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map((item) => textOf(item, join)).join(join);
  return JSON.stringify(value);
}
