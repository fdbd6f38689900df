import { Input } from "../decode/input.ts";
import { DecodeFault } from "../decode/output.ts";
import { sevenBits, sevenCount, sevenDigests, sevenNumber } from "./seven-zip-numbers.ts";

/* Source: 7zFormat.txt of the LZMA SDK 24.09, whose names of properties are the constants'. */

const END = 0;
const ARCHIVE_PROPERTIES = 2;
const ADDITIONAL_STREAMS = 3;
const MAIN_STREAMS = 4;
const FILES = 5;
const PACK = 6;
const UNPACK = 7;
const SUBSTREAMS = 8;
const SIZE = 9;
const CRC = 10;
const FOLDER = 11;
const UNPACK_SIZE = 12;
const UNPACK_STREAMS = 13;
const EMPTY_STREAM = 14;
const NAMES = 17;

/** Coders of one folder; writers use up to four. */
const MAX_CODERS = 8;

/** What makes bytes of others. */
export interface SevenCoder {
  /** In hexadecimal. */
  readonly method: string;
  readonly properties: Uint8Array;
  readonly unpackedBytes: number;
}

/** Bytes that are packed together: where they are, and what is done to them, one coder after the other. */
export interface SevenFolder {
  readonly begin: number;
  readonly packedBytes: number;
  readonly coders: readonly SevenCoder[];
  readonly crc: number | undefined;
  /** Of each file in it, its size and checksum. */
  readonly parts: readonly { readonly size: number; readonly crc: number | undefined }[];
}

export interface SevenHeader {
  readonly folders: readonly SevenFolder[];
  /** Names of the files that have bytes, in the order of the folders' parts. */
  readonly names: readonly string[];
}

/** The header behind its mark. @throws DecodeFault for one that breaks the format. */
export function parseSevenHeader(input: Input): SevenHeader {
  let folders: readonly SevenFolder[] = [];
  let names: readonly string[] = [];
  for (let kind = input.byte(); kind !== END; kind = input.byte()) {
    if (kind === MAIN_STREAMS) folders = parseStreams(input);
    else if (kind === FILES) names = parseFiles(input);
    else if (kind === ARCHIVE_PROPERTIES || kind === ADDITIONAL_STREAMS)
      throw new DecodeFault("has properties that no writer uses");
    else throw unknown(kind);
  }
  const parts = folders.reduce((sum, folder) => sum + folder.parts.length, 0);
  if (parts !== names.length) throw new DecodeFault("is damaged: its files are not its streams");
  return { folders, names };
}

/** Where the packed bytes are, how they were packed, and how they are divided. */
export function parseStreams(input: Input): readonly SevenFolder[] {
  let packed: readonly { readonly begin: number; readonly size: number }[] = [];
  let folders: Folders = { coders: [], crcs: [] };
  let divided: readonly SevenFolder["parts"][] | undefined;
  for (let kind = input.byte(); kind !== END; kind = input.byte()) {
    if (kind === PACK) packed = parsePacked(input);
    else if (kind === UNPACK) folders = parseFolders(input);
    else if (kind === SUBSTREAMS) divided = parseParts(input, folders);
    else throw unknown(kind);
  }
  const { coders, crcs } = folders;
  if (packed.length !== coders.length) throw new DecodeFault("has folders of more than one stream");
  return coders.map((chain, at) => ({
    begin: packed[at]?.begin ?? 0,
    packedBytes: packed[at]?.size ?? 0,
    coders: chain,
    crc: crcs[at],
    parts: divided?.[at] ?? [{ size: chain.at(-1)?.unpackedBytes ?? 0, crc: crcs[at] }],
  }));
}

function parsePacked(input: Input): readonly { readonly begin: number; readonly size: number }[] {
  let begin = sevenNumber(input);
  const count = sevenCount(input);
  let sizes: readonly number[] = [];
  for (let kind = input.byte(); kind !== END; kind = input.byte()) {
    if (kind === SIZE) sizes = Array.from({ length: count }, () => sevenNumber(input));
    else if (kind === CRC) sevenDigests(input, count);
    else throw unknown(kind);
  }
  return sizes.map((size) => {
    const own = { begin, size };
    begin += size;
    return own;
  });
}

interface Folders {
  readonly coders: readonly (readonly SevenCoder[])[];
  readonly crcs: readonly (number | undefined)[];
}

