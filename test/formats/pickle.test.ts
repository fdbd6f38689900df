import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAllowedGlobal } from "../../src/formats/pickle/allow.ts";
import { PICKLE_OPCODES, type OpcodeName } from "../../src/formats/pickle/opcodes.ts";
import { readPickle } from "../../src/formats/pickle/read.ts";
import { memorySource } from "../../src/sources/file.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught } from "../support/caught.ts";
import { integer, pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { readPieces } from "../support/plain-pickle.ts";

const CALL = { call: "m.f", args: [] };
const F: readonly Piece[] = [["GLOBAL", "m", "f"], "EMPTY_TUPLE", "REDUCE"];

/** What CPython 3.11's pickle.loads gives for each, with calls and imports left standing. */
const VALUES: readonly (readonly [name: string, pieces: readonly Piece[], value: unknown])[] = [
  ["None", ["NONE"], null],
  ["booleans", ["NEWTRUE", "NEWFALSE", "TUPLE2"], { tuple: [true, false] }],
  ["booleans of protocol 0", [["INT", "01"], ["INT", "00"], "TUPLE2"], { tuple: [true, false] }],
  ["an integer of protocol 0", [["INT", "-12"]], -12],
  ["a large integer of protocol 0", [["LONG", "9007199254740993L"]], 9007199254740993n],
  ["a negative 32-bit integer", [["BININT", -2]], -2],
  ["small integers", [["BININT1", 255], ["BININT2", 65535], "TUPLE2"], { tuple: [255, 65535] }],
  ["an empty LONG1", [["LONG1", new Uint8Array(0)]], 0],
  ["a negative LONG1", [["LONG1", Uint8Array.of(0xff)]], -1],
  ["a LONG1 whose top bit needs a byte", [["LONG1", Uint8Array.of(0x80, 0)]], 128],
  ["a LONG4", [["LONG4", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1)]], 72057594037927937n],
  ["floats", [["BINFLOAT", -0.5], ["FLOAT", "1e3"], "TUPLE2"], { tuple: [-0.5, 1000] }],
  ["text", [["BINUNICODE", "ä😀"]], "ä😀"],
  ["short text", [["SHORT_BINUNICODE", ""]], ""],
  ["long text stays where it is", [["BINUNICODE8", "x".repeat(5000)]], { text: [9, 5000] }],
  ["text of protocol 0", [["UNICODE", "\\u00e4b"]], "äb"],
  ["Python 2's str", [["SHORT_BINSTRING", Uint8Array.of(0xe4)]], "ä"],
  ["Python 2's str of protocol 0", [["STRING", "'a\\n\\x41\\''"]], "a\nA'"],
  ["bytes stay where they are", [["BINBYTES", Uint8Array.of(1, 2, 3)]], { bytes: [5, 3] }],
  ["long bytes", [["BINBYTES8", Uint8Array.of(1)]], { bytes: [9, 1] }],
  ["a bytearray", [["BYTEARRAY8", Uint8Array.of(1)]], { bytes: [9, 1] }],
  ["a list, item by item", ["EMPTY_LIST", ["BININT1", 1], "APPEND"], [1]],
  [
    "a list by batches",
    ["EMPTY_LIST", "MARK", "NONE", "NONE", "APPENDS", "MARK", "APPENDS"],
    [null, null],
  ],
  ["a list of protocol 0", ["MARK", ["BININT1", 7], "LIST"], [7]],
  ["a dict", ["EMPTY_DICT", ["BININT1", 1], "NONE", "SETITEM"], { dict: [[1, null]] }],
  [
    "a dict in written order, repeats kept",
    [
      "EMPTY_DICT",
      "MARK",
      ["BININT1", 2],
      "NONE",
      ["BININT1", 1],
      "NONE",
      ["BININT1", 2],
      "NEWTRUE",
      "SETITEMS",
    ],
    {
      dict: [
        [2, null],
        [1, null],
        [2, true],
      ],
    },
  ],
  ["a dict of protocol 0", ["MARK", ["BININT1", 1], "NONE", "DICT"], { dict: [[1, null]] }],
  ["a set", ["EMPTY_SET", "MARK", "NONE", "ADDITEMS"], { set: [null] }],
  ["a frozen set", ["MARK", "NONE", "FROZENSET"], { frozenset: [null] }],
  [
    "a tuple in order",
    [["BININT1", 1], ["BININT1", 2], ["BININT1", 3], "TUPLE3"],
    { tuple: [1, 2, 3] },
  ],
  ["a tuple to a mark", ["MARK", ["BININT1", 1], ["BININT1", 2], "TUPLE"], { tuple: [1, 2] }],
  ["DUP and POP", ["NONE", "DUP", "POP"], null],
  ["POP of a mark", ["NONE", "MARK", "POP"], null],
  ["POP_MARK", ["NONE", "MARK", "NEWTRUE", "POP_MARK"], null],
  ["the memo by number", [["BINUNICODE", "a"], ["BINPUT", 9], "POP", ["BINGET", 9]], "a"],
  ["the memo in order", [["BINUNICODE", "a"], "MEMOIZE", "POP", ["BINGET", 0]], "a"],
  ["the memo of protocol 0", [["BINUNICODE", "a"], ["PUT", "5"], "POP", ["GET", "5"]], "a"],
  [
    "the memo of many",
    [["BINUNICODE", "a"], ["LONG_BINPUT", 70000], "POP", ["LONG_BINGET", 70000]],
    "a",
  ],
  ["a global", [["GLOBAL", "m", "f.g"]], "m.f.g"],
  [
    "a global from the stack",
    [["SHORT_BINUNICODE", "m"], ["SHORT_BINUNICODE", "f"], "STACK_GLOBAL"],
    "m.f",
  ],
  ["a call, not made", F, CALL],
  ["a new object, not made", [["GLOBAL", "m", "f"], "EMPTY_TUPLE", "NEWOBJ"], CALL],
  [
    "a new object without keywords",
    [["GLOBAL", "m", "f"], "EMPTY_TUPLE", "EMPTY_DICT", "NEWOBJ_EX"],
    CALL,
  ],
  [
    "an instance of protocol 0",
    ["MARK", "NONE", ["INST", "m", "f"]],
    { call: "m.f", args: [null] },
  ],
  [
    "an object of protocol 1",
    ["MARK", ["GLOBAL", "m", "f"], "NONE", "OBJ"],
    { call: "m.f", args: [null] },
  ],
  ["a state, not set", [...F, "EMPTY_DICT", "BUILD"], { ...CALL, state: { dict: [] } }],
  [
    "entries of an object",
    [...F, ["BININT1", 1], "NONE", "SETITEM"],
    { ...CALL, entries: [[1, null]] },
  ],
  ["items of an object", [...F, "NONE", "APPEND"], { ...CALL, items: [null] }],
  ["a persistent id", [["BINUNICODE", "k"], "BINPERSID"], { persistent: "k" }],
  ["a persistent id of protocol 0", [["PERSID", "k"]], { persistent: "k" }],
  ["frames as a hint", [["PROTO", 4], ["FRAME", 2], "NONE"], null],
];

