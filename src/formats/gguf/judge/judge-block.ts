import { LEVEL_PLACES, type LevelPlaces } from "./level-places.ts";
import { rangeReader, type LevelRanges } from "./level-ranges.ts";
import { someLines, type Demand } from "./some-line.ts";

/** How the numbers of one block stand to their originals. */
export interface BlockError {
  /** Whether rounding explains every level: each is the nearest to its original under the block's scales, or under some scale that they may have been fitted from. */
  readonly isExplained: boolean;
  /** Largest |stored − original|, in units of half a step, of numbers that are not cut off. */
  readonly worst: number;
  /** Numbers beyond the first or the last level, by more than quantising without an importance matrix cuts off. */
  readonly cutOff: number;
}

/** Judges the block at byte `at` by its originals, from index `begin` on. */
export type JudgeBlock = (
  bytes: Uint8Array,
  at: number,
  originals: Float32Array,
  begin: number,
) => BlockError;

/**
 * A judge of blocks of one type.
 * @param isWeighted Whether an importance matrix may have weighed the numbers: then scales fit those that matter, and others are cut off at any
 *   distance.
 * @throws WbError WB7001 for a type that is not read.
 */
export function blockJudge(type: string, isWeighted: boolean): JudgeBlock {
  const read = rangeReader(type);
  const places = LEVEL_PLACES.get(type);
  return (bytes, at, originals, begin) => {
    const ranges = read(bytes, at);
    const found = byRanges(ranges, originals, begin, isWeighted);
    if (found.isExplained || !isWeighted || places === undefined || !isFitted(places)) return found;
    return { ...found, isExplained: byAnyScale(ranges, originals, begin, places) };
  };
}

function byRanges(
  { stored, low, high, bound, outward }: LevelRanges,
  originals: Float32Array,
  begin: number,
  isWeighted: boolean,
): BlockError {
  let [isExplained, worst, cutOff] = [true, 0, 0];
  for (let index = 0; index < stored.length; index++) {
    const original = originals[begin + index] ?? Number.NaN;
    const most = bound[index] ?? Number.NaN;
    const [least, largest] = [low[index] ?? Number.NaN, high[index] ?? Number.NaN];
    const value = stored[index] ?? Number.NaN;
    if (original >= least && original <= largest) {
      const error = Math.abs(value - original);
      if (error <= most && error > worst * most) worst = most === 0 ? 0 : error / most;
      continue;
    }
    const isCut = (outward[index] ?? 0) * (original - value) > 0;
    if (isCut) cutOff++;
    if (isCut && isWeighted) continue;
    isExplained = false;
    worst = Math.max(worst, Math.abs(value - original) / most);
  }
  return { isExplained, worst, cutOff };
}

/** Types whose scale an importance matrix fits after the levels were chosen (ggml-quants.c, `quantize_row_q4_0_impl` and those after it). */
function isFitted({ levels, isChosenByStored }: LevelPlaces): boolean {
  return !isChosenByStored && (levels.length === 16 || levels.length === 32);
}

/** The least and the largest that a fit makes of the scale which levels were chosen by: no number that counts is off by more than half a level. */
const FITTED = { alone: [0.5, 1.5], withOffset: [0, 2] } as const;

/** Half of binary16's smallest step. */
const VANISHES = 2 ** -25;

/** Levels that are the nearest under some scale, of which the stored one can be the fit. */
function byAnyScale(
  { stored, place, scale }: LevelRanges,
  originals: Float32Array,
  begin: number,
  places: LevelPlaces,
): boolean {
  const { hasOffset } = places;
  const demands = demandsOf(place, originals, begin, places);
  const largest = demands.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
  if (!(largest > 0 && largest < Infinity)) return false;
  const lines = someLines(demands, (4 * places.levels.length) / largest, hasOffset);
  if (lines.length === 0) return false;
  const slopes = lines.map(([slope]) => slope * Math.sign(scale === 0 ? 1 : scale));
  const [least, most] = FITTED[hasOffset ? "withOffset" : "alone"];
  const size = Math.abs(scale);
  const fits =
    (size + VANISHES) * Math.max(...slopes) >= least &&
    (size - VANISHES) * Math.min(...slopes) <= most;
  return fits && (!hasOffset || passesThrough(stored, originals, begin));
}

/** What levels say of the numbers: under the right scale each is within half a level of its own. */
function demandsOf(
  place: Int16Array,
  originals: Float32Array,
  begin: number,
  { levels }: LevelPlaces,
): readonly Demand[] {
  return Array.from(place, (own, index) => {
    const level = levels[own] ?? Number.NaN;
    return {
      value: originals[begin + index] ?? Number.NaN,
      low: level - 0.5 - SLACK - (own === 0 ? Infinity : 0),
      high: level + 0.5 + SLACK + (own === levels.length - 1 ? Infinity : 0),
    };
  });
}

/** What float32 arithmetic may be off by, in levels. */
const SLACK = 2 ** -18;

/** A fitted line has originals on both sides. */
function passesThrough(stored: Float32Array, originals: Float32Array, begin: number): boolean {
  let [above, below] = [false, false];
  for (const [index, value] of stored.entries()) {
    const original = originals[begin + index] ?? Number.NaN;
    const slack = 2 ** -10 * Math.abs(value);
    above ||= original >= value - slack;
    below ||= original <= value + slack;
  }
  return above && below;
}