function parseFolders(input: Input): Folders {
  expect(input, FOLDER);
  const count = sevenCount(input);
  if (input.byte() !== 0) throw new DecodeFault("keeps its folders elsewhere");
  const chains = Array.from({ length: count }, () => parseCoders(input));
  expect(input, UNPACK_SIZE);
  const coders = chains.map(({ coders: own, order }) => {
    const sizes = own.map(() => sevenNumber(input));
    return order.flatMap((at) => {
      const coder = own[at];
      return coder === undefined ? [] : [{ ...coder, unpackedBytes: sizes[at] ?? 0 }];
    });
  });
  let crcs: readonly (number | undefined)[] = [];
  for (let kind = input.byte(); kind !== END; kind = input.byte()) {
    if (kind !== CRC) throw unknown(kind);
    crcs = sevenDigests(input, count);
  }
  return { coders, crcs };
}

/** The coders of a folder, and in which order the bytes go through them. */
function parseCoders(input: Input): {
  readonly coders: readonly Omit<SevenCoder, "unpackedBytes">[];
  readonly order: readonly number[];
} {
  const count = sevenCount(input);
  if (count < 1 || count > MAX_CODERS) throw new DecodeFault(`has a folder of ${count} coders`);
  const coders = Array.from({ length: count }, () => {
    const flags = input.byte();
    const method = Buffer.from(input.take(flags & 15)).toString("hex");
    if ((flags & 0x10) !== 0 && (sevenNumber(input) !== 1 || sevenNumber(input) !== 1))
      throw new DecodeFault(`is packed by method ${method}, whose streams scan does not join`);
    const properties = (flags & 0x20) === 0 ? new Uint8Array(0) : input.take(sevenNumber(input));
    return { method, properties };
  });
  // Of each coder, whose bytes it takes: those of one are the packed ones.
  const takesFrom = new Map<number, number>();
  for (let pair = 0; pair < count - 1; pair++)
    takesFrom.set(sevenNumber(input), sevenNumber(input));
  const order: number[] = [];
  let next = coders.findIndex((_, at) => !takesFrom.has(at));
  while (next >= 0 && order.length < count) {
    order.push(next);
    const from = next;
    next = coders.findIndex((_, at) => takesFrom.get(at) === from);
  }
  if (order.length !== count || next >= 0) throw new DecodeFault("is damaged: coders in a circle");
  return { coders, order };
}

function parseParts(input: Input, { coders, crcs }: Folders): readonly SevenFolder["parts"][] {
  let kind = input.byte();
  let counts: readonly number[] = coders.map(() => 1);
  if (kind === UNPACK_STREAMS) {
    counts = coders.map(() => sevenNumber(input));
    kind = input.byte();
  }
  const hasSizes = kind === SIZE;
  const sizes = coders.map((chain, at) => {
    const count = counts[at] ?? 0;
    let left = chain.at(-1)?.unpackedBytes ?? 0;
    const own: number[] = [];
    if (count > 1 && !hasSizes) throw new DecodeFault("is damaged: files without sizes");
    while (own.length < count - 1) {
      const size = sevenNumber(input);
      left -= size;
      own.push(size);
    }
    if (left < 0) throw new DecodeFault("is damaged: files larger than their folder");
    return count === 0 ? own : [...own, left];
  });
  if (hasSizes) kind = input.byte();
  const isKnown = (at: number): boolean => counts[at] === 1 && crcs[at] !== undefined;
  let digests: readonly (number | undefined)[] = [];
  if (kind === CRC) {
    const unknownOnes = sizes.reduce((sum, own, at) => sum + (isKnown(at) ? 0 : own.length), 0);
    digests = sevenDigests(input, unknownOnes);
    kind = input.byte();
  }
  if (kind !== END) throw unknown(kind);
  let digest = 0;
  return sizes.map((own, at) =>
    own.map((size) => ({ size, crc: isKnown(at) ? crcs[at] : digests[digest++] })),
  );
}

/** Names of the files that have bytes. */
function parseFiles(input: Input): readonly string[] {
  const count = sevenCount(input);
  let names: readonly string[] = [];
  let isEmpty: readonly boolean[] = [];
  for (let kind = input.byte(); kind !== END; kind = input.byte()) {
    const property = new Input(input.take(sevenNumber(input)));
    if (kind === EMPTY_STREAM) isEmpty = sevenBits(property, count);
    else if (kind === NAMES) {
      if (property.byte() !== 0) throw new DecodeFault("keeps its names elsewhere");
      const text = Buffer.from(property.take(property.left)).toString("utf16le");
      names = text.split("\0").slice(0, -1);
    }
    // Times, attributes, and bytes that fill up change no member.
  }
  if (names.length !== count) throw new DecodeFault("is damaged: files without names");
  return names.filter((_, at) => isEmpty[at] !== true);
}

function expect(input: Input, kind: number): void {
  const found = input.byte();
  if (found !== kind) throw unknown(found);
}

function unknown(kind: number): DecodeFault {
  return new DecodeFault(`is damaged: a property of kind ${kind} where there is none`);
}