describe("readPickle", () => {
  it.each(VALUES)("reads %s", async (_name, pieces, value) => {
    expect(await readPieces(...pieces, "STOP")).toEqual(value);
  });

  it("has a test for every opcode that gives a value", () => {
    const tested = new Set(VALUES.flatMap(([, pieces]) => pieces.map((piece) => nameOf(piece))));
    const untested = Object.keys(PICKLE_OPCODES).filter((name) => !tested.has(name));
    const refused = ["EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"];
    expect(untested.toSorted()).toEqual(
      ["BINSTRING", "EMPTY_TUPLE", "SHORT_BINBYTES", "STOP", "TUPLE1", ...refused]
        .filter((name) => !tested.has(name))
        .toSorted(),
    );
  });

  it("ends where STOP stands, wherever it began", async () => {
    const bytes = Buffer.concat([
      Buffer.from("xx"),
      pickleBytes("NONE", "STOP"),
      Buffer.from("yy"),
    ]);
    const { end } = await readPickle(memorySource(bytes, "p"), 2, { allow: () => true });
    expect(end).toBe(4);
  });
});

function nameOf(piece: Piece): string {
  if (piece instanceof Uint8Array) return "";
  return typeof piece === "string" ? piece : piece[0];
}

const LONG = "x".repeat(300);

