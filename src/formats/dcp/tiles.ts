import { madeSource } from "../../sources/made-source.ts";
import { sourceRecords, type ByteSource } from "../../tensor/byte-source.ts";
import { elementCount, rowMajorStrides } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { Chunk } from "./metadata.ts";

/** A part of a tensor, and what holds it. */
export interface Tile extends Chunk {
  readonly tensor: StoredTensor;
}

/** Whether tiles are inside a shape, and every element is in exactly one. */
export function tilesFill(tiles: readonly Tile[], shape: readonly number[]): boolean {
  const isInside = tiles.every(
    ({ offsets, sizes }) =>
      offsets.length === shape.length &&
      sizes.length === shape.length &&
      shape.every((size, axis) => (offsets[axis] ?? 0) + (sizes[axis] ?? 0) <= size),
  );
  const count = tiles.reduce((sum, { sizes }) => sum + (elementCount(sizes) ?? 0), 0);
  if (!isInside || count !== elementCount(shape)) return false;
  const filled = tiles.filter(({ sizes }) => !sizes.includes(0));
  return filled.every((tile, index) =>
    filled.slice(index + 1).every((other) => !overlap(tile, other)),
  );
}

function overlap(left: Chunk, right: Chunk): boolean {
  return left.offsets.every((begin, axis) => {
    const other = right.offsets[axis] ?? 0;
    return begin < other + (right.sizes[axis] ?? 0) && other < begin + (left.sizes[axis] ?? 0);
  });
}

/** A tensor that is put together from tiles as it is read: row-major, whatever the tiles are. */
export function tiledSource(
  label: string,
  shape: readonly number[],
  itemBytes: number,
  tiles: readonly Tile[],
): ByteSource {
  const strides = rowMajorStrides(shape);
  const byteLength = (elementCount(shape) ?? 0) * itemBytes;
  const filled = tiles.filter(({ sizes }) => !sizes.includes(0));
  const records = tiles.flatMap(({ tensor }) => sourceRecords(tensor.source));
  return madeSource({ label, byteLength, records }, async (begin, target) => {
    let done = 0;
    while (done < target.byteLength) {
      const at = begin + done;
      const run = runAt(Math.floor(at / itemBytes), shape, strides, filled);
      const skipped = at % itemBytes;
      const length = Math.min(run.count * itemBytes - skipped, target.byteLength - done);
      const { tensor } = run.tile;
      const from = tensor.byteOffset + run.element * itemBytes + skipped;
      await tensor.source.readInto(from, target.subarray(done, done + length));
      done += length;
    }
  });
}

/** Elements of a tile that follow one another from an element of the whole on, in the tile and in the whole. */
function runAt(
  element: number,
  shape: readonly number[],
  strides: readonly number[],
  tiles: readonly Tile[],
): { readonly tile: Tile; readonly element: number; readonly count: number } {
  const index = shape.map((size, axis) => Math.floor(element / (strides[axis] ?? 1)) % size);
  const tile = tiles.find(({ offsets, sizes }) =>
    index.every((at, axis) => {
      const begin = offsets[axis] ?? 0;
      return at >= begin && at < begin + (sizes[axis] ?? 0);
    }),
  );
  if (tile === undefined) throw new RangeError("tiles were not checked to fill their tensor");
  const local = index.map((at, axis) => at - (tile.offsets[axis] ?? 0));
  const start = local.reduce((sum, at, axis) => sum + at * (tile.tensor.strides[axis] ?? 0), 0);
  let [count, block] = [1, 1];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = tile.sizes[axis] ?? 1;
    const isInOrder = size === 1 || tile.tensor.strides[axis] === block;
    if (!isInOrder) break;
    count += (size - 1 - (local[axis] ?? 0)) * block;
    block *= size;
    if (size !== shape[axis]) break;
  }
  return { tile, element: start, count };
}
