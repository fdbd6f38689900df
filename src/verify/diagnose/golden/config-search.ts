import type { ModelConfig } from "../../../model/config/model-config.ts";
import {
  configHypotheses,
  configRanges,
  pairedRotaries,
  type ConfigHypothesis,
  type ConfigRange,
} from "../hypotheses/config-hypotheses.ts";

/** Settings that the reference was computed with. */
export interface FoundSettings {
  /** What differs: one setting, or two that were lost together. */
  readonly fields: readonly {
    readonly field: string;
    readonly ours: string;
    readonly theirs: string;
  }[];
  readonly config: ModelConfig;
  readonly after: number;
}

/**
 * The difference from the reference under another configuration: the largest of several parts. May leave parts out once one
 * is above `limit`, always the same ones, so that 0 asks for the first part alone.
 */
export interface MeasureConfig {
  all(config: ModelConfig, limit: number): Promise<number>;
  /** Of the first token of each prompt alone, which no rotary table reaches; undefined where the reference has none. */
  first(config: ModelConfig, limit: number): Promise<number | undefined>;
}

interface Budget {
  /** Takes one try; false where none is left. */
  spend(): Promise<boolean>;
}

/**
 * Finds settings that explain a difference: the likely values first, then any value of those that are numbers, then two at once.
 * The first token of a prompt tells the two kinds apart: positions and heads change nothing there, all else does.
 */
export async function searchConfig(
  config: ModelConfig,
  measure: MeasureConfig,
  noise: number,
  budget: Budget,
): Promise<FoundSettings | undefined> {
  const atFirst = await measure.first(config, noise);
  const search = new Search(measure, noise, budget);
  if (atFirst === undefined)
    return (
      (await search.settings(config, false, (changed, limit) => measure.all(changed, limit))) ??
      search.settings(config, true, (changed, limit) => measure.all(changed, limit))
    );
  if (atFirst <= noise) return (await search.rotary(config)) ?? search.quietPair(config);
  const first = await search.settings(
    config,
    false,
    async (changed, limit) => (await measure.first(changed, limit)) ?? Number.POSITIVE_INFINITY,
  );
  if (first === undefined) return undefined;
  const after = await measure.all(first.config, noise);
  if (after <= noise) return { ...first, after };
  // At the first token several values may fit: the positions tell them apart.
  for (const candidate of await search.alike(config, first)) {
    const second = await search.rotary(candidate.config);
    if (second !== undefined) return { ...second, fields: [...candidate.fields, ...second.fields] };
  }
  return undefined;
}

type Measure = (config: ModelConfig, limit: number) => Promise<number>;

class Search {
  readonly #measure: MeasureConfig;
  readonly #noise: number;
  readonly #budget: Budget;

  constructor(measure: MeasureConfig, noise: number, budget: Budget) {
    this.#measure = measure;
    this.#noise = noise;
    this.#budget = budget;
  }

  /** Settings of the positions: one, or a base and a scaling that were lost together. */
  async rotary(config: ModelConfig): Promise<FoundSettings | undefined> {
    const measure: Measure = (changed, limit) => this.#measure.all(changed, limit);
    return (
      (await this.settings(config, true, measure)) ?? this.#first(pairedRotaries(config), measure)
    );
  }