/** Pickles that no pickler writes, and what is wrong with each. */
const BROKEN: readonly (readonly [name: string, code: string, pieces: readonly Piece[]])[] = [
  ["is empty", "WB3201", []],
  ["never stops", "WB3201", ["NONE"]],
  ["ends in an argument", "WB3201", [Uint8Array.of(0x4a, 1, 2)]],
  ["ends in a text", "WB3201", [Uint8Array.of(0x58, 200, 0, 0, 0, 65)]],
  ["has a text of 2^64 bytes", "WB3201", [Uint8Array.of(0x8d, ...integer(2n ** 64n - 1n, "u64"))]],
  ["has bytes of 2^32", "WB3201", [Uint8Array.of(0x42, ...integer(2n ** 32n - 1n, "u32"))]],
  ["has a frame of 2^63 bytes", "WB3201", [["FRAME", 2n ** 63n], "NONE", "STOP"]],
  ["has a byte that is no opcode", "WB3202", [Uint8Array.of(0xff)]],
  ["stops on an empty stack", "WB3203", ["STOP"]],
  ["leaves a value behind", "WB3203", ["NONE", "NONE", "STOP"]],
  ["leaves a mark behind", "WB3203", ["MARK", "NONE", "STOP"]],
  ["pops what is not there", "WB3203", ["POP", "STOP"]],
  ["makes a tuple of too few", "WB3203", ["NONE", "TUPLE2", "STOP"]],
  ["takes a mark that was not set", "WB3203", ["NONE", "TUPLE", "STOP"]],
  ["reaches below a mark", "WB3203", ["NONE", "MARK", "TUPLE1", "STOP"]],
  ["appends to a dict", "WB3203", ["EMPTY_DICT", "NONE", "APPEND", "STOP"]],
  ["sets an item of a list", "WB3203", ["EMPTY_LIST", "NONE", "NONE", "SETITEM", "STOP"]],
  [
    "sets an item of a tensor's shape",
    "WB3203",
    ["EMPTY_TUPLE", "NONE", "NONE", "SETITEM", "STOP"],
  ],
  ["has a key without a value", "WB3203", ["EMPTY_DICT", "MARK", "NONE", "SETITEMS", "STOP"]],
  ["builds a list", "WB3203", ["EMPTY_LIST", "NONE", "BUILD", "STOP"]],
  ["calls with a list", "WB3203", [["GLOBAL", "m", "f"], "EMPTY_LIST", "REDUCE", "STOP"]],
  ["gets from an empty memo", "WB3205", [["BINGET", 0], "STOP"]],
  ["has an integer that is none", "WB3206", [["INT", "1x"], "STOP"]],
  ["has a float that is none", "WB3206", [["FLOAT", "0x10"], "STOP"]],
  ["has a text that is not UTF-8", "WB3206", [["BINUNICODE", Uint8Array.of(0xc3, 0x28)], "STOP"]],
  ["has a quoted text without its quote", "WB3206", [["STRING", "'a"], "STOP"]],
  ["has a text of negative length", "WB3206", [Uint8Array.of(0x54, 255, 255, 255, 255), "STOP"]],
  [
    "has an integer of negative length",
    "WB3206",
    [Uint8Array.of(0x8b, 255, 255, 255, 255), "STOP"],
  ],
  ["needs a protocol of tomorrow", "WB4201", [["PROTO", 6], "NONE", "STOP"]],
  ["needs a buffer from outside", "WB4201", ["NEXT_BUFFER", "STOP"]],
  [
    "passes keywords",
    "WB4201",
    [
      ["GLOBAL", "m", "f"],
      "EMPTY_TUPLE",
      "EMPTY_DICT",
      ["BININT1", 1],
      "NONE",
      "SETITEM",
      "NEWOBJ_EX",
      "STOP",
    ],
  ],
  ["uses the extension registry", "WB5202", [["EXT1", 1], "STOP"]],
  ["uses the extension registry widely", "WB5202", [["EXT4", 7], "STOP"]],
  ["calls what a call gave", "WB5202", [...F, "EMPTY_TUPLE", "REDUCE", "STOP"]],
  ["calls a text", "WB5202", [["BINUNICODE", "os"], "EMPTY_TUPLE", "REDUCE", "STOP"]],
  ["makes an object of nothing", "WB5202", ["MARK", "OBJ", "STOP"]],
  [
    "builds a name from a call",
    "WB5203",
    [...F, ["SHORT_BINUNICODE", "f"], "STACK_GLOBAL", "STOP"],
  ],
  [
    "names a global by a text too long to be one",
    "WB5203",
    [["BINUNICODE", "m".repeat(5000)], ["BINUNICODE", "f"], "STACK_GLOBAL", "STOP"],
  ],
  ["has a line without an end", "WB5204", [Uint8Array.of(0x63), Buffer.alloc(40_000, 0x61)]],
  ["has an integer of a mebibyte", "WB5204", [["LONG4", new Uint8Array(2 ** 20)], "STOP"]],
  ["nests marks without end", "WB5204", [Buffer.alloc(5000, 0x28)]],
  ["fills the stack", "WB5204", [Buffer.alloc(1_100_000, 0x4e)]],
  ["has opcodes without end", "WB5204", [Buffer.alloc(5_100_000, Uint8Array.of(0x4e, 0x30))]],
];

