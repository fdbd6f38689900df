import { hashOf } from "../../runtime/chat/jinja/values/basics.ts";
import { isObject } from "../../runtime/chat/jinja/values/value.ts";
import { fill } from "../prompts/fill.ts";
import { namesIn } from "../prompts/names-in.ts";
import type { Field } from "../tasks/task.ts";
import { textOfValue, type RowValue } from "./json-values.ts";
import type { RawRow } from "./read-rows.ts";
import { TAKE } from "./take.ts";

/** A row's columns as texts, by name: those that are stored in their order, then those that the task makes of them. */
export type Columns = ReadonlyMap<string, string>;

/** What is wrong with a row; who asks knows which row it is. */
export class RowProblem extends Error {}

/** @throws RowProblem naming the column, what was expected and what was found. */
export function columnsOf(row: RawRow, fields: ReadonlyMap<string, Field>): Columns {
  const columns = new Map<string, string>();
  // A null is none, but where it stands in a list; who needs the column refuses it.
  for (const [name, value] of row) columns.set(name, value === null ? "" : textOfValue(value));
  const made = new Set<string>();
  for (const [name, field] of fields) {
    if ("template" in field) {
      needColumns(columns, namesIn([field.template]), row, made);
      columns.set(name, fill(field.template, columns));
    } else if ("named" in field) columns.set(name, columnNamed(columns, name, field.named));
    else columns.set(name, takenFrom(row, name, field));
    made.add(name);
  }
  return columns;
}

/** @throws RowProblem where columns are missing, or stored as null and not made by one of these fields of the task. */
export function needColumns(
  columns: Columns,
  names: readonly string[],
  row: RawRow,
  fields: Pick<ReadonlyMap<string, Field>, "has">,
): void {
  const nothing = names.find((name) => row.get(name) === null && !fields.has(name));
  if (nothing !== undefined) throw new RowProblem(`expected a text in ${nothing}, found null`);
  const missing = names.filter((name) => !columns.has(name));
  if (missing.length === 0) return;
  throw new RowProblem(
    `expected the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}, found ${listOf(columns.keys())}`,
  );
}

function listOf(names: Iterable<string>): string {
  return [...names].join(", ") || "none";
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
    throw new RowProblem(`expected the column ${where}, found ${listOf(row.keys())}`);
  const stored = values.find((value) => !isNothing(value));
  const text = stored === undefined ? otherwise : joined(stored, join);
  if (text === undefined) throw new RowProblem(`${name}: expected a value in ${where}, found none`);
  const part = take === undefined ? text : TAKE[take](text);
  if (part === undefined)
    throw new RowProblem(`${name}: expected a ${take} in ${where}, found none`);
  if (map === undefined) return part;
  // A file of JSON has true where Python has True.
  const mapped =
    map.get(part) ?? (typeof stored === "boolean" ? map.get(String(stored)) : undefined);
  if (mapped !== undefined) return mapped;
  throw new RowProblem(`${where}: expected ${[...map.keys()].join(" or ")}, found ${part}`);
}

/** As in Python, null, "" and [] are nothing. */
function isNothing(value: RowValue): boolean {
  return value === null || value === "" || (isList(value) && value.items.length === 0);
}

/** The value at a path such as "target.span1_text" or "choices.text.0". */
function valueAt(row: RawRow, path: string): RowValue | undefined {
  if (row.has(path)) return row.get(path);
  const [first = "", ...keys] = path.split(".");
  let value = row.get(first);
  for (const key of keys) {
    if (value === undefined || !isObject(value)) return undefined;
    if (value.kind === "list") value = /^\d+$/.test(key) ? value.items[Number(key)] : undefined;
    else value = value.kind === "dict" ? value.entries.get(hashOf(key))?.[1] : undefined;
  }
  return value;
}

function isList(value: RowValue): value is Extract<RowValue, { kind: "list" }> {
  return isObject(value) && value.kind === "list";
}

/** Parts of a list, of lists in it, too, with `join` between them. */
function joined(value: RowValue, join: string): string {
  return isList(value)
    ? value.items.map((item) => joined(item, join)).join(join)
    : textOfValue(value);
}
