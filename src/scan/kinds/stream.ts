import { WbError } from "../../errors/wb-error.ts";
import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { unpack, type PackedKind } from "../archive/unpack.ts";
import { inside, type Examination } from "../context.ts";
import { decodeStreams } from "../decode/streams.ts";
import { notUnderstood, together, type Judgement } from "../judgement.ts";
import type { Examine } from "./zip.ts";

/** Endings that a file loses with its compression. */
const ENDING = /\.(gz|z|zlib|xz|lzma|bz2|zst|zstd|lz4)$/i;

/** Names of tars whose compression is in the ending. */
const TAR_ENDING = /\.(tgz|txz|tbz2?|tzst)$/i;

/**
 * Judges what a compressed stream holds. What a damaged one begins with is looked at, too: a reader that goes on as bytes come
 * has run a payload by the time it meets the damage.
 */
export async function examineStream(
  source: ByteSource,
  kind: PackedKind,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  try {
    const { data, fault } = await unpack(source, kind, context.budget);
    const name = context.name.replace(ENDING, "").replace(TAR_ENDING, ".tar");
    const within = inside(context, name);
    const judgement = await examine(data, within);
    if (fault !== undefined) return notUnderstood(fault.message);
    return together(`a ${kind} stream`, [[within.name, judgement]]);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    return notUnderstood(error.message);
  }
}

/** Judges lzma with unusual settings, whose header says so little that only a stream that is whole is one. */
export async function lzmaStream(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement | undefined> {
  const limit = context.budget.streamBytes;
  if (source.byteLength > limit) return undefined;
  const { fault, consumed } = decodeStreams("lzma", await source.read(0, source.byteLength), limit);
  if (fault !== undefined && consumed < source.byteLength) return undefined;
  return examineStream(source, "lzma", context, examine);
}

/** What joblib wrote before 0.10: this, a length of 19 characters, for Python 2 a space, and a stream of zlib (joblib 1.6.0, `read_zfile`). */
export const ZFILE = Buffer.from("ZF0x", "latin1");
const ZFILE_HEAD_BYTES = 21;

/** Judges such a file by its stream. */
export async function examineZfile(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  if (source.byteLength <= ZFILE_HEAD_BYTES) return notUnderstood("a file of joblib without bytes");
  const [next] = await source.read(ZFILE_HEAD_BYTES, 1);
  const begin = ZFILE_HEAD_BYTES + (next === 0x20 ? 1 : 0);
  const stream = sliceSource(source, begin, source.byteLength - begin, source.label);
  return examineStream(stream, "zlib", context, examine);
}
