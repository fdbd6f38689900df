import { expect, test } from "vitest";
import { PICKLE_OPCODES } from "../../src/formats/pickle/opcodes.ts";

/** CPython 3.11: `print(*(f"{op.name} {ord(op.code):02x}" for op in pickletools.opcodes))`. */
const OF_CPYTHON = `
  MARK 28 EMPTY_TUPLE 29 STOP 2e POP 30 POP_MARK 31 DUP 32 BINBYTES 42 SHORT_BINBYTES 43 FLOAT 46 BINFLOAT 47 INT 49
  BININT 4a BININT1 4b LONG 4c BININT2 4d NONE 4e PERSID 50 BINPERSID 51 REDUCE 52 STRING 53 BINSTRING 54 SHORT_BINSTRING
  55 UNICODE 56 BINUNICODE 58 EMPTY_LIST 5d APPEND 61 BUILD 62 GLOBAL 63 DICT 64 APPENDS 65 GET 67 BINGET 68 INST 69
  LONG_BINGET 6a LIST 6c OBJ 6f PUT 70 BINPUT 71 LONG_BINPUT 72 SETITEM 73 TUPLE 74 SETITEMS 75 EMPTY_DICT 7d PROTO 80
  NEWOBJ 81 EXT1 82 EXT2 83 EXT4 84 TUPLE1 85 TUPLE2 86 TUPLE3 87 NEWTRUE 88 NEWFALSE 89 LONG1 8a LONG4 8b
  SHORT_BINUNICODE 8c BINUNICODE8 8d BINBYTES8 8e EMPTY_SET 8f ADDITEMS 90 FROZENSET 91 NEWOBJ_EX 92 STACK_GLOBAL 93
  MEMOIZE 94 FRAME 95 BYTEARRAY8 96 NEXT_BUFFER 97 READONLY_BUFFER 98
`;

test("opcodes have CPython's bytes", () => {
  const expected = [...OF_CPYTHON.matchAll(/(\w+)\s+([0-9a-f]{2})\b/g)].map(
    ([, name = "", byte = ""]) => [name, Number.parseInt(byte, 16)] as const,
  );
  const ours = Object.entries(PICKLE_OPCODES).map(([name, { byte }]) => [name, byte] as const);
  expect(new Map(ours)).toEqual(new Map(expected));
});
