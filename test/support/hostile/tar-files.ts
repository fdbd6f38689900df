import { pickleBytes, type Piece } from "../pickle-bytes.ts";

export interface TarPart {
  readonly name: string;
  readonly data: Uint8Array;
  /** The size in octal that the header gives, where it is not the data's. */
  readonly size?: string;
  /** Added to the header's checksum. */
  readonly checksumError?: number;
}

const BLOCK = 512;

/** A tar of plain files, with its two empty blocks at the end. */
export function tarBytes(parts: readonly TarPart[]): Uint8Array {
  return Buffer.concat([...parts.flatMap(tarEntry), new Uint8Array(2 * BLOCK)]);
}

function tarEntry({ name, data, size, checksumError = 0 }: TarPart): readonly Uint8Array[] {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, "latin1");
  header.write("0000644", 100, "latin1");
  header.write(size ?? data.byteLength.toString(8).padStart(11, "0"), 124, "latin1");
  header.fill(0x20, 148, 156);
  header[156] = 0x30;
  const sum = header.reduce((total, byte) => total + byte, 0) + checksumError;
  header.write(sum.toString(8).padStart(6, "0"), 148, "latin1");
  header[154] = 0;
  return [header, data, new Uint8Array((BLOCK - (data.byteLength % BLOCK)) % BLOCK)];
}

interface TorchTar {
  readonly storageElements?: bigint;
  readonly storagePieces?: readonly Piece[];
  readonly views?: readonly Piece[];
  readonly dimensions?: number;
  readonly sizes?: readonly bigint[];
  readonly root?: readonly Piece[];
  readonly leaveOut?: string;
}

/** A file of torch before 0.1.10 with one float storage of six elements and one tensor of shape [2, 3]. */
export function torchTar(claims: TorchTar = {}): Uint8Array {
  const described: readonly Piece[] = claims.storagePieces ?? [
    "MARK",
    ["BININT1", 7],
    ["BINUNICODE", "cpu"],
    ["GLOBAL", "torch", "FloatStorage"],
    "TUPLE",
    "STOP",
  ];
  const storages = Buffer.concat([
    pickleBytes(["BININT1", 1], "STOP"),
    pickleBytes(...described),
    i64(claims.storageElements ?? 6n),
    Uint8Array.from({ length: 24 }, (_unused, at) => at),
    pickleBytes(...(claims.views ?? ["EMPTY_LIST", "STOP"])),
  ]);
  const dimensions = Buffer.alloc(8);
  dimensions.writeInt32LE(claims.dimensions ?? 2);
  const sizes = claims.sizes ?? [2n, 3n, 3n, 1n, 0n];
  const tensors = Buffer.concat([
    pickleBytes(["BININT1", 1], "STOP"),
    pickleBytes(
      "MARK",
      ["BININT1", 9],
      ["BININT1", 7],
      ["GLOBAL", "torch", "FloatTensor"],
      "TUPLE",
      "STOP",
    ),
    dimensions,
    ...sizes.map(i64),
  ]);
  const root: readonly Piece[] = claims.root ?? [
    "EMPTY_DICT",
    ["BINUNICODE", "w"],
    ["BINUNICODE", "9"],
    "BINPERSID",
    "SETITEM",
    "STOP",
  ];
  return tarBytes(
    [
      { name: "sys_info", data: pickleBytes("EMPTY_DICT", "STOP") },
      { name: "pickle", data: pickleBytes(...root) },
      { name: "tensors", data: tensors },
      { name: "storages", data: storages },
    ].filter(({ name }) => name !== claims.leaveOut),
  );
}

function i64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
