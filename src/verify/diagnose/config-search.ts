import type { ModelConfig } from "../../model/config/model-config.ts";
import { configHypotheses, configRanges, type ConfigRange } from "./config-hypotheses.ts";

/** A setting that the reference was computed with. */
export interface FoundSetting {
  readonly field: string;
  readonly ours: string;
  readonly theirs: string;
  readonly after: number;
}

/**
 * The difference from the reference under another configuration: the largest of several parts. May leave parts out once one
 * is above `limit`, always the same ones, so that 0 asks for the first part alone.
 */
export type MeasureConfig = (config: ModelConfig, limit: number) => Promise<number>;

interface Budget {
  readonly isSpent: boolean;
}

/** Finds a setting that explains a difference: the likely values first, then any value of those that are numbers. */
export async function searchConfig(
  config: ModelConfig,
  measure: MeasureConfig,
  noise: number,
  budget?: Budget,
): Promise<FoundSetting | undefined> {
  for (const { config: changed, field, ours, theirs } of configHypotheses(config)) {
    if (budget?.isSpent === true) return undefined;
    const after = await measure(changed, noise);
    if (after <= noise) return { field, ours, theirs, after };
  }
  for (const range of configRanges(config)) {
    if (budget?.isSpent === true) return undefined;
    const { value } = await lowest(range, measure, budget);
    if (Number.isNaN(value)) continue;
    const after = await measure(range.make(value), noise);
    if (after <= noise)
      return { field: range.field, ours: range.ours, theirs: shown(value), after };
  }
  return undefined;
}

interface Point {
  readonly value: number;
  readonly after: number;
}

/** Values tried in each decade before the best of them is refined. */
const PER_DECADE = 6;

/** Golden-section steps: each leaves 62 % of the interval, of a third of a decade at first, so that 1e-8 of it is left. */
const STEPS = 36;

const RATIO = (Math.sqrt(5) - 1) / 2;

/** The value of a setting with the least difference, by a scan in even steps of the logarithm and golden-section search. */
async function lowest(
  range: ConfigRange,
  measure: MeasureConfig,
  budget: Budget | undefined,
): Promise<Point> {
  const at = async (exponent: number): Promise<Point> => {
    const value = range.whole ? Math.round(10 ** exponent) : 10 ** exponent;
    return { value, after: await measure(range.make(value), 0) };
  };
  const [low, high] = [Math.log10(range.low), Math.log10(range.high)];
  const count = Math.max(1, Math.ceil((high - low) * PER_DECADE));
  let best: Point = { value: Number.NaN, after: Number.POSITIVE_INFINITY };
  let centre = low;
  for (let index = 0; index <= count; index++) {
    if (budget?.isSpent === true) break;
    const exponent = low + ((high - low) * index) / count;
    const point = await at(exponent);
    if (point.after < best.after) [best, centre] = [point, exponent];
  }
  if (!Number.isFinite(best.after)) return best;
  let [left, right] = [centre - 1 / PER_DECADE, centre + 1 / PER_DECADE];
  for (let step = 0; step < STEPS; step++) {
    if (budget?.isSpent === true) break;
    const [inner, outer] = [right - RATIO * (right - left), left + RATIO * (right - left)];
    const [a, b] = [await at(inner), await at(outer)];
    for (const point of [a, b]) if (point.after < best.after) best = point;
    if (a.after <= b.after) right = outer;
    else left = inner;
  }
  return best;
}

/** A number found by search, without digits that it does not determine. */
function shown(value: number): string {
  return String(Number(value.toPrecision(6)));
}
