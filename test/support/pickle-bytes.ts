import {
  PICKLE_OPCODES,
  type OpcodeArgument,
  type OpcodeName,
} from "../../src/formats/pickle/opcodes.ts";

/** An opcode without an argument, one with its argument, or bytes as they are. */
export type Piece =
  OpcodeName | readonly [OpcodeName, ...(string | number | bigint | Uint8Array)[]] | Uint8Array;

/** The bytes of a pickle, opcode by opcode; arguments may be any, also such that no pickler writes. */
export function pickleBytes(...pieces: readonly Piece[]): Uint8Array {
  return Buffer.concat(pieces.map(pieceBytes));
}

function pieceBytes(piece: Piece): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  const [name, ...args] = typeof piece === "string" ? [piece] : piece;
  const { byte, argument } = PICKLE_OPCODES[name];
  return Buffer.concat([Uint8Array.of(byte), argumentBytes(argument, args)]);
}

type Argument = string | number | bigint | Uint8Array;

function argumentBytes(kind: OpcodeArgument, args: readonly Argument[]): Uint8Array {
  const [first = 0] = args;
  switch (kind) {
    case "none":
      return new Uint8Array(0);
    case "line":
    case "two-lines":
      return Buffer.from(args.map((line) => `${String(line)}\n`).join(""));
    case "f64be": {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(Number(first));
      return bytes;
    }
    case "u8":
    case "u16":
    case "u32":
    case "i32":
    case "u64":
      return integer(BigInt(String(first)), kind);
    default: {
      const data = first instanceof Uint8Array ? first : Buffer.from(String(first));
      return Buffer.concat([integer(BigInt(data.byteLength), lengthKind(kind)), data]);
    }
  }
}

const WIDTHS = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8 } as const;

function lengthKind(kind: OpcodeArgument): keyof typeof WIDTHS {
  const width = kind.slice(kind.lastIndexOf("-") + 1);
  if (width === "u8" || width === "u32" || width === "i32" || width === "u64") return width;
  throw new Error(`no length in ${kind}`);
}

/** A length of its own, so that builders can claim another one. */
export function integer(value: bigint, kind: keyof typeof WIDTHS): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.subarray(0, WIDTHS[kind]);
}

/** A numpy array as paddle.save writes it, put under a key. */
export function arrayPieces(
  key: string,
  code: string,
  shape: readonly number[],
  data: Uint8Array,
  isFortran = false,
): readonly Piece[] {
  return [
    ["BINUNICODE", key],
    ["GLOBAL", "numpy.core.multiarray", "_reconstruct"],
    ["GLOBAL", "numpy", "ndarray"],
    ["BININT1", 0],
    "TUPLE1",
    ["SHORT_BINBYTES", "b"],
    "TUPLE3",
    "REDUCE",
    "MARK",
    ["BININT1", 1],
    "MARK",
    ...shape.map((size): Piece => ["BININT", size]),
    "TUPLE",
    ["GLOBAL", "numpy", "dtype"],
    ["BINUNICODE", code],
    "NEWFALSE",
    "NEWTRUE",
    "TUPLE3",
    "REDUCE",
    "MARK",
    ["BININT1", 3],
    ["BINUNICODE", "<"],
    "NONE",
    "NONE",
    "NONE",
    ["BININT", -1],
    ["BININT", -1],
    ["BININT1", 0],
    "TUPLE",
    "BUILD",
    isFortran ? "NEWTRUE" : "NEWFALSE",
    ["BINBYTES", data],
    "TUPLE",
    "BUILD",
  ];
}

/** A tensor as torch.save writes it, put under a key. */
export function tensorPieces(
  key: string,
  storage: { readonly type: string; readonly key: string; readonly length: number },
  view: {
    readonly offset: number;
    readonly shape: readonly number[];
    readonly strides: readonly number[];
  },
): readonly Piece[] {
  const sizes = (values: readonly number[]): readonly Piece[] => [
    "MARK",
    ...values.map((value): Piece => ["LONG1", longBytes(value)]),
    "TUPLE",
  ];
  return [
    ["BINUNICODE", key],
    ["GLOBAL", "torch._utils", "_rebuild_tensor_v2"],
    "MARK",
    "MARK",
    ["BINUNICODE", "storage"],
    ["GLOBAL", "torch", storage.type],
    ["BINUNICODE", storage.key],
    ["BINUNICODE", "cpu"],
    ["LONG1", longBytes(storage.length)],
    "TUPLE",
    "BINPERSID",
    ["LONG1", longBytes(view.offset)],
    ...sizes(view.shape),
    ...sizes(view.strides),
    "NEWFALSE",
    ["GLOBAL", "collections", "OrderedDict"],
    "EMPTY_TUPLE",
    "REDUCE",
    "TUPLE",
    "REDUCE",
  ];
}

/** Little-endian two's complement in eight bytes. */
export function longBytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
