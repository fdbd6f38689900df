import type { Checked } from "./checked.ts";
import { turnsOf } from "./parse-prompt.ts";
import { ROW_FORMATS, type Examples, type RowsFile } from "./task.ts";

/** Where rows are. @throws WbError WB2921. */
export function rowsFile(fields: Checked): RowsFile {
  const file = fields.path("file");
  const format = fields.choice("format", ROW_FORMATS);
  const rows = { file, format, columns: columnsOf(fields, format) };
  fields.end();
  return rows;
}

/** Names of a CSV file's columns; rows of JSON have their own. */
function columnsOf(fields: Checked, format: RowsFile["format"]): RowsFile["columns"] {
  if (!fields.has("columns")) return undefined;
  const columns = fields.texts("columns");
  if (!format.endsWith("csv")) throw fields.error("columns", "no columns of rows in JSON", columns);
  const twice = columns.find((name, at) => columns.indexOf(name) !== at);
  if (twice !== undefined) throw fields.error("columns", "different names", twice);
  return columns;
}

/** Worked examples; what they do not say of their file is as for the questions. @throws WbError WB2921. */
export function examplesOf(fields: Checked, rows: RowsFile): Examples {
  const file = fields.path("file");
  const format = fields.has("format") ? fields.choice("format", ROW_FORMATS) : rows.format;
  const given = columnsOf(fields, format);
  const result: Examples = {
    rows: {
      file,
      format,
      columns: given ?? (format.endsWith("csv") ? rows.columns : undefined),
    },
    first: fields.count("first"),
    template: fields.has("turns") ? turnsOf(fields, "turns") : fields.text("text"),
    after: fields.optionalText("after") ?? "",
    end: fields.optionalText("end") ?? "",
    optional: fields.truth("optional"),
  };
  fields.end();
  return result;
}