  /** A setting of the positions that was lost with another, too small a one to show at the first token: an epsilon. */
  async quietPair(config: ModelConfig): Promise<FoundSettings | undefined> {
    for (const quiet of configHypotheses(config)) {
      if (quiet.isOfPositions || !(await this.#budget.spend())) continue;
      if (!(((await this.#measure.first(quiet.config, this.#noise)) ?? 0) <= this.#noise)) continue;
      const loud = configHypotheses(quiet.config).filter(({ isOfPositions }) => isOfPositions);
      const found = await this.#first(loud, (changed, limit) => this.#measure.all(changed, limit));
      if (found !== undefined) return { ...found, fields: [...quiet.fields, ...found.fields] };
    }
    return undefined;
  }

  /** One setting: of the positions, or of the others. */
  async settings(
    config: ModelConfig,
    isOfPositions: boolean,
    measure: Measure,
  ): Promise<FoundSettings | undefined> {
    const likely = configHypotheses(config).filter((one) => one.isOfPositions === isOfPositions);
    const listed = await this.#first(likely, measure);
    if (listed !== undefined) return listed;
    const before = await measure(config, 0);
    for (const range of configRanges(config)) {
      if (range.isOfPositions !== isOfPositions) continue;
      const { value } = await this.#lowest(range, measure, before);
      if (Number.isNaN(value)) continue;
      const found = await this.#roundest(value, range, measure);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Settings as good as one at the first token, the best first. */
  async alike(config: ModelConfig, found: FoundSettings): Promise<readonly FoundSettings[]> {
    const candidates: FoundSettings[] = [found];
    for (const one of configHypotheses(config)) {
      if (one.isOfPositions || !(await this.#budget.spend())) continue;
      const after = await this.#measure.first(one.config, this.#noise);
      if (after !== undefined && after <= this.#noise) candidates.push({ ...one, after });
    }
    return candidates.toSorted((left, right) => left.after - right.after).slice(0, MOST_ALIKE);
  }

  async #first(
    hypotheses: readonly ConfigHypothesis[],
    measure: Measure,
  ): Promise<FoundSettings | undefined> {
    for (const { config, fields } of hypotheses) {
      if (!(await this.#budget.spend())) return undefined;
      const after = await measure(config, this.#noise);
      if (after <= this.#noise) return { fields, config, after };
    }
    return undefined;
  }

  /** The number of fewest digits near a value with which the difference is gone: settings are written by people. */
  async #roundest(
    value: number,
    range: ConfigRange,
    measure: Measure,
  ): Promise<FoundSettings | undefined> {
    const of = async (number: number): Promise<FoundSettings> => {
      const config = range.make(number);
      const fields = [
        { field: range.field, ours: range.ours, theirs: range.shown?.(number) ?? String(number) },
      ];
      return { fields, config, after: await measure(config, this.#noise) };
    };
    const exact = await of(value);
    if (!(exact.after <= this.#noise)) return undefined;
    for (let digits = 1; digits <= DIGITS; digits++) {
      const round = await of(Number(value.toPrecision(digits)));
      if (round.after <= this.#noise) return round;
    }
    return exact;
  }

  /**
   * The value of a setting with the least difference, by a scan in even steps of the logarithm and golden-section search; no number
   * where that is not much less than `before`.
   */
  async #lowest(range: ConfigRange, measure: Measure, before: number): Promise<Point> {
    const at = async (exponent: number): Promise<Point> => {
      const value = range.whole ? Math.round(10 ** exponent) : 10 ** exponent;
      return { value, after: await measure(range.make(value), 0) };
    };
    const [low, high] = [Math.log10(range.low), Math.log10(range.high)];
    const count = Math.max(1, Math.ceil((high - low) * PER_DECADE));
    let best = NOWHERE;
    let centre = low;
    for (let index = 0; index <= count && (await this.#budget.spend()); index++) {
      const exponent = low + ((high - low) * index) / count;
      const point = await at(exponent);
      if (point.after < best.after) [best, centre] = [point, exponent];
    }
    if (!Number.isFinite(best.after)) return best;
    // One step of a golden section takes one of the two values within from the step before.
    let [left, right] = [centre - 1 / PER_DECADE, centre + 1 / PER_DECADE];
    let [inner, outer] = [right - RATIO * (right - left), left + RATIO * (right - left)];
    let [a, b] = [await at(inner), await at(outer)];
    for (let step = 0; step < STEPS && (await this.#budget.spend()); step++) {
      for (const point of [a, b]) if (point.after < best.after) best = point;
      // So near to the right value most of the difference would be gone.
      if (step === TELLING_STEPS && !(best.after <= STILL_FAR * before)) return NOWHERE;
      if (a.after <= b.after) {
        [right, outer, b] = [outer, inner, a];
        inner = right - RATIO * (right - left);
        a = await at(inner);
      } else {
        [left, inner, a] = [inner, outer, b];
        outer = left + RATIO * (right - left);
        b = await at(outer);
      }
    }
    for (const point of [a, b]) if (point.after < best.after) best = point;
    return best;
  }
}

/** Settings of the first token with which those of the positions are looked for. */
const MOST_ALIKE = 3;

interface Point {
  readonly value: number;
  readonly after: number;
}

/** Values tried in each decade before the best of them is refined. */
const PER_DECADE = 6;

/** Golden-section steps: each leaves 62 % of the interval, of a third of a decade at first, so that 1e-8 of it is left. */
const STEPS = 36;

/** Steps after which the value is known to a thousandth, and how much of the difference is left there of another mistake's. */
const TELLING_STEPS = 14;
const STILL_FAR = 0.5;

const NOWHERE: Point = { value: Number.NaN, after: Number.POSITIVE_INFINITY };

const RATIO = (Math.sqrt(5) - 1) / 2;

/** Digits that a search determines. */
const DIGITS = 7;

/** What differs, as evidence says it: "rope_theta is 10000; with 500000". */
export function settingsText({ fields }: FoundSettings): string {
  const ours = fields.map(({ field, ours: value }) => `${field} is ${value}`).join(" and ");
  const theirs = fields.map(({ theirs: value }) => value).join(" and ");
  return `${ours}; with ${theirs}`;
}
