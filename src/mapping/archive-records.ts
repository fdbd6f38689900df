import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { otherChecksum, wrongChecksum } from "../formats/archive/inflated.ts";
import { sourceRecords, type CheckedRecord } from "../tensor/byte-source.ts";
import { byteCount } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import { isContiguous, type Assembly } from "./assembly.ts";
import { computationOf } from "./computed/source.ts";

/** Bytes that are read at once. */
const CHUNK_BYTES = 2 ** 20;

/** A record of an archive whose bytes do not have the CRC-32 that the archive names. */
export interface DamagedRecord {
  /** Whose values come from it. */
  readonly tensors: readonly string[];
  /** Both checksums, in words. */
  readonly evidence: string;
}

/** Every record that a tensor's bytes come from, where an archive has a checksum of it. */
export function recordsOfTensor({ source }: StoredTensor): readonly CheckedRecord[] {
  const { inputs } = computationOf(source) ?? {};
  return inputs === undefined ? sourceRecords(source) : inputs.flatMap(recordsOfTensor);
}

/** Every record that a logical tensor's bytes come from. */
export function recordsOfAssembly({ parts }: Assembly): readonly CheckedRecord[] {
  return parts.flatMap(({ tensor }) => recordsOfTensor(tensor));
}

/** The record that a logical tensor is, byte for byte and in its order; undefined where it is anything else. */
export function wholeRecord(assembly: Assembly): CheckedRecord | undefined {
  if (!isContiguous(assembly)) return undefined;
  const [part] = assembly.parts;
  const { source, byteOffset, byteOrder } = part?.tensor ?? {};
  const { record } = source ?? {};
  const isWhole =
    record !== undefined &&
    record.source === source &&
    byteOffset === 0 &&
    byteOrder === "little" &&
    part?.elementOffset === 0 &&
    byteCount(assembly.shape, assembly.dtype) === record.source.byteLength;
  return isWhole ? record : undefined;
}

/** Reads a record from end to end. @throws WbError WB3104 where its bytes have another CRC-32 than the archive names. */
export async function checkRecord(record: CheckedRecord, signal?: AbortSignal): Promise<void> {
  const found = await checksumOf(record, signal);
  if (found !== record.crc32) throw wrongChecksum(record.where, record.crc32, found);
}

async function checksumOf({ source }: CheckedRecord, signal?: AbortSignal): Promise<number> {
  let checksum = 0;
  for (let begin = 0; begin < source.byteLength; begin += CHUNK_BYTES) {
    // Files are read at once, which would leave signals no turn.
    await nextTurn();
    signal?.throwIfAborted();
    const bytes = await source.read(begin, Math.min(CHUNK_BYTES, source.byteLength - begin));
    checksum = crc32(bytes, checksum);
  }
  return checksum;
}

/**
 * The records that the tensors come from: their count, and those that are not what their archive says.
 * @param known Checksums of records that were read already; every other record is read once.
 */
export async function damagedRecords(
  tensors: ReadonlyMap<string, Assembly>,
  signal?: AbortSignal,
  known: ReadonlyMap<CheckedRecord, number> = new Map(),
): Promise<{ readonly records: number; readonly damaged: readonly DamagedRecord[] }> {
  const names = new Map<CheckedRecord, string[]>();
  for (const [name, assembly] of tensors)
    for (const record of new Set(recordsOfAssembly(assembly)))
      names.set(record, [...(names.get(record) ?? []), name]);
  const damaged: DamagedRecord[] = [];
  for (const [record, within] of names) {
    const found = known.get(record) ?? (await checksumOf(record, signal));
    if (found === record.crc32) continue;
    damaged.push({ tensors: within, evidence: otherChecksum(record.where, record.crc32, found) });
  }
  return { records: names.size, damaged };
}
