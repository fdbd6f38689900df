import { crc32 } from "node:zlib";
import { wholeRecord } from "../../mapping/archive-records.ts";
import type { Assembly } from "../../mapping/assembly.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import type { CheckedRecord } from "../../tensor/byte-source.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { Dtype } from "../../tensor/dtype.ts";

/** What the values of one tensor show, whether a prompt reaches them or not. */
export interface ScannedTensor {
  readonly name: string;
  readonly nonFinite: number;
  /** Rows with a value that is NaN or infinite. */
  readonly nonFiniteRows: readonly number[];
  /** Rows of nothing but zeros, where others are not. */
  readonly zeroRows: readonly number[];
  /** Rows that are equal to an earlier one, zeros left out. */
  readonly repeatedRows: readonly number[];
  readonly rows: number;
}

const CHUNK_BYTES = 4 * 2 ** 20;

/** Columns at least before equal rows say something: short rows of a half dtype are equal by chance. */
const MIN_COLUMNS = 8;

/** What one reading of all tensors shows. */
export interface ScannedValues {
  /** Those that show something. */
  readonly tensors: readonly ScannedTensor[];
  /** CRC-32 of the records of archives that were read from end to end. */
  readonly checksums: ReadonlyMap<CheckedRecord, number>;
}

/** Reads every tensor once. */
export async function scanValues(
  tensors: ReadonlyMap<string, Assembly>,
  signal?: AbortSignal,
): Promise<ScannedValues> {
  const found: ScannedTensor[] = [];
  const checksums = new Map<CheckedRecord, number>();
  // One tensor under two names, as a tied head is, is read once.
  const known = new Map<Assembly, ScannedTensor>();
  for (const [name, assembly] of tensors) {
    const scanned = known.get(assembly) ?? (await scanTensor(name, assembly, checksums, signal));
    known.set(assembly, scanned);
    const { nonFinite, zeroRows, repeatedRows } = scanned;
    if (nonFinite + zeroRows.length + repeatedRows.length > 0) found.push({ ...scanned, name });
  }
  return { tensors: found, checksums };
}

async function scanTensor(
  name: string,
  assembly: Assembly,
  checksums: Map<CheckedRecord, number>,
  signal: AbortSignal | undefined,
): Promise<ScannedTensor> {
  const [rows = 1, ...rest] = assembly.shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const scan = new RowScan(rows, columns);
  const toBits = bitsOf(assembly.dtype);
  const record = wholeRecord(assembly);
  let checksum = 0;
  await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, (chunk) => {
    scan.add(toBits(chunk));
    if (record !== undefined) checksum = crc32(chunk, checksum);
    return Promise.resolve();
  });
  if (record !== undefined) checksums.set(record, checksum);
  return { name, rows, ...scan.result() };
}

/** Values as their float32 bits, so that one rule fits all float dtypes. Whole numbers are as their values. */
function bitsOf(dtype: Dtype): (chunk: Uint8Array) => Uint32Array {
  if (dtype === "F32")
    return (chunk) => {
      const aligned = chunk.byteOffset % 4 === 0 ? chunk : chunk.slice();
      return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
    };
  return (chunk) => new Uint32Array(Float32Array.from(decodeValues(chunk, dtype) ?? []).buffer);
}

const EXPONENT = 0x7f800000;
const MAGNITUDE = 0x7fffffff;

/** Follows the rows of a matrix through chunks that end anywhere. */
class RowScan {
  readonly #rows: number;
  readonly #columns: number;
  readonly #isNonFinite: Uint8Array;
  readonly #isZero: Uint8Array;
  readonly #hashes: Float64Array;
  #nonFinite = 0;
  #at = 0;
  #low = 0;
  #high = 0;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#columns = columns;
    this.#isNonFinite = new Uint8Array(rows);
    this.#isZero = new Uint8Array(rows).fill(1);
    this.#hashes = new Float64Array(rows);
  }

  /** Row by row, with what is counted in local variables: every value of a model passes here. */
  add(words: Uint32Array): void {
    const columns = this.#columns;
    for (let begin = 0; begin < words.length;) {
      const row = Math.floor(this.#at / columns);
      const end = Math.min(words.length, begin + columns - (this.#at % columns));
      let [low, high, nonFinite, bits] = [this.#low, this.#high, 0, 0];
      for (let index = begin; index < end; index++) {
        const word = words[index] ?? 0;
        if ((word & EXPONENT) === EXPONENT) nonFinite++;
        bits |= word;
        // Two FNV-1a hashes by words, 53 bits of which make a key.
        low = Math.imul(low ^ word, 0x01000193);
        high = (Math.imul(high ^ word, 0x85ebca6b) + 0x9e37) | 0;
      }
      this.#nonFinite += nonFinite;
      if (nonFinite > 0) this.#isNonFinite[row] = 1;
      if ((bits & MAGNITUDE) !== 0) this.#isZero[row] = 0;
      this.#at += end - begin;
      [this.#low, this.#high] = [low, high];
      if (this.#at % columns === 0) {
        this.#hashes[row] = (low >>> 0) * 2 ** 21 + ((high >>> 11) & 0x1fffff);
        [this.#low, this.#high] = [0, 0];
      }
      begin = end;
    }
  }

  result(): Omit<ScannedTensor, "name" | "rows"> {
    const indices = Array.from({ length: this.#rows }, (_unused, row) => row);
    const zeroRows = this.#columns < 2 ? [] : indices.filter((row) => this.#isZero[row] === 1);
    return {
      nonFinite: this.#nonFinite,
      nonFiniteRows: indices.filter((row) => this.#isNonFinite[row] === 1),
      // A tensor of zeros throughout is one thing, not a thousand rows.
      zeroRows,
      repeatedRows: this.#repeated(),
    };
  }

  #repeated(): readonly number[] {
    if (this.#columns < MIN_COLUMNS) return [];
    const seen = new Set<number>();
    const repeated: number[] = [];
    for (const [row, hash] of this.#hashes.entries()) {
      if (this.#isZero[row] === 1) continue;
      if (seen.has(hash)) repeated.push(row);
      seen.add(hash);
    }
    return repeated;
  }
}
