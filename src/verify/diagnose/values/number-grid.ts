import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { isExactIn, sizeOf } from "../hypotheses/tensor-edits.ts";

/** Elements of a tensor that one scale belongs to: `count` of them from `begin` on, every `stride`. */
interface Group {
  readonly begin: number;
  readonly stride: number;
  readonly count: number;
}

/** A number format: what its values are multiples of, once a group's scale is known. */
interface Lattice {
  readonly name: string;
  /** Units that a group may have been divided into, from its extreme values. */
  readonly units: (low: number, high: number) => readonly number[];
  /**
   * The share of all numbers that would be as near to the lattice as rounding may have moved a value, given in units; no number
   * where it is further from it.
   */
  readonly chance: (inUnits: number, slack: number) => number;
}

/** Evidence, in bits, before a format is named: chance gives this much to one tensor in 2⁶⁴. */
const ENOUGH_BITS = 64;

/** A value fits by chance with this probability at most, or it says nothing. */
const TELLING = 0.5;

/** Elements in a row that block-wise quantization scales together, of one row of the matrix or across its ends. */
const BLOCK_SIZES = [8, 16, 32, 64, 128, 256];

/**
 * The coarsest of 4-bit and 8-bit integers, 4-bit tables, 8-bit floats and bfloat16 whose values these all are; undefined when
 * the values need all of the dtype they are stored in.
 */
export function gridOf(tensor: HostTensor, dtype: Dtype): string | undefined {
  if (!hasManyValues(tensor.data)) return undefined;
  const slack = slackOf(tensor, dtype);
  const isOn = (lattice: Lattice): boolean =>
    groupings(tensor).some((grouping) => fits(tensor.data, grouping, lattice, slack));
  const integer = INTEGERS.find(isOn);
  if (integer !== undefined) return integer.name;
  // Before scales are looked for: of some tensors the largest value happens to be a power of two from the format's.
  if (hasMantissa(tensor, 3)) return "8-bit float";
  if (isOn(SCALED_FLOATS)) return SCALED_FLOATS.name;
  const table = tableOf(tensor);
  if (table !== undefined) return table;
  return dtype !== "BF16" && isExactIn(tensor, "BF16") ? "bfloat16" : undefined;
}

/** Different magnitudes at least before their format means anything: norms of ones fit every grid. */
const MIN_DISTINCT = 12;

function hasManyValues(data: Float32Array): boolean {
  const seen = new Set<number>();
  for (const value of data) {
    seen.add(Math.abs(value));
    if (seen.size >= MIN_DISTINCT) return true;
  }
  return false;
}

/** How far a dequantized value and the largest one may both have been rounded, relative to the value. */
function slackOf(tensor: HostTensor, dtype: Dtype): number {
  if (dtype === "BF16" || isExactIn(tensor, "BF16")) return 2 ** -7.5;
  if (dtype === "F16" || isExactIn(tensor, "F16")) return 2 ** -10;
  return 2 ** -20;
}

/** One way to cut a tensor into groups. */
interface Grouping {
  readonly groups: number;
  readonly at: (index: number) => Group;
}

/** The ways in which scales are shared: by the tensor, a row, a column, or a block of a row. */
function groupings(tensor: HostTensor): readonly Grouping[] {
  const { rows, columns } = sizeOf(tensor);
  const { length } = tensor.data;
  const blocksOf = (count: number): Grouping => ({
    groups: length / count,
    at: (index) => ({ begin: index * count, stride: 1, count }),
  });
  if (tensor.shape.length < 2) return [blocksOf(length)];
  const byColumn: Grouping = {
    groups: columns,
    at: (begin) => ({ begin, stride: columns, count: rows }),
  };
  const sizes = BLOCK_SIZES.filter((size) => size !== columns && length % size === 0);
  return [...[length, ...sizes, columns].map(blocksOf), byColumn];
}

/** A value of x units is off from a whole number by x times the slack at most, and what is not 0 was not rounded to 0. */
function toWhole(inUnits: number, slack: number): number {
  const size = Math.abs(inUnits);
  const may = size * slack + 2 ** -9;
  return within(Math.abs(size - Math.max(1, Math.round(size))), may);
}

/** The same of a float with three bits behind the leading one, in eighths of the leading one. */
function toEighths(inUnits: number, slack: number): number {
  const size = Math.abs(inUnits);
  const eighths = (size / 2 ** Math.floor(Math.log2(size))) * 8;
  return within(Math.abs(eighths - Math.round(eighths)), eighths * slack);
}

function within(off: number, may: number): number {
  return off <= may || 2 * may >= TELLING ? 2 * may : Number.NaN;
}

