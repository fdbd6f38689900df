import type { ElementBytes } from "./element-copy.ts";

// A block of 128 × 32 elements of 2 bytes: its source lines (128 of 64 bytes) and its target lines (32 of 256 bytes) fit into a
// 32 KiB cache together, and every line of either side is finished before the next block is begun.
const BLOCK_ROWS = 128;
const BLOCK_COLUMNS = 32;

/** Bytes between the end of a gathered row and the next, so that rows of 2ⁿ bytes do not all fall into one cache set. */
const ROW_PADDING_BYTES = 64;

/** Elements from one gathered row of `columns` elements to the next: even, so that pairs of elements stay aligned. */
export function paddedStride(columns: number, elementBytes: ElementBytes): number {
  return columns + (columns % 2) + ROW_PADDING_BYTES / elementBytes;
}

/** Where a matrix lies in an array: its first element, and the elements from one row to the next. */
export interface MatrixPlace {
  readonly begin: number;
  readonly rowStride: number;
}

/**
 * Writes `rows` × `columns` elements of `from` into `to` with rows as columns: `to[column][row] = from[row][column]`. Elements
 * move as integers, so every bit pattern survives.
 */
export function transposeInto(
  from: Uint8Array,
  to: Uint8Array,
  elementBytes: ElementBytes,
  size: { readonly rows: number; readonly columns: number },
  source: MatrixPlace,
  target: MatrixPlace,
): void {
  const pairs =
    elementBytes === 2 &&
    [source.begin, source.rowStride, target.begin, target.rowStride].every((at) => at % 2 === 0) &&
    (from.byteOffset | to.byteOffset) % 4 === 0;
  switch (elementBytes) {
    case 1:
      eachBlock(size, transposeElements(from, to, source, target));
      break;
    case 2:
      if (pairs) transposePairs(from, to, size, source, target);
      else eachBlock(size, transposeElements(view16(from), view16(to), source, target));
      break;
    case 4:
      eachBlock(size, transposeElements(view32(from), view32(to), source, target));
      break;
    case 8:
      eachBlock(size, transposeElements(view64(from), view64(to), source, target));
      break;
    default:
      elementBytes satisfies never;
  }
}

type BlockMover = (
  rowBegin: number,
  rowEnd: number,
  columnBegin: number,
  columnEnd: number,
) => void;

function eachBlock(
  size: { readonly rows: number; readonly columns: number },
  move: BlockMover,
): void {
  for (let row = 0; row < size.rows; row += BLOCK_ROWS) {
    const rowEnd = Math.min(size.rows, row + BLOCK_ROWS);
    for (let column = 0; column < size.columns; column += BLOCK_COLUMNS)
      move(row, rowEnd, column, Math.min(size.columns, column + BLOCK_COLUMNS));
  }
}

function transposeElements<T extends { [index: number]: number | bigint }>(
  from: T,
  to: T,
  source: MatrixPlace,
  target: MatrixPlace,
): BlockMover {
  return (rowBegin, rowEnd, columnBegin, columnEnd) => {
    for (let column = columnBegin; column < columnEnd; column++) {
      let read = source.begin + rowBegin * source.rowStride + column;
      let write = target.begin + column * target.rowStride + rowBegin;
      for (let row = rowBegin; row < rowEnd; row++) {
        to[write] = from[read] ?? 0;
        read += source.rowStride;
        write++;
      }
    }
  };
}

/** Two elements of 2 bytes at a time: 2 × 2 blocks are read and written as two 32-bit words each. Everything is even but the size. */
function transposePairs(
  from: Uint8Array,
  to: Uint8Array,
  size: { readonly rows: number; readonly columns: number },
  source: MatrixPlace,
  target: MatrixPlace,
): void {
  const rows = size.rows - (size.rows % 2);
  const columns = size.columns - (size.columns % 2);
  const words = view32(from);
  const out = view32(to);
  const sourceStride = source.rowStride >> 1;
  const targetStride = target.rowStride >> 1;
  eachBlock({ rows, columns }, (rowBegin, rowEnd, columnBegin, columnEnd) => {
    for (let column = columnBegin; column < columnEnd; column += 2) {
      let read = (source.begin >> 1) + rowBegin * sourceStride + (column >> 1);
      let write = (target.begin >> 1) + column * targetStride + (rowBegin >> 1);
      for (let row = rowBegin; row < rowEnd; row += 2) {
        const upper = words[read] ?? 0;
        const lower = words[read + sourceStride] ?? 0;
        // Little-endian: the lower half of a word is the element that comes first.
        out[write] = (upper & 0xffff) | (lower << 16);
        out[write + targetStride] = (upper >>> 16) | (lower & 0xffff_0000);
        read += 2 * sourceStride;
        write++;
      }
    }
  });
  const move = transposeElements(view16(from), view16(to), source, target);
  if (rows < size.rows) move(rows, size.rows, 0, size.columns);
  if (columns < size.columns) move(0, rows, columns, size.columns);
}

const view16 = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
const view32 = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
const view64 = (bytes: Uint8Array): BigUint64Array =>
  new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3);
