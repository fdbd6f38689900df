// Elements are moved as integers of their width, so that every bit pattern survives: a signalling NaN may not survive
// the way through a float.

/** Width of elements that can be moved as one integer; 16-byte elements are moved as two of 8. */
export type ElementBytes = 1 | 2 | 4 | 8;

/** Side of the square blocks of a transposition: 64 × 64 elements of 4 bytes fit twice into a 32 KiB cache. */
const TILE = 64;

/** A plane in memory: element (row, column) is at `begin + row · rowStride + column · columnStride`. */
export interface Plane {
  readonly begin: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/**
 * Copies a plane of `rows` × `columns` elements from one array to another, block by block, so that neither side is
 * walked against its grain for long.
 */
export function copyPlane(
  from: Uint8Array,
  to: Uint8Array,
  elementBytes: ElementBytes,
  size: { readonly rows: number; readonly columns: number },
  source: Plane,
  target: Plane,
): void {
  switch (elementBytes) {
    case 1:
      copyTiles(from, to, size, source, target);
      break;
    case 2:
      copyTiles(view16(from), view16(to), size, source, target);
      break;
    case 4:
      copyTiles(view32(from), view32(to), size, source, target);
      break;
    case 8:
      copyTiles(view64(from), view64(to), size, source, target);
      break;
    default:
      elementBytes satisfies never;
  }
}

function copyTiles<T extends { readonly length: number; [index: number]: number | bigint }>(
  from: T,
  to: T,
  size: { readonly rows: number; readonly columns: number },
  source: Plane,
  target: Plane,
): void {
  for (let rowBegin = 0; rowBegin < size.rows; rowBegin += TILE) {
    const rowEnd = Math.min(size.rows, rowBegin + TILE);
    for (let columnBegin = 0; columnBegin < size.columns; columnBegin += TILE) {
      const columnEnd = Math.min(size.columns, columnBegin + TILE);
      for (let row = rowBegin; row < rowEnd; row++) {
        let sourceIndex = source.begin + row * source.rowStride + columnBegin * source.columnStride;
        let targetIndex = target.begin + row * target.rowStride + columnBegin * target.columnStride;
        for (let column = columnBegin; column < columnEnd; column++) {
          to[targetIndex] = from[sourceIndex] ?? 0;
          sourceIndex += source.columnStride;
          targetIndex += target.columnStride;
        }
      }
    }
  }
}

const view16 = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
const view32 = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
const view64 = (bytes: Uint8Array): BigUint64Array =>
  new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3);

/** Reverses the bytes of each unit in place; between big and little endian. */
export function swapBytes(bytes: Uint8Array, unitBytes: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (unitBytes) {
    case 2:
      buffer.swap16();
      break;
    case 4:
      buffer.swap32();
      break;
    case 8:
      buffer.swap64();
      break;
    default:
  }
}
