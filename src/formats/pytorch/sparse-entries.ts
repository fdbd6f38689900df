import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { readElements } from "./elements.ts";
import type { SparsePlaces } from "./sparse-places.ts";
import type { SparseParts } from "./sparse-tensor.ts";

/** Consecutive entries of a sparse tensor, and where in the dense one the first element of each goes. */
export interface Entries {
  /** Number of the first entry, over all batches. */
  readonly first: number;
  readonly starts: Float64Array;
}

/** The part of the dense tensor that is being made, in elements, and how many entries may come at once. */
interface Wanted {
  readonly begin: number;
  readonly end: number;
  readonly most: number;
}

/** Pointers that are read at once. */
const POINTERS = 2 ** 16;

/**
 * The entries of a sparse tensor that may touch a part of its dense form, in stored order; all of them are checked to be inside its shape.
 * @throws WbError WB3302 for indices and pointers that torch's own check refuses.
 */
export async function* entryPlaces(
  parts: SparseParts,
  places: SparsePlaces,
  wanted: Wanted,
  where: string,
): AsyncGenerator<Entries> {
  const { pointers, indices } = parts;
  if (pointers === undefined || places.compressed === undefined) {
    for (let first = 0; first < places.entries; first += wanted.most) {
      const count = Math.min(wanted.most, places.entries - first);
      const starts = await coordinateStarts(indices, places, first, count, where);
      if (starts.some((start) => isNear(start, places, wanted))) yield { first, starts };
    }
    return;
  }
  const { batchStep } = places;
  if (batchStep === 0) return;
  const last = Math.min(places.batches, Math.ceil(wanted.end / batchStep));
  for (let batch = Math.floor(wanted.begin / batchStep); batch < last; batch++)
    yield* compressedEntries(batch, { pointers, indices }, places, wanted, where);
}

function isNear(start: number, { runs, runStep, runLength }: SparsePlaces, { begin, end }: Wanted) {
  return start < end && start + (runs - 1) * runStep + runLength > begin;
}

async function coordinateStarts(
  indices: StoredTensor,
  { coordinates, entries }: SparsePlaces,
  first: number,
  count: number,
  where: string,
): Promise<Float64Array> {
  const starts = new Float64Array(count);
  for (const [axis, { step, size }] of coordinates.entries()) {
    const read = await readIndices(indices, axis * entries + first, count, where);
    for (let at = 0; at < count; at++) {
      const index = read[at] ?? Number.NaN;
      if (!(index >= 0 && index < size)) throw outside(index, size, where);
      starts[at] = (starts[at] ?? Number.NaN) + index * step;
    }
  }
  return starts;
}

/** Entries of one batch, lane by lane: rows of CSR and BSR, columns of CSC and BSC. */
async function* compressedEntries(
  batch: number,
  { pointers, indices }: { readonly pointers: StoredTensor; readonly indices: StoredTensor },
  places: SparsePlaces,
  wanted: Wanted,
  where: string,
): AsyncGenerator<Entries> {
  const { coordinates, entries, batchStep } = places;
  const isByRow = places.compressed === 0;
  const [lane, other] = isByRow ? coordinates : coordinates.toReversed();
  if (lane === undefined || other === undefined) return;
  const base = batch * batchStep;
  // Rows follow one another in the dense tensor: those that are not wanted need not be looked at.
  const firstLane = isByRow ? Math.max(0, Math.floor((wanted.begin - base) / lane.step)) : 0;
  const lastLane = isByRow
    ? Math.min(lane.size, Math.ceil((wanted.end - base) / lane.step))
    : lane.size;
  for (let from = firstLane; from < lastLane; from += POINTERS) {
    const lanes = Math.min(POINTERS, lastLane - from);
    const bounds = await readIndices(pointers, batch * (lane.size + 1) + from, lanes + 1, where);
    checkBounds(bounds, { from, of: lane.size, entries, most: other.size }, where);
    const [begin = 0, end = 0] = [bounds[0], bounds[lanes]];
    let at = 0;
    let before = -1;
    for (let first = begin; first < end; first += wanted.most) {
      const count = Math.min(wanted.most, end - first);
      const read = await readIndices(indices, batch * entries + first, count, where);
      const starts = new Float64Array(count);
      for (let entry = 0; entry < count; entry++) {
        while (first + entry >= (bounds[at + 1] ?? Number.POSITIVE_INFINITY)) {
          at++;
          before = -1;
        }
        const index = read[entry] ?? Number.NaN;
        if (!(index >= 0 && index < other.size)) throw outside(index, other.size, where);
        if (index <= before) throw unsorted(from + at, where);
        before = index;
        starts[entry] = base + (from + at) * lane.step + index * other.step;
      }
      if (starts.some((start) => isNear(start, places, wanted)))
        yield { first: batch * entries + first, starts };
    }
  }
}

/** As torch checks them: from 0 to the number of entries, never falling, no lane with more entries than places. */
function checkBounds(
  bounds: Float64Array,
  {
    from,
    of,
    entries,
    most,
  }: {
    readonly from: number;
    readonly of: number;
    readonly entries: number;
    readonly most: number;
  },
  where: string,
): void {
  const lanes = bounds.length - 1;
  const isRising = bounds.every(
    (bound, at) =>
      at === 0 || (bound >= (bounds[at - 1] ?? 0) && bound - (bounds[at - 1] ?? 0) <= most),
  );
  const [begin = -1, end = -1] = [bounds[0], bounds[lanes]];
  const isWhole = (from > 0 || begin === 0) && (from + lanes < of || end === entries);
  if (isRising && isWhole && begin >= 0 && end <= entries) return;
  throw new WbError(
    "WB3302",
    `${where}: its compressed indices do not lead from 0 to its ${entries} entries`,
    { details: { where } },
  );
}

function outside(index: number, size: number, where: string): WbError {
  return new WbError("WB3302", `${where}: an index is ${index}, expected 0 to ${size - 1}`, {
    details: { where },
  });
}

function unsorted(lane: number, where: string): WbError {
  return new WbError(
    "WB3302",
    `${where}: the indices of row or column ${lane} are not in rising order`,
    { details: { where } },
  );
}

/** Whole numbers of 32 or 64 bits. @throws WbError WB3302 for other elements. */
async function readIndices(
  tensor: StoredTensor,
  from: number,
  count: number,
  where: string,
): Promise<Float64Array> {
  if (tensor.dtype !== "I64" && tensor.dtype !== "I32")
    throw new WbError("WB3302", `${where}: its indices are ${tensor.dtype}, expected I64 or I32`, {
      details: { where },
    });
  const bytes = await readElements(tensor, from, count);
  if (tensor.dtype === "I32") return Float64Array.from(new Int32Array(bytes.buffer));
  const words = new Int32Array(bytes.buffer);
  const low = new Uint32Array(bytes.buffer);
  const indices = new Float64Array(count);
  for (let at = 0; at < count; at++)
    indices[at] = (words[2 * at + 1] ?? Number.NaN) * 2 ** 32 + (low[2 * at] ?? Number.NaN);
  return indices;
}
