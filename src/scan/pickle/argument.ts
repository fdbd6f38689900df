import { WbError } from "../../errors/wb-error.ts";
import type { PickleCursor } from "../../formats/pickle/cursor.ts";
import { MAX_INLINE_TEXT_BYTES } from "../../formats/pickle/limits.ts";
import {
  parseDecimal,
  parseFloatLine,
  parseInteger,
  parseLong,
} from "../../formats/pickle/numbers.ts";
import {
  INTEGER_BYTES,
  lengthWidth,
  PICKLE_OPCODES,
  type CountedArgument,
  type IntegerWidth,
  type OpcodeName,
} from "../../formats/pickle/opcodes.ts";
import {
  decodeLatin1,
  decodeRawUnicodeEscape,
  decodeUtf8,
  unquote,
} from "../../formats/pickle/text.ts";
import { DATA, MADE, type TraceValue } from "./stack.ts";

/** What the argument of an opcode says. */
export type TraceArgument =
  | { readonly kind: "value"; readonly value: TraceValue }
  | { readonly kind: "index"; readonly index: string }
  | {
      readonly kind: "global";
      readonly module: string;
      readonly name: string;
      readonly isWhole: boolean;
    };

/** Bytes of the longest line that is followed; beyond it nothing is a pickle. */
const MAX_LINE_BYTES = 2 ** 20;

/** Bytes of an opcode and the longest number behind it: so many must be readable before it is traced. */
export const LOOKAHEAD_BYTES = 9;

/**
 * Reads the argument behind an opcode; a promise only where more of the file must be read.
 * @throws WbError where CPython's unpicklers stop, all of them.
 */
export function traceArgument(
  opcode: OpcodeName,
  cursor: PickleCursor,
  label: string,
): TraceArgument | Promise<TraceArgument> {
  const { argument } = PICKLE_OPCODES[opcode];
  switch (argument) {
    case "none":
      return { kind: "value", value: DATA };
    case "u8":
    case "u16":
    case "u32":
    case "i32":
    case "u64":
      return { kind: "index", index: String(integer(argument, cursor, label)) };
    case "f64be":
      integer("u64", cursor, label);
      return { kind: "value", value: DATA };
    case "line":
      return lineArgument(opcode, cursor, label);
    case "two-lines":
      return globalArgument(cursor, label);
    default:
      return countedArgument(opcode, argument, cursor, label);
  }
}

function integer(kind: IntegerWidth, cursor: PickleCursor, label: string): number | bigint {
  if (!cursor.has(INTEGER_BYTES[kind]))
    throw new WbError("WB3201", `${label}: the file ends in a number at byte ${cursor.position}`, {
      details: { where: label },
    });
  return cursor.integer(kind);
}

/** A length, then so many bytes: only texts that can be names are read. */
function countedArgument(
  opcode: OpcodeName,
  argument: CountedArgument,
  cursor: PickleCursor,
  label: string,
): TraceArgument | Promise<TraceArgument> {
  const offset = cursor.position;
  const length = integer(lengthWidth(argument), cursor, label);
  if (length < 0 || length > cursor.remaining) {
    throw new WbError(
      "WB3201",
      `${label}: byte ${offset}: data of ${length} bytes, but only ${cursor.remaining} are left`,
      { details: { where: label } },
    );
  }
  const byteLength = Number(length);
  const isUtf8 = argument.startsWith("utf8");
  // Python 2's str becomes a text or bytes, as the loader is told.
  const isText = isUtf8 || opcode === "SHORT_BINSTRING" || opcode === "BINSTRING";
  if (!isText || byteLength > MAX_INLINE_TEXT_BYTES) {
    cursor.range(byteLength);
    return { kind: "value", value: isText ? MADE : DATA };
  }
  const read = (): TraceArgument => {
    const bytes = cursor.bytes(byteLength);
    const text = isUtf8 ? decodeUtf8(bytes) : decodeLatin1(bytes);
    if (text !== undefined) return { kind: "value", value: text };
    throw new WbError("WB3206", `${label}: byte ${offset}: a text that is not UTF-8`, {
      details: { where: label },
    });
  };
  return cursor.has(byteLength) ? read() : cursor.need(byteLength, "a text").then(read);
}

async function globalArgument(cursor: PickleCursor, label: string): Promise<TraceArgument> {
  const module = await textLine(cursor, label);
  const name = module.hasNewline ? await textLine(cursor, label) : { text: "", hasNewline: false };
  return { kind: "global", module: module.text, name: name.text, isWhole: name.hasNewline };
}

async function lineArgument(
  opcode: OpcodeName,
  cursor: PickleCursor,
  label: string,
): Promise<TraceArgument> {
  const offset = cursor.position;
  const line = await looseLine(cursor, label);
  const text = decodeLatin1(line.bytes);
  const malformed = (): WbError =>
    new WbError(
      "WB3206",
      `${label}: byte ${offset}: the argument of ${opcode} is ${JSON.stringify(text.slice(0, 40))}`,
      { details: { where: label } },
    );
  if (!line.hasNewline)
    throw new WbError(
      "WB3201",
      `${label}: the argument of ${opcode} at byte ${offset} has no end`,
      { details: { where: label } },
    );
  const isLong = line.byteLength > line.bytes.byteLength;
  switch (opcode) {
    case "GET":
    case "PUT": {
      const index = isLong ? undefined : parseDecimal(text);
      if (index === undefined || index < 0n) throw malformed();
      return { kind: "index", index: String(index) };
    }
    case "INT":
    case "LONG":
    case "FLOAT": {
      const parse = { INT: parseInteger, LONG: parseLong, FLOAT: parseFloatLine }[opcode];
      if (isLong || parse(text) === undefined) throw malformed();
      return { kind: "value", value: DATA };
    }
    case "STRING":
    case "UNICODE": {
      // Too long to be read: it is a text, and may be any.
      if (isLong) return { kind: "value", value: MADE };
      const value = opcode === "STRING" ? unquote(text) : decodeRawUnicodeEscape(line.bytes);
      if (value === undefined) throw malformed();
      return { kind: "value", value };
    }
    default:
      return { kind: "value", value: MADE };
  }
}

async function textLine(
  cursor: PickleCursor,
  label: string,
): Promise<{ text: string; hasNewline: boolean }> {
  const offset = cursor.position;
  const line = await looseLine(cursor, label);
  const text = decodeUtf8(line.bytes);
  if (text === undefined)
    throw new WbError("WB3206", `${label}: byte ${offset}: a name that is not UTF-8`, {
      details: { where: label },
    });
  return { text, hasNewline: line.hasNewline };
}

async function looseLine(
  cursor: PickleCursor,
  label: string,
): Promise<NonNullable<Awaited<ReturnType<PickleCursor["looseLine"]>>>> {
  const offset = cursor.position;
  const line = await cursor.looseLine(MAX_INLINE_TEXT_BYTES, MAX_LINE_BYTES);
  if (line !== undefined) return line;
  throw new WbError(
    "WB3206",
    `${label}: byte ${offset}: a line of more than ${MAX_LINE_BYTES} bytes`,
    { details: { where: label } },
  );
}
