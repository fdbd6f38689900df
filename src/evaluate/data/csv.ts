/** A quote that no other closes: all that stands behind it would be one field. */
export class OpenQuote extends Error {
  /** Of the quote, from 1. */
  readonly line: number;

  constructor(line: number) {
    super(`line ${line}: a quote is not closed`);
    this.line = line;
  }
}

/**
 * Records of a CSV text as RFC 4180 and Python's csv module read them: quotes around a field, doubled inside; line ends inside
 * quotes belong to the field, and are "\n", as Python's text files give them, unless they are kept; empty lines are no records.
 * @throws OpenQuote as pandas does; Python's csv module takes all that follows for one field instead.
 */
export function parseCsv(
  text: string,
  { keepsLineEnds = false }: { readonly keepsLineEnds?: boolean } = {},
): readonly (readonly string[])[] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let isQuoted = false;
  let opened = 0;
  let isEmptyLine = true;
  const endRecord = (): void => {
    if (!isEmptyLine) records.push([...record, field]);
    record = [];
    field = "";
    isEmptyLine = true;
  };
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (isQuoted) {
      if (char === "\r" && !keepsLineEnds) {
        field += "\n";
        if (text[index + 1] === "\n") index++;
      } else if (char !== '"') field += char;
      else if (text[index + 1] === '"') {
        field += '"';
        index++;
      } else isQuoted = false;
    } else if (char === '"' && field === "") {
      isQuoted = true;
      opened = index;
      isEmptyLine = false;
    } else if (char === ",") {
      record.push(field);
      field = "";
      isEmptyLine = false;
    } else if (char === "\n" || char === "\r") {
      if (char === "\r" && text[index + 1] === "\n") index++;
      endRecord();
    } else {
      field += char;
      isEmptyLine = false;
    }
  }
  if (isQuoted) throw new OpenQuote(text.slice(0, opened).split(/\r\n|\r|\n/).length);
  endRecord();
  return records;
}
