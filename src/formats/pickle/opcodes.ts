/** Bytes of a whole number as it is stored, little-endian. */
export const INTEGER_BYTES = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8 } as const;

export type IntegerWidth = keyof typeof INTEGER_BYTES;

/** An argument that is a length and then so many bytes. */
export type CountedArgument = Extract<OpcodeArgument, `${"bytes" | "utf8" | "long"}-${string}`>;

/** How an opcode's argument is behind it. */
export type OpcodeArgument =
  | "none"
  | "line" // text up to a newline
  | "two-lines"
  | IntegerWidth
  | "f64be"
  | "bytes-u8" // a length, then so many bytes
  | "bytes-u32"
  | "bytes-i32"
  | "bytes-u64"
  | "utf8-u8"
  | "utf8-u32"
  | "utf8-u64"
  | "long-u8"
  | "long-i32";

/**
 * Every opcode of pickle protocols 0 to 5: CPython v3.11.7, Lib/pickletools.py. Both directions of look-up derive from
 * this table.
 */
export const PICKLE_OPCODES = {
  MARK: { byte: 0x28, argument: "none" },
  STOP: { byte: 0x2e, argument: "none" },
  POP: { byte: 0x30, argument: "none" },
  POP_MARK: { byte: 0x31, argument: "none" },
  DUP: { byte: 0x32, argument: "none" },
  FLOAT: { byte: 0x46, argument: "line" },
  INT: { byte: 0x49, argument: "line" },
  BININT: { byte: 0x4a, argument: "i32" },
  BININT1: { byte: 0x4b, argument: "u8" },
  LONG: { byte: 0x4c, argument: "line" },
  BININT2: { byte: 0x4d, argument: "u16" },
  NONE: { byte: 0x4e, argument: "none" },
  PERSID: { byte: 0x50, argument: "line" },
  BINPERSID: { byte: 0x51, argument: "none" },
  REDUCE: { byte: 0x52, argument: "none" },
  STRING: { byte: 0x53, argument: "line" },
  BINSTRING: { byte: 0x54, argument: "bytes-i32" },
  SHORT_BINSTRING: { byte: 0x55, argument: "bytes-u8" },
  UNICODE: { byte: 0x56, argument: "line" },
  BINUNICODE: { byte: 0x58, argument: "utf8-u32" },
  APPEND: { byte: 0x61, argument: "none" },
  BUILD: { byte: 0x62, argument: "none" },
  GLOBAL: { byte: 0x63, argument: "two-lines" },
  DICT: { byte: 0x64, argument: "none" },
  EMPTY_DICT: { byte: 0x7d, argument: "none" },
  APPENDS: { byte: 0x65, argument: "none" },
  GET: { byte: 0x67, argument: "line" },
  BINGET: { byte: 0x68, argument: "u8" },
  INST: { byte: 0x69, argument: "two-lines" },
  LONG_BINGET: { byte: 0x6a, argument: "u32" },
  LIST: { byte: 0x6c, argument: "none" },
  EMPTY_LIST: { byte: 0x5d, argument: "none" },
  OBJ: { byte: 0x6f, argument: "none" },
  PUT: { byte: 0x70, argument: "line" },
  BINPUT: { byte: 0x71, argument: "u8" },
  LONG_BINPUT: { byte: 0x72, argument: "u32" },
  SETITEM: { byte: 0x73, argument: "none" },
  TUPLE: { byte: 0x74, argument: "none" },
  EMPTY_TUPLE: { byte: 0x29, argument: "none" },
  SETITEMS: { byte: 0x75, argument: "none" },
  BINFLOAT: { byte: 0x47, argument: "f64be" },
  PROTO: { byte: 0x80, argument: "u8" },
  NEWOBJ: { byte: 0x81, argument: "none" },
  EXT1: { byte: 0x82, argument: "u8" },
  EXT2: { byte: 0x83, argument: "u16" },
  EXT4: { byte: 0x84, argument: "i32" },
  TUPLE1: { byte: 0x85, argument: "none" },
  TUPLE2: { byte: 0x86, argument: "none" },
  TUPLE3: { byte: 0x87, argument: "none" },
  NEWTRUE: { byte: 0x88, argument: "none" },
  NEWFALSE: { byte: 0x89, argument: "none" },
  LONG1: { byte: 0x8a, argument: "long-u8" },
  LONG4: { byte: 0x8b, argument: "long-i32" },
  BINBYTES: { byte: 0x42, argument: "bytes-u32" },
  SHORT_BINBYTES: { byte: 0x43, argument: "bytes-u8" },
  SHORT_BINUNICODE: { byte: 0x8c, argument: "utf8-u8" },
  BINUNICODE8: { byte: 0x8d, argument: "utf8-u64" },
  BINBYTES8: { byte: 0x8e, argument: "bytes-u64" },
  EMPTY_SET: { byte: 0x8f, argument: "none" },
  ADDITEMS: { byte: 0x90, argument: "none" },
  FROZENSET: { byte: 0x91, argument: "none" },
  NEWOBJ_EX: { byte: 0x92, argument: "none" },
  STACK_GLOBAL: { byte: 0x93, argument: "none" },
  MEMOIZE: { byte: 0x94, argument: "none" },
  FRAME: { byte: 0x95, argument: "u64" },
  BYTEARRAY8: { byte: 0x96, argument: "bytes-u64" },
  NEXT_BUFFER: { byte: 0x97, argument: "none" },
  READONLY_BUFFER: { byte: 0x98, argument: "none" },
} as const satisfies Record<string, { byte: number; argument: OpcodeArgument }>;

export type OpcodeName = keyof typeof PICKLE_OPCODES;

const NAMES = Object.keys(PICKLE_OPCODES).filter((name) => isOpcodeName(name));

function isOpcodeName(name: string): name is OpcodeName {
  return Object.hasOwn(PICKLE_OPCODES, name);
}

const NAME_OF_BYTE: readonly (OpcodeName | undefined)[] = Array.from(
  { length: 256 },
  (_unused, byte) => NAMES.find((name) => PICKLE_OPCODES[name].byte === byte),
);

/** How the length before an argument's bytes is stored. */
export function lengthWidth(argument: CountedArgument): IntegerWidth {
  if (argument.endsWith("-u8")) return "u8";
  if (argument.endsWith("-u32")) return "u32";
  return argument.endsWith("-i32") ? "i32" : "u64";
}

/** The opcode that a byte stands for, or undefined. */
export function opcodeOfByte(byte: number): OpcodeName | undefined {
  return NAME_OF_BYTE[byte];
}
