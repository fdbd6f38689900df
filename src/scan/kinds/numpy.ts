import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { tracePickle } from "../pickle/trace.ts";

export const NPY_MAGIC = Buffer.from("\u0093NUMPY", "latin1");

/** Longest header that is read, in bytes; numpy itself refuses more than 10 000 unless it is told that the file is trusted. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * A dict as numpy writes it, whose dtype is one of numbers, text or times. Anything else may be an array of objects, whose
 * data is a pickle.
 */
const PLAIN =
  /^\{'descr': '[<>=|]([biufcSUVmM?])(\d*)(?:\[[\w]+\])?', 'fortran_order': (?:True|False), 'shape': \(([\d, ]*)\), ?\}\s*$/;

/** Arrays of one file, one behind the other; numpy's own archives keep one each. */
const MAX_ARRAYS = 1000;

/** A field of a record: its name, maybe with a title, its dtype or those of its parts, and its shape. */
const FIELD =
  /\((?:'[^'\\]*'|\('[^'\\]*', '[^'\\]*'\)), '[<>=|]([biufcSUVmM?])(\d*)(?:\[\w+\])?'(?:, \(([\d, ]*)\))?\)/g;

/** Fields within fields that are followed. */
const MAX_PARTS = 8;

/**
 * The header with a dtype of records of plain parts as one of as many bytes as they take together; as it is where it
 * has none.
 */
function withoutRecords(header: string): string {
  let rest = header;
  for (let depth = 0; depth < MAX_PARTS && rest.includes("'descr': ["); depth++) {
    // Innermost fields first: each becomes its width, a list of widths a dtype.
    rest = rest
      .replaceAll(FIELD, (_all, kind: string, digits: string, shape: string | undefined) => {
        return `#${widthOf(kind, digits) * productOf(shape ?? "")}#`;
      })
      .replaceAll(/\[#[\d#, ]*#\]/g, (list) => {
        const widths = [...list.matchAll(/\d+/g)].map(Number);
        return `'|V${widths.reduce((sum, width) => sum + width, 0)}'`;
      });
  }
  return rest;
}

const widthOf = (kind: string, digits: string): number =>
  digits === "" ? 1 : Number(digits) * (kind === "U" ? 4 : 1);

const productOf = (shape: string): number =>
  shape
    .split(",")
    .filter((text) => text.trim() !== "")
    .reduce((product, text) => product * Number(text), 1);

/** Judges one array (numpy's NEP 1): numbers, or a pickle of objects. */
export async function examineNpy(
  source: ByteSource,
  context: Examination,
  count = 1,
): Promise<Judgement> {
  const head = Buffer.from(await source.read(0, Math.min(12, source.byteLength)));
  const isFirst = head[6] === 1;
  if (!isFirst && head[6] !== 2 && head[6] !== 3)
    return notUnderstood(
      `an array of numpy of version ${head[6] ?? "?"}, which numpy does not read`,
    );
  const begin = isFirst ? 10 : 12;
  if (head.byteLength < 12) return notUnderstood("an array of numpy that is cut off");
  const length = isFirst ? head.readUInt16LE(8) : head.readUInt32LE(8);
  if (length > MAX_HEADER_BYTES || begin + length > source.byteLength)
    return notUnderstood(`an array of numpy with a header of ${length} bytes`);
  const header = Buffer.from(await source.read(begin, length)).toString("latin1");
  const data = begin + length;
  const end = numbersEnd(header, data);
  if (end !== undefined) return examineBehind(source, end, context, count);
  const trace = await tracePickle(source, data, context.findings.listener(context), context.signal);
  if (trace.broken === undefined && trace.end === source.byteLength)
    return { state: "examined", why: "an array of numpy that holds objects: a pickle" };
  return notUnderstood(
    `an array of numpy whose header tells no plain dtype, and whose data is no whole pickle: ${header.trim().slice(0, 80)}`,
  );
}

/** Byte behind the numbers of a plain array; undefined where the header tells no plain one. */
function numbersEnd(header: string, begin: number): number | undefined {
  const found = PLAIN.exec(withoutRecords(header));
  if (found === null) return undefined;
  const [, kind = "", digits = "", shape = ""] = found;
  return widthOf(kind, digits) * productOf(shape) + begin;
}

/** Behind an array may be another one; whatever else is there, a program that reads on would load. */
async function examineBehind(
  source: ByteSource,
  end: number,
  context: Examination,
  count: number,
): Promise<Judgement> {
  if (end === source.byteLength)
    return harmless("an array of numpy: numbers alone, which no loader runs");
  if (!(end < source.byteLength)) return notUnderstood("an array of numpy that is cut off");
  const rest = sliceSource(source, end, source.byteLength - end, source.label);
  const head = Buffer.from(await rest.read(0, Math.min(NPY_MAGIC.byteLength, rest.byteLength)));
  if (!head.equals(NPY_MAGIC) || count === MAX_ARRAYS)
    return notUnderstood("an array of numpy with other bytes behind it");
  return examineNpy(rest, context, count + 1);
}
