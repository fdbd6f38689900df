import { setImmediate as letOthersRun } from "node:timers/promises";
import type { ByteSource } from "../tensor/byte-source.ts";

/** Bytes read at once between two moments in which other work may run. */
const BURST_BYTES = 2 ** 20;
/** Reads under way together where a source only reads asynchronously. */
const PARALLEL_READS = 64;

/** Pieces of equal length that are at equal distances, in bytes: columns of a row-major matrix, one piece a row. */
export interface Pieces {
  readonly begin: number;
  readonly distance: number;
  readonly byteLength: number;
  readonly count: number;
}

/**
 * Reads `pieces` and lays them at `targetDistance` from each other. A matrix of which a band of columns is wanted needs thousands
 * of short reads, which cost less than their promises do: a source that can reads them at once.
 */
export async function gatherPieces(
  source: ByteSource,
  pieces: Pieces,
  target: Uint8Array,
  targetDistance: number,
): Promise<void> {
  const piece = (index: number): Uint8Array =>
    target.subarray(index * targetDistance, index * targetDistance + pieces.byteLength);
  const burst =
    source.readNow === undefined
      ? PARALLEL_READS
      : Math.max(1, Math.floor(BURST_BYTES / pieces.byteLength));
  for (let first = 0; first < pieces.count; first += burst) {
    const last = Math.min(pieces.count, first + burst);
    if (source.readNow === undefined) {
      await Promise.all(
        Array.from({ length: last - first }, (_, index) =>
          source.readInto(pieces.begin + (first + index) * pieces.distance, piece(first + index)),
        ),
      );
      continue;
    }
    for (let index = first; index < last; index++)
      source.readNow(pieces.begin + index * pieces.distance, piece(index));
    await letOthersRun();
  }
}