describe("a pickle that", () => {
  it.each(BROKEN)("%s is refused with %s", async (_name, code, pieces) => {
    const source = memorySource(pickleBytes(...pieces), "file.bin");
    const error = await caught(() => readPickle(source, 0, { allow: () => true }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^file\.bin: /);
  });

  it("names a global outside the list is refused at that byte, whatever becomes of the name", async () => {
    const pieces: readonly Piece[] = ["NONE", ["GLOBAL", "posix", "system"], "POP", "STOP"];
    const source = memorySource(pickleBytes(...pieces), "file.bin");
    const error = await caught(() => readPickle(source, 0, { allow: isAllowedGlobal }));
    expect(error.message).toMatchInlineSnapshot(
      `"file.bin: the pickle names "posix.system" at byte 1, which loading it in Python would import"`,
    );
    expect(error.details).toMatchObject({ module: "posix", name: "system", offset: 1 });
  });

  it.each([
    ["torch", "os"],
    ["torch", "os.system"],
    ["torch.storage", "UntypedStorage.__init__"],
    ["numpy", "core"],
    ["numpy.core", "multiarray._reconstruct"],
    ["numpy.testing._private.utils", "runstring"],
    ["builtins", "eval"],
    ["builtins", "getattr"],
    ["builtins", "__import__"],
    ["collections", "OrderedDict.__class__"],
    ["_codecs", "decode"],
    ["torch._utils", "_import_dotted_name"],
    ["__proto__", "constructor"],
    ["", ""],
  ])("names %s.%s is refused", (module, name) => {
    expect(isAllowedGlobal(module, name)).toBe(false);
  });

  it("nests 100,000 calls, lists and tuples is read without exhausting the stack", async () => {
    const depth = 100_000;
    const nested = pickleBytes("EMPTY_LIST", Buffer.alloc(depth, Uint8Array.of(0x85)), "STOP");
    const { value } = await readPickle(memorySource(nested, "p"), 0, { allow: () => true });
    expect(typeof value === "object" && value?.kind).toBe("tuple");
  });
});

/** Arguments that are valid and such that are not, for every opcode. */
const pieces: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom(...Object.keys(PICKLE_OPCODES).filter(isOpcode)),
    fc.oneof(
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom("a", "torch", "1", "'x'", LONG),
      fc.uint8Array({ maxLength: 6 }),
    ),
  )
  .map(([name, argument]): Piece => {
    const kind = PICKLE_OPCODES[name].argument;
    if (kind === "two-lines") return [name, "m", String(argument)];
    const isNumber = /^(u8|u16|u32|i32|u64|f64be)$/.test(kind);
    return [name, isNumber && typeof argument !== "number" ? 3 : argument];
  });

function isOpcode(name: string): name is OpcodeName {
  return Object.hasOwn(PICKLE_OPCODES, name);
}

describe("any stream of opcodes", () => {
  it("ends in a value or a typed error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), async (stream) => {
        const source = memorySource(pickleBytes(...stream, "STOP"), "p");
        try {
          await readPickle(source, 0, { allow: () => true });
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("ends in a value or a typed error, be it of any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        try {
          await readPickle(memorySource(bytes, "p"), 0, { allow: () => true });
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
