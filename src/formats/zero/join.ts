import { madeSource } from "../../sources/made-source.ts";
import { concatSource, sliceSource } from "../../sources/file.ts";
import { sourceRecords, type ByteSource } from "../../tensor/byte-source.ts";
import { elementCount, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { wrong } from "./fields.ts";

/** Bytes of a float32. */
const ITEM_BYTES = 4;

/** Shapes of parameters by name, in the order in which they were laid out. */
type Shapes = ReadonlyMap<string, readonly number[]>;

/** Flat float32 vectors of each rank, a group of parameters each. */
export type RankGroups = readonly (readonly StoredTensor[])[];

/**
 * The parameters of ZeRO 1 and 2: each group is one vector, which the ranks divide; the parameters follow one another in it, each
 * with its padding behind it (DeepSpeed v0.19.8, utils/zero_to_fp32.py, `_zero2_merge_trainable_params`).
 * @param paddings Elements behind each parameter, a list a group; undefined where there are none.
 * @throws WbError WB3608 where the parameters are not as long as their groups, up to the padding of the ranks.
 */
export function joinGroups(
  groups: RankGroups,
  shapes: readonly Shapes[],
  paddings: readonly (readonly number[])[] | undefined,
  label: string,
): readonly StoredTensor[] {
  if (groups.some((rank) => rank.length !== shapes.length))
    throw wrong(label, `a rank has not the ${shapes.length} groups of the parameters' shapes`);
  return shapes.flatMap((group, index) => {
    const flat = joined(
      groups.flatMap((rank) => rank[index] ?? []),
      `${label}: group ${index}`,
    );
    const padding = paddings?.[index];
    if (paddings !== undefined && padding?.length !== group.size)
      throw wrong(label, `group ${index} has ${group.size} parameters, its paddings are others`);
    const made: StoredTensor[] = [];
    let begin = 0;
    for (const [position, [name, shape]] of [...group].entries()) {
      const count = countOf(shape, name, label);
      const end = begin + count * ITEM_BYTES;
      if (end > flat.byteLength) throw tooLong(name, shape, label);
      made.push(floats(name, shape, sliceSource(flat, begin, count * ITEM_BYTES), label));
      begin = end + (padding?.[position] ?? 0) * ITEM_BYTES;
    }
    // Ranks pad the vector to a multiple of twice their number.
    const unit = 2 * groups.length * ITEM_BYTES;
    if (Math.ceil(begin / unit) !== Math.ceil(flat.byteLength / unit))
      throw wrong(
        label,
        `the parameters of group ${index} have ${begin / ITEM_BYTES} elements, the ranks hold ${flat.byteLength / ITEM_BYTES}`,
      );
    return made;
  });
}

/**
 * The parameters of ZeRO 3: each is divided among the ranks by itself, its end padded to a multiple of their number; a rank's groups
 * hold its parts one after another (`_zero3_merge_trainable_params`).
 * @throws WbError WB3608 where the parts are not as long as the ranks' vectors.
 */
export function joinParts(
  groups: RankGroups,
  shapes: readonly Shapes[],
  label: string,
): readonly StoredTensor[] {
  const ranks = groups.map((rank, index) => joined(rank, `${label}: rank ${index}`));
  const made: StoredTensor[] = [];
  let begin = 0;
  for (const [name, shape] of shapes.flatMap((group) => [...group])) {
    const part = Math.ceil(countOf(shape, name, label) / ranks.length) * ITEM_BYTES;
    if (ranks.some(({ byteLength }) => begin + part > byteLength))
      throw tooLong(name, shape, label);
    const parts = ranks.map((rank) => ({ source: rank, begin }));
    made.push(floats(name, shape, partedSource(parts, part, shape, ITEM_BYTES, label), label));
    begin += part;
  }
  const other = ranks.find(({ byteLength }) => byteLength !== begin);
  if (other !== undefined)
    throw wrong(
      label,
      `the parts of the parameters have ${begin / ITEM_BYTES} elements a rank, one holds ${other.byteLength / ITEM_BYTES}`,
    );
  return made;
}

/**
 * A tensor whose ranks hold a part of equal length each, the last ones padded.
 * @param part Bytes of a part.
 */
export function partedSource(
  parts: readonly { readonly source: ByteSource; readonly begin: number }[],
  part: number,
  shape: readonly number[],
  itemBytes: number,
  label: string,
): ByteSource {
  const byteLength = (elementCount(shape) ?? 0) * itemBytes;
  const [first, ...others] = parts;
  if (first !== undefined && others.length === 0)
    return sliceSource(first.source, first.begin, byteLength);
  const records = parts.flatMap(({ source }) => sourceRecords(source));
  return madeSource({ label, byteLength, records }, async (from, target) => {
    for (let done = 0; done < target.byteLength;) {
      const at = from + done;
      const inPart = at % part;
      const holder = parts[Math.floor(at / part)];
      if (holder === undefined) throw new RangeError("parts were not checked to fill their tensor");
      const length = Math.min(part - inPart, target.byteLength - done);
      await holder.source.readInto(holder.begin + inPart, target.subarray(done, done + length));
      done += length;
    }
  });
}

/** Vectors one after another, as one. */
function joined(vectors: readonly StoredTensor[], label: string): ByteSource {
  const parts = vectors.map(({ source, byteOffset, shape }) =>
    sliceSource(source, byteOffset, (shape[0] ?? 0) * ITEM_BYTES),
  );
  const [first, ...others] = parts;
  return first !== undefined && others.length === 0 ? first : concatSource(parts, label);
}

function floats(
  name: string,
  shape: readonly number[],
  source: ByteSource,
  label: string,
): StoredTensor {
  return {
    name,
    dtype: "F32",
    shape,
    strides: rowMajorStrides(shape),
    source,
    byteOffset: 0,
    byteOrder: "little",
    storage: `${label}:${name}`,
  };
}

function countOf(shape: readonly number[], name: string, label: string): number {
  const count = elementCount(shape);
  if (count !== undefined && Number.isSafeInteger(count * ITEM_BYTES)) return count;
  throw tooLong(name, shape, label);
}

function tooLong(name: string, shape: readonly number[], label: string): Error {
  return wrong(label, `${name} ${renderShape(shape)} does not fit into what the ranks hold`);
}
