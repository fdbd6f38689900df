import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { Dict, List } from "../../runtime/chat/jinja/values/value.ts";
import { readSmall } from "../../sources/places.ts";
import type { RowsFile } from "../tasks/task.ts";
import { OpenQuote, parseCsv } from "./csv.ts";
import { parseRowJson, textOfValue, type RowValue } from "./json-values.ts";
import { pandasColumn } from "./pandas-columns.ts";

/** Largest file of rows; the test split of MMLU in one file would have 7 MB. */
const MAX_ROWS_BYTES = 2 ** 30;

/** One row as stored: columns by name, in their order. */
export type RawRow = ReadonlyMap<string, RowValue>;

/** A row, or why it is none. */
export type ReadRow =
  | { readonly index: number; readonly place: string; readonly row: RawRow }
  | { readonly index: number; readonly place: string; readonly problem: string };

/** @throws WbError WB3921 where the file is missing, WB3922 where it is not what its task says. */
export async function readRows(data: string, file: RowsFile): Promise<readonly ReadRow[]> {
  const rows = await findRows(data, file);
  if (rows !== undefined) return rows;
  const path = join(data, file.file);
  throw new WbError("WB3921", `${path}: no such file`, { details: { path } });
}

/** As `readRows`, but undefined where there is no such file. */
export async function findRows(
  data: string,
  file: RowsFile,
): Promise<readonly ReadRow[] | undefined> {
  const path = join(data, file.file);
  const bytes = await readSmall(path, MAX_ROWS_BYTES);
  if (bytes === undefined) return undefined;
  const rows = told(path, () => rowsIn(textOf(bytes, path, file), path, file));
  if (rows.length > 0) return rows;
  throw new WbError("WB3922", `${path}: expected rows, found none`, { details: { path } });
}

/** Rows behind a quote that is not closed cannot be told apart, so that no --skip-bad counts them. */
function told<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof OpenQuote)) throw cause;
    throw new WbError(
      "WB3922",
      `${path}: line ${cause.line}: expected the end of a field in quotes, found the end of the file`,
      { details: { path }, cause },
    );
  }
}

function rowsIn(text: string, path: string, file: RowsFile): readonly ReadRow[] {
  if (file.format === "csv") return csvRows(parseCsv(text), path, file);
  if (file.format === "pandas-csv") return pandasRows(text, path, file);
  return jsonRows(text, path, file);
}

function textOf(bytes: Uint8Array, path: string, { format, columns }: RowsFile): string {
  // A byte order mark is left out, but of rows without a header: there Python's csv module makes it part of the first field.
  const ignoreBOM = format === "csv" && columns !== undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM }).decode(bytes);
  } catch (cause) {
    throw new WbError("WB3922", `${path}: expected UTF-8 text, found other bytes`, {
      details: { path },
      cause,
    });
  }
}

type Records = readonly (readonly string[])[];

/** Cells as pandas takes them: each by what its column is. */
function pandasRows(text: string, path: string, file: RowsFile): readonly ReadRow[] {
  const records = parseCsv(text, { keepsLineEnds: true }).filter(
    ([first = "", ...others]) => others.length > 0 || first.trim() !== "",
  );
  const names = file.columns ?? records[0] ?? [];
  const header = records.slice(0, file.columns === undefined ? 1 : 0);
  const body: Records = records.slice(header.length);
  // A row of another length is told of, and has no part in what the columns are.
  const whole = body.filter(({ length }) => length === names.length);
  const columns = names.map((_, at) => pandasColumn(whole.map((record) => record[at] ?? "")));
  let read = 0;
  const typed = body.map((record) => {
    if (record.length !== names.length) return record;
    const row = read++;
    return columns.map((column) => column[row] ?? "");
  });
  return csvRows([...header, ...typed], path, file);
}

function csvRows(all: Records, path: string, { columns }: RowsFile): readonly ReadRow[] {
  const [first = [], ...rest] = all;
  const names = columns ?? first;
  const records = columns === undefined ? rest : all;
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new WbError(
      "WB3922",
      `${path}: expected columns of different names, found ${twice} twice`,
      {
        details: { path },
      },
    );
  return records.map((record, index) => {
    const place = `${path}: row ${index + 1}`;
    if (record.length === names.length)
      return { index, place, row: new Map(names.map((name, at) => [name, record[at] ?? ""])) };
    const problem = `expected ${names.length} columns (${names.join(", ")}), found ${record.length}`;
    return { index, place, problem };
  });
}

function jsonRows(text: string, path: string, { format }: RowsFile): readonly ReadRow[] {
  if (format === "json") return wholeJson(text, path);
  return text
    .split(/\r\n|\r|\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== "")
    .map(({ line, number }, index) => {
      const place = `${path}: line ${number}`;
      const value = parsed(line);
      if (value instanceof Dict) return { index, place, row: rowOf(value) };
      return { index, place, problem: `expected a JSON object, found ${line.slice(0, 40)}` };
    });
}

function wholeJson(text: string, path: string): readonly ReadRow[] {
  const value = parsed(text);
  const items = itemsOf(value);
  if (items === undefined)
    throw new WbError(
      "WB3922",
      `${path}: expected a JSON array, or an object of rows, found ${value === undefined ? "no JSON" : text.trim().slice(0, 40)}`,
      { details: { path } },
    );
  return items.map(([key, item], index) => {
    const place = `${path}: row ${key}`;
    if (item instanceof Dict) return { index, place, row: rowOf(item) };
    return {
      index,
      place,
      problem: `expected a JSON object, found ${textOfValue(item).slice(0, 40)}`,
    };
  });
}

/** Items of a list by their place, those of an object by their name. */
function itemsOf(
  value: RowValue | undefined,
): readonly (readonly [string, RowValue])[] | undefined {
  if (value instanceof List) return value.items.map((item, index) => [String(index), item]);
  return value instanceof Dict ? [...rowOf(value)] : undefined;
}

function rowOf({ entries }: Dict): RawRow {
  return new Map([...entries.values()].map(([name, value]) => [textOfValue(name), value]));
}

function parsed(text: string): RowValue | undefined {
  try {
    return parseRowJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
