import { WbError } from "../../errors/wb-error.ts";
import type { PickleCursor } from "./cursor.ts";
import { MAX_INLINE_TEXT_BYTES, PICKLE_LIMITS } from "./limits.ts";
import { parseDecimal, parseFloatLine, parseInteger, parseLong } from "./numbers.ts";
import {
  INTEGER_BYTES,
  lengthWidth,
  PICKLE_OPCODES,
  type CountedArgument,
  type OpcodeArgument,
  type OpcodeName,
} from "./opcodes.ts";
import type { PickleStack } from "./stack.ts";
import {
  decodeLatin1,
  decodeLong,
  decodeRawUnicodeEscape,
  decodeUtf8,
  exactInteger,
  unquote,
} from "./text.ts";
import type { PickleValue } from "./value.ts";

/** Bytes of the fixed part of each kind of argument: the value itself, or the length before it. */
const FIXED_BYTES: Readonly<Record<OpcodeArgument, number>> = {
  none: 0,
  line: 0,
  "two-lines": 0,
  ...INTEGER_BYTES,
  f64be: 8,
  "bytes-u8": 1,
  "bytes-u32": 4,
  "bytes-i32": 4,
  "bytes-u64": 8,
  "utf8-u8": 1,
  "utf8-u32": 4,
  "utf8-u64": 8,
  "long-u8": 1,
  "long-i32": 4,
};

/**
 * The argument of the opcode whose byte was read last, as the value that it stands for. A promise only where more of the
 * file must be read first.
 */
export function readArgument(
  opcode: OpcodeName,
  cursor: PickleCursor,
  stack: PickleStack,
): PickleValue | Promise<PickleValue> {
  const { argument } = PICKLE_OPCODES[opcode];
  const fixed = FIXED_BYTES[argument];
  if (!cursor.has(fixed)) return afterNeed(opcode, cursor, stack, fixed);
  switch (argument) {
    case "u8":
      return cursor.u8();
    case "u16":
      return cursor.u16();
    case "u32":
      return cursor.u32();
    case "i32":
      return cursor.i32();
    case "u64":
      return exactInteger(cursor.u64());
    case "f64be":
      return { kind: "float", value: cursor.f64be() };
    case "line":
      return lineArgument(opcode, cursor, stack);
    case "two-lines":
      return twoLines(cursor, stack);
    case "bytes-u8":
    case "bytes-u32":
    case "bytes-i32":
    case "bytes-u64":
      return bytesArgument(opcode, cursor, stack, lengthOf(argument, cursor, stack));
    case "utf8-u8":
    case "utf8-u32":
    case "utf8-u64":
      return textArgument(cursor, stack, lengthOf(argument, cursor, stack));
    case "long-u8":
    case "long-i32":
      return longArgument(cursor, stack, lengthOf(argument, cursor, stack));
    case "none":
      return null;
    default:
      return argument satisfies never;
  }
}

async function afterNeed(
  opcode: OpcodeName,
  cursor: PickleCursor,
  stack: PickleStack,
  fixed: number,
): Promise<PickleValue> {
  await cursor.need(fixed, `the argument of ${opcode}`);
  return readArgument(opcode, cursor, stack);
}

/** The length that stands before the data, checked against what is left of the file. */
function lengthOf(argument: CountedArgument, cursor: PickleCursor, stack: PickleStack): number {
  const length = cursor.integer(lengthWidth(argument));
  if (length < 0) throw malformed(stack, `a length of ${length}`);
  if (length > cursor.remaining) {
    throw new WbError(
      "WB3201",
      `${stack.where()}: its data has ${length} bytes, but only ${cursor.remaining} are left`,
      {
        details: {
          where: stack.where(),
          offset: stack.offset,
          needed: Number(length),
          left: cursor.remaining,
        },
      },
    );
  }
  return Number(length);
}

function bytesArgument(
  opcode: OpcodeName,
  cursor: PickleCursor,
  stack: PickleStack,
  length: number,
): PickleValue | Promise<PickleValue> {
  // Python 2's str is text or bytes; short ones are names, read as latin1 like paddle.load does.
  const isPython2 = opcode === "SHORT_BINSTRING" || opcode === "BINSTRING";
  if (!isPython2 || length > MAX_INLINE_TEXT_BYTES)
    return { kind: "bytes", ...cursor.range(length) };
  return withBytes(cursor, stack, length, decodeLatin1);
}

function textArgument(
  cursor: PickleCursor,
  stack: PickleStack,
  length: number,
): PickleValue | Promise<PickleValue> {
  if (length > MAX_INLINE_TEXT_BYTES) return { kind: "text", ...cursor.range(length) };
  return withBytes(cursor, stack, length, (bytes) => {
    const text = decodeUtf8(bytes);
    if (text === undefined) throw malformed(stack, "its text is not UTF-8");
    return text;
  });
}

function longArgument(
  cursor: PickleCursor,
  stack: PickleStack,
  length: number,
): PickleValue | Promise<PickleValue> {
  if (length > PICKLE_LIMITS.longBytes) throw stack.bomb(`an integer of ${length} bytes`);
  return withBytes(cursor, stack, length, decodeLong);
}

function withBytes(
  cursor: PickleCursor,
  stack: PickleStack,
  length: number,
  decode: (bytes: Uint8Array) => PickleValue,
): PickleValue | Promise<PickleValue> {
  if (cursor.has(length)) return decode(cursor.bytes(length));
  return cursor
    .need(length, `the data of ${stack.opcode}`)
    .then(() => decode(cursor.bytes(length)));
}

async function twoLines(cursor: PickleCursor, stack: PickleStack): Promise<PickleValue> {
  const lines: string[] = [];
  for (const what of ["module", "name"]) {
    const text = decodeUtf8(await cursor.line(`the ${what} of ${stack.opcode}`));
    if (text === undefined) throw malformed(stack, `its ${what} is not UTF-8`);
    lines.push(text);
  }
  return { kind: "tuple", items: lines };
}

async function lineArgument(
  opcode: OpcodeName,
  cursor: PickleCursor,
  stack: PickleStack,
): Promise<PickleValue> {
  const bytes = await cursor.line(`the argument of ${opcode}`);
  const text = decodeLatin1(bytes);
  const value = parseLine(opcode, text, bytes);
  if (value === undefined)
    throw malformed(stack, `its argument is ${JSON.stringify(text.slice(0, 40))}`);
  return value;
}

function parseLine(opcode: OpcodeName, text: string, bytes: Uint8Array): PickleValue | undefined {
  switch (opcode) {
    case "INT": {
      const value = parseInteger(text);
      return typeof value === "bigint" ? exactInteger(value) : value;
    }
    case "LONG":
      return exactOrNone(parseLong(text));
    case "FLOAT":
      return parseFloatLine(text);
    case "GET":
    case "PUT":
      return exactOrNone(parseDecimal(text));
    case "STRING":
      return unquote(text);
    case "UNICODE":
      return decodeRawUnicodeEscape(bytes);
    default:
      return text;
  }
}

function exactOrNone(value: bigint | undefined): number | bigint | undefined {
  return value === undefined ? undefined : exactInteger(value);
}

function malformed(stack: PickleStack, problem: string): WbError {
  return new WbError("WB3206", `${stack.where()}: ${problem}`, {
    details: { where: stack.where(), offset: stack.offset },
  });
}
