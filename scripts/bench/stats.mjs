// What the numbers of a run say: medians, ratios, and whether aims were met.

/** The middle of a list of at least one number, or the mean of the two in its middle. */
export function median(numbers) {
  if (numbers.length === 0) throw new RangeError("the median of nothing");
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A number with so many digits that count, as results keep it. */
export const rounded = (number, digits = 4) => Number(number.toPrecision(digits));

/** A number for people: three digits that count, or all before the point. */
export const short = (value) =>
  value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

/** A contender's median of a metric, or its peak memory in bytes; undefined where it did not run. */
const valueOf = (contender, key) =>
  key === "peakBytes" ? contender?.peakBytes : contender?.median?.[key];

/** How many times the median of contender `base` that of `name` is; undefined where one of them did not run. */
export function ratio(point, base, name, key) {
  const of = (wanted) =>
    valueOf(
      point.contenders.find((c) => c.name === wanted),
      key,
    );
  const [ours, theirs] = [of(name), of(base)];
  return ours === undefined || !theirs ? undefined : ours / theirs;
}

const BYTES_PER_MIB = 2 ** 20;

/**
 * What became of an aim at a point: `key` of contender `of`, at most (or, with `atLeast`, at least) `times` that of `to`, or a
 * plain `limit` (of memory in MiB). A contender that did not run leaves its aims "not measured", and is named by `lacking`.
 */
export function judge(point, { of, key = "seconds", to, times, limit, atLeast = false, text }) {
  const value = (name) =>
    valueOf(
      point.contenders.find((c) => c.name === name),
      key,
    );
  const lacking = [of, to].find((name) => name !== undefined && value(name) === undefined);
  if (lacking !== undefined) return { text, verdict: "not measured", lacking };
  const plain = key === "peakBytes" ? value(of) / BYTES_PER_MIB : value(of);
  const found = to === undefined ? plain : ratio(point, to, of, key);
  const bound = times ?? limit;
  const met = atLeast ? found >= bound : found <= bound;
  return { text, verdict: met ? "met" : "missed", found, relative: to !== undefined };
}