/** Symmetric quantization has the largest magnitude as its last level; with a zero point the range is cut into all levels. */
function integers(bits: number): Lattice {
  const half = 2 ** (bits - 1);
  const all = 2 ** bits;
  return {
    name: `int${bits}`,
    units: (low, high) => [
      ...[half - 1, half].map((levels) => Math.max(-low, high) / levels),
      // The zero point is rounded, which moves one end by a level.
      ...[all - 1, all - 2, all].map((levels) => (high - low) / levels),
    ],
    chance: toWhole,
  };
}

/** 8-bit floats with a scale: the largest value becomes 448 or 57344, both 1.75 times a power of two, or 240, 1.875 times one. */
const SCALED_FLOATS: Lattice = {
  name: "8-bit float with scales",
  units: (low, high) => [1.75, 1.875].map((top) => Math.max(-low, high) / top),
  chance: toEighths,
};

const INTEGERS = [integers(4), integers(8)];

function fits(
  data: Float32Array,
  { groups, at }: Grouping,
  lattice: Lattice,
  slack: number,
): boolean {
  let bits = 0;
  // The division that the group before was on is tried first.
  let likely = 0;
  for (let index = 0; index < groups; index++) {
    const group = at(index);
    const { low, high } = extremes(data, group);
    if (low === 0 && high === 0) continue;
    const units = lattice.units(low, high);
    const toll = Math.log2(units.length);
    // What is still to come may cost so much, and then it is enough all the same: the rest only has to fit.
    const isEnough = bits - toll * (groups - index) >= ENOUGH_BITS;
    const bitsBy = (choice: number): number | undefined => {
      const unit = units[choice];
      return unit === undefined
        ? undefined
        : bitsOf({ data, group, low, high }, unit, lattice, slack, isEnough);
    };
    const first = bitsBy(likely);
    if (isEnough && first !== undefined) {
      bits -= toll;
      continue;
    }
    let best = first;
    for (let choice = 0; choice < units.length; choice++) {
      const found = choice === likely ? undefined : bitsBy(choice);
      if (found === undefined || (best !== undefined && found <= best)) continue;
      best = found;
      likely = choice;
    }
    if (best === undefined) return false;
    bits += best - toll;
  }
  return bits >= ENOUGH_BITS;
}

/** Values of one group, with the least and the largest of them. */
interface GroupValues {
  readonly data: Float32Array;
  readonly group: Group;
  readonly low: number;
  readonly high: number;
}

/**
 * How unlikely it is that a group's values are multiples of a unit by chance, in bits; undefined when they are not.
 * @param isEnough The bits are not asked for: 0 when all fit.
 */
function bitsOf(
  { data, group, low, high }: GroupValues,
  unit: number,
  { chance }: Lattice,
  slack: number,
  isEnough: boolean,
): number | undefined {
  let bits = 0;
  for (let index = 0, at = group.begin; index < group.count; index++, at += group.stride) {
    const value = data[at] ?? 0;
    // The extremes are on it by its making.
    if (value === 0 || value === low || value === high) continue;
    const share = chance(value / unit, slack);
    if (Number.isNaN(share)) return undefined;
    if (!isEnough && share < TELLING) bits -= Math.log2(share);
  }
  return bits;
}

function extremes(
  data: Float32Array,
  { begin, stride, count }: Group,
): { readonly low: number; readonly high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0, at = begin; index < count; index++, at += stride) {
    const value = data[at] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Entries of a table of values, and how many elements must share it before so few different ones say something. */
const TABLES = [
  { entries: 16, elements: 48, name: "16 values a group, as 4-bit tables give" },
  { entries: 256, elements: 2048, name: "256 values, as 8-bit formats give" },
];

/** Few different values in each group of a matrix, whichever they are: what a table of quantiles leaves. */
function tableOf(tensor: HostTensor): string | undefined {
  if (tensor.shape.length < 2) return undefined;
  return TABLES.find(({ entries, elements }) =>
    groupings(tensor).some(
      (grouping) =>
        grouping.at(0).count >= elements && isOfFewEverywhere(tensor.data, grouping, entries),
    ),
  )?.name;
}

function isOfFewEverywhere(data: Float32Array, { groups, at }: Grouping, most: number): boolean {
  for (let index = 0; index < groups; index++) if (!isOfFew(data, at(index), most)) return false;
  return true;
}

function isOfFew(data: Float32Array, { begin, stride, count }: Group, most: number): boolean {
  const seen = new Set<number>();
  for (let index = 0, at = begin; index < count; index++, at += stride) {
    seen.add(data[at] ?? 0);
    if (seen.size > most) return false;
  }
  return true;
}

/** True when every value has at most so many bits behind its leading one. */
function hasMantissa(tensor: HostTensor, bits: number): boolean {
  const words = new Uint32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length);
  const mask = 2 ** (23 - bits) - 1;
  return words.every((word) => (word & mask) === 0);
}
