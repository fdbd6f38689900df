import { WbError } from "../../../errors/wb-error.ts";
import { half } from "../block.ts";
import { blockType, type BlockType } from "../block-types.ts";
import { LEVEL_PLACES, type LevelPlaces } from "./level-places.ts";

/** Half a unit in the last place of binary16, which scales and offsets are rounded to. */
const HALF_ULP = 2 ** -11;
/** What float32 arithmetic on a level may be off by, in units of the largest level and of the offset. */
const FLOAT_ERROR = 2 ** -20;
/** Half of binary16's smallest step: scales below it are stored as 0. */
const VANISHES = 2 ** -25;

/** Numbers of one block, with the range of originals that round to each under the block's scales. */
export interface LevelRanges {
  /** What the stored levels stand for. */
  readonly stored: Float32Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Half a step: what rounding to the nearest level may change, but for cut off numbers. */
  readonly bound: Float64Array;
  /** The level's place among all; 0 where the scale is 0. */
  readonly place: Int16Array;
  /** To which side numbers are cut off: −1 or 1 at the first and the last level, else 0. */
  readonly outward: Int8Array;
  /** Of the last group. */
  readonly scale: number;
  readonly offset: number;
}

/** Reads ranges of blocks of one type; its arrays are used again for each block. */
export type ReadRanges = (bytes: Uint8Array, at: number) => LevelRanges;

/**
 * What numbers a block of this type stands for: every quantiser of llama.cpp, with or without an importance matrix, chooses scales first and then
 * for each number the nearest level (ggml-quants.c), so that the original is between the middles to both neighbours of its level. Numbers
 * beyond the first and the last level are cut off. A scale may have been rounded after the choice, which the ranges allow for.
 * @throws WbError WB7001 for a type that is not read.
 */
export function rangeReader(name: string): ReadRanges {
  const [type, places] = [blockType(name), LEVEL_PLACES.get(name)];
  if (type === undefined || places === undefined)
    throw new WbError("WB7001", `${name} has no known levels`);
  return readerOf(type, places);
}

function readerOf(type: BlockType, places: LevelPlaces): ReadRanges {
  const { elements } = type;
  const [zeros, ones, stored] = [
    new Float32Array(elements),
    new Float32Array(elements),
    new Float32Array(elements),
  ];
  const [low, high, bound] = [
    new Float64Array(elements),
    new Float64Array(elements),
    new Float64Array(elements),
  ];
  const [place, outward] = [new Int16Array(elements), new Int8Array(elements)];
  const filled = new Uint8Array(type.bytes);
  const view = new DataView(filled.buffer);
  const filledWith = (byte: number, out: Float32Array): void => {
    for (const [begin, end] of places.spans) filled.fill(byte, begin, end);
    type.decode(view, 0, out, 0);
  };
  const last = places.levels.length - 1;
  return (bytes, at) => {
    filled.set(bytes.subarray(at, at + type.bytes));
    type.decode(view, 0, stored, 0);
    filledWith(0, zeros);
    filledWith(255, ones);
    const shared = sharedSteps(view, places);
    let [scale, offset] = [0, 0];
    for (let index = 0; index < elements; index++) {
      const zero = zeros[index] ?? Number.NaN;
      scale = ((ones[index] ?? Number.NaN) - zero) / (places.ofOnes - places.ofZeros);
      offset = zero - scale * places.ofZeros;
      const own =
        scale === 0 ? 0 : levelAt(((stored[index] ?? Number.NaN) - offset) / scale, places);
      const range =
        scale === 0 ? vanished(offset, places, shared) : around(own, scale, offset, places, shared);
      low[index] = range.low;
      high[index] = range.high;
      bound[index] = range.bound;
      place[index] = own;
      outward[index] = Math.sign(scale) * (own === 0 ? -1 : own === last ? 1 : 0);
    }
    return { stored, low, high, bound, place, outward, scale, offset };
  };
}

interface Range {
  readonly low: number;
  readonly high: number;
  readonly bound: number;
}

