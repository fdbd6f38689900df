import { WbError } from "../../errors/wb-error.ts";
import { isTarHeader } from "../../formats/archive/tar.ts";
import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";

/** A member of a tar; without data where it is a link or a folder. */
export interface TarMember {
  readonly name: string;
  readonly isFolder: boolean;
  readonly data: ByteSource | undefined;
}

const BLOCK_BYTES = 512;

/** Members of one tar; each has a block of 512 bytes. */
const MAX_MEMBERS = 200_000;

/** What the type flag of a header says (POSIX.1-2001 ustar, and GNU's extensions). */
const FILES: ReadonlySet<string> = new Set(["0", "\0", "7"]);
const LINKS: ReadonlySet<string> = new Set(["1", "2"]);
const FOLDER = "5";
/** A longer name of the next member: POSIX's attributes, and GNU's own. */
const ATTRIBUTES = "x";
const LONG_NAME = "L";
const LONG_LINK = "K";
const GLOBAL_ATTRIBUTES = "g";
const EXTENDED: ReadonlySet<string> = new Set([
  ATTRIBUTES,
  LONG_NAME,
  LONG_LINK,
  GLOBAL_ATTRIBUTES,
]);

/** Bytes of an extended header; it holds a name, a time and a few more. */
const MAX_EXTENDED_BYTES = 64 * 1024;

/** All members of a tar. @throws WbError WB3103 where a header is damaged, WB5101 where two have one name. */
export async function tarMembers(source: ByteSource): Promise<readonly TarMember[]> {
  const members = new Map<string, TarMember>();
  const folders: TarMember[] = [];
  const damaged = (position: number, problem: string): WbError =>
    new WbError("WB3103", `${source.label}: byte ${position}: ${problem}`, {
      details: { path: source.label },
    });
  let longName: string | undefined;
  for (let position = 0; position + BLOCK_BYTES <= source.byteLength;) {
    const block = Buffer.from(await source.read(position, BLOCK_BYTES));
    if (isEmpty(block)) {
      // Readers that pass over empty blocks go on behind them.
      await refuseMore(source, position, damaged);
      break;
    }
    if (!isTarHeader(block)) throw damaged(position, "no header of a tar");
    const type = block.toString("latin1", 156, 157);
    const size = sizeOf(block);
    const begin = position + BLOCK_BYTES;
    if (size === undefined || size > source.byteLength - begin)
      throw damaged(position, "a member that reaches past the end of the file");
    const name = nameOf(block);
    if (members.size + folders.length >= MAX_MEMBERS)
      throw damaged(position, `more than ${MAX_MEMBERS} members`);
    if (EXTENDED.has(type)) {
      if (size > MAX_EXTENDED_BYTES) throw damaged(position, `an extended header of ${size} bytes`);
      const text = Buffer.from(await source.read(begin, size)).toString("utf8");
      // Readers that take it see other members than those that do not.
      if (/(^|\n)\d+ (size|GNU\.sparse[.\w]*)=/.test(text))
        throw damaged(position, "an extended header that changes a member's size");
      // Some take a name for all members, or the last of several, and others do not.
      const paths = [...text.matchAll(/(?:^|\n)\d+ path=/g)].length;
      if (type !== LONG_NAME && paths > (type === ATTRIBUTES ? 1 : 0))
        throw damaged(position, "an extended header that names members twice, or all alike");
      longName = longNameOf(type, text) ?? longName;
    } else if (FILES.has(type) || LINKS.has(type)) {
      const called = longName ?? name;
      longName = undefined;
      if (members.has(called))
        throw new WbError("WB5101", `${source.label}: two tar entries are named ${called}`, {
          details: { path: source.label },
        });
      const label = `${source.label}: ${called}`;
      const data = LINKS.has(type) ? undefined : sliceSource(source, begin, size, label);
      members.set(called, { name: called, isFolder: false, data });
    } else if (type === FOLDER) {
      folders.push({ name: longName ?? name, isFolder: true, data: undefined });
      longName = undefined;
    } else throw damaged(position, `a member of type ${JSON.stringify(type)}`);
    position = begin + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return [...members.values(), ...folders];
}

function isEmpty(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Bytes that are read at a time. */
const WINDOW_BYTES = 2 ** 20;

/** The end of a tar is empty blocks alone. */
async function refuseMore(
  source: ByteSource,
  begin: number,
  damaged: (position: number, problem: string) => WbError,
): Promise<void> {
  for (let position = begin; position < source.byteLength; position += WINDOW_BYTES) {
    const length = Math.min(WINDOW_BYTES, source.byteLength - position);
    if (!isEmpty(await source.read(position, length)))
      throw damaged(position, "bytes behind the end of the archive");
  }
}

function longNameOf(type: string, text: string): string | undefined {
  if (type === LONG_NAME) return text.replace(/\0+$/, "");
  return type === ATTRIBUTES ? /(?:^|\n)\d+ path=(.*)\n/.exec(text)?.[1] : undefined;
}

function sizeOf(block: Buffer): number | undefined {
  const text = block
    .toString("latin1", 124, 136)
    .replace(/[\0 ]+$/, "")
    .trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function nameOf(block: Buffer): string {
  const field = (begin: number, end: number): string => {
    const text = block.toString("latin1", begin, end);
    const stop = text.indexOf("\0");
    return stop < 0 ? text : text.slice(0, stop);
  };
  const prefix = block.toString("latin1", 257, 262) === "ustar" ? field(345, 500) : "";
  const name = field(0, 100).replace(/^\.\//, "");
  return prefix === "" ? name : `${prefix}/${name}`;
}