/** Steps that groups' own scales and offsets are multiples of; 0 where there are none. */
interface Shared {
  readonly scale: number;
  readonly offset: number;
}

function sharedSteps(block: DataView, { shared }: LevelPlaces): Shared {
  if (shared === undefined) return { scale: 0, offset: 0 };
  const offset = shared.offset === undefined ? 0 : Math.abs(half(block, shared.offset));
  return { scale: Math.abs(half(block, shared.scale)), offset };
}

/**
 * A scale of 0 says that the right one was nearer to 0 than to the smallest that can be stored. A fitted scale may be half of what the largest
 * number needs.
 */
function vanished(offset: number, { levels, shared }: LevelPlaces, steps: Shared): Range {
  const reach = Math.max(...levels.map(Math.abs));
  const most = shared === undefined ? 1 : 128;
  const bound = reach * (steps.scale + 2 * most * VANISHES) + steps.offset + most * VANISHES;
  return { low: offset - bound, high: offset + bound, bound };
}

/** The place of a level among the ascending ones. */
function levelAt(level: number, { levels }: LevelPlaces): number {
  let [low, high] = [0, levels.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const border = ((levels[middle] ?? 0) + (levels[middle + 1] ?? 0)) / 2;
    if (level > border) low = middle + 1;
    else high = middle;
  }
  return low;
}

function around(
  place: number,
  scale: number,
  offset: number,
  places: LevelPlaces,
  shared: Shared,
): Range {
  const { levels, cut } = places;
  const level = levels[place] ?? Number.NaN;
  const [before, after] = [levels[place - 1], levels[place + 1]];
  const [down, up] = [
    before === undefined ? undefined : (level - before) / 2,
    after === undefined ? undefined : (after - level) / 2,
  ];
  const beyond = cut === 0 ? 0 : cutOff(scale, places, shared);
  const border = Math.abs(level) + Math.max(down ?? 0, up ?? 0);
  const slack = slackOf(border, scale, offset, reachOf(places, scale, shared));
  const ends = [
    level - (down ?? (up ?? 0) + beyond) - slack,
    level + (up ?? (down ?? 0) + beyond) + slack,
  ].map((end) => offset + scale * end);
  const halfGap = Math.max(down ?? 0, up ?? 0) + slack;
  return {
    low: Math.min(...ends),
    high: Math.max(...ends),
    bound: halfGap * Math.abs(scale),
  };
}

/** The largest level, and the stored binary16 that a scale was rounded to after levels were chosen; undefined where it was before. */
interface Reach {
  readonly reach: number;
  readonly rounded: number | undefined;
}

function reachOf({ levels, isChosenByStored }: LevelPlaces, scale: number, shared: Shared): Reach {
  const reach = Math.max(Math.abs(levels[0] ?? 0), Math.abs(levels.at(-1) ?? 0));
  if (isChosenByStored) return { reach, rounded: undefined };
  return { reach, rounded: shared.scale > 0 ? shared.scale : Math.abs(scale) };
}

/** How many levels beyond the ends: what the quantiser itself cuts off, and what a rounded scale of a group adds. */
function cutOff(scale: number, { levels, cut }: LevelPlaces, shared: Shared): number {
  const reach = Math.max(Math.abs(levels[0] ?? 0), Math.abs(levels.at(-1) ?? 0));
  const size = Math.abs(scale);
  return cut + (reach * shared.scale + shared.offset) / size;
}

function slackOf(border: number, scale: number, offset: number, { reach, rounded }: Reach): number {
  const size = Math.abs(scale);
  const floats = FLOAT_ERROR * (reach + Math.abs(offset) / size);
  if (rounded === undefined) return floats;
  const ofScale = Math.max(HALF_ULP, VANISHES / rounded) * border;
  // An offset is rounded by its own size.
  const ofOffset = Math.max(HALF_ULP * Math.abs(offset), offset === 0 ? 0 : VANISHES) / size;
  return floats + ofScale + ofOffset;
}
