/** One row of logits against another. */
export interface RowMetrics {
  readonly position: number;
  readonly maxAbs: number;
  readonly rmse: number;
  readonly cosine: number;
  /** KL divergence of ours from the reference's distribution, in nats, from log-softmax in float64. */
  readonly kl: number;
  readonly top1: "same" | "near-tie" | "differs";
  /** Share of the reference's ten likeliest tokens that are among ours. */
  readonly topOverlap: number;
}

/** A prompt's rows together. */
export interface PromptMetrics {
  readonly name: string;
  readonly positions: number;
  readonly maxAbs: number;
  readonly rmse: number;
  readonly cosine: number;
  readonly kl: number;
  /** Share of positions whose likeliest token is the same; near-ties count as the same. */
  readonly top1Agreement: number;
  readonly nearTies: number;
  readonly topOverlap: number;
  /** The absolute tolerance on logits that would have passed: maxAbs; null where nothing finite would. */
  readonly wouldPassWith: number | null;
  /** Largest |logit| of the reference, which differences are seen against. */
  readonly scale: number;
  readonly worst: {
    readonly position: number;
    readonly token: number;
    readonly ours: number;
    readonly reference: number;
  };
  readonly rows: readonly RowMetrics[];
  /** Counts of |difference| by power of ten: below 1e-8, then each decade up to 1e3 and beyond. */
  readonly histogram: readonly number[];
}

const TOP = 10;

/** Decades of the histogram: the first below 10^FIRST_DECADE. */
export const FIRST_DECADE = -8;
export const DECADES = 13;

/**
 * Logits [positions, vocab] of ours against the reference's. NaN and infinities in one side alone make every metric NaN.
 * @param nearTie Difference of the two likeliest logits below which either may come first.
 */
export function compareLogits(
  name: string,
  ours: Float32Array,
  reference: Float32Array,
  positions: readonly number[],
  nearTie: number,
): PromptMetrics {
  const rows: RowMetrics[] = [];
  const histogram = Array.from({ length: DECADES }, () => 0);
  // Without positions no safe integer, and then nothing is comparable.
  const vocab = reference.length / positions.length;
  const isComparable = ours.length === reference.length && vocab > 0 && Number.isSafeInteger(vocab);
  let worst = { position: -1, token: -1, ours: Number.NaN, reference: Number.NaN };
  let [maxAbs, squares, scale] = [0, 0, 0];
  for (const [row, position] of positions.entries()) {
    const a = ours.subarray(row * vocab, (row + 1) * vocab);
    const b = reference.subarray(row * vocab, (row + 1) * vocab);
    const metrics = compareRow(a, b, position, nearTie, histogram);
    rows.push(metrics.row);
    squares += metrics.squares;
    scale = Math.max(scale, metrics.scale);
    if (exceeds(metrics.row.maxAbs, maxAbs)) {
      maxAbs = metrics.row.maxAbs;
      const token = metrics.worstToken;
      worst = { position, token, ours: a[token] ?? Number.NaN, reference: b[token] ?? Number.NaN };
    }
  }
  const mean = (of: (row: RowMetrics) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0) / Math.max(1, rows.length);
  return {
    name,
    positions: isComparable ? positions.length : 0,
    maxAbs: isComparable ? maxAbs : Number.NaN,
    rmse: isComparable ? Math.sqrt(squares / reference.length) : Number.NaN,
    cosine: mean((row) => row.cosine),
    kl: mean((row) => row.kl),
    top1Agreement: mean((row) => (row.top1 === "differs" ? 0 : 1)),
    nearTies: rows.filter((row) => row.top1 === "near-tie").length,
    topOverlap: mean((row) => row.topOverlap),
    wouldPassWith: isComparable && Number.isFinite(maxAbs) ? maxAbs : null,
    scale,
    worst,
    rows,
    histogram,
  };
}

/** Whether a difference takes the place of the largest so far: NaN does, and keeps it. */
function exceeds(difference: number, largest: number): boolean {
  return !Number.isNaN(largest) && !(difference <= largest);
}

interface RowResult {
  readonly row: RowMetrics;
  readonly squares: number;
  readonly scale: number;
  readonly worstToken: number;
}

function compareRow(
  a: Float32Array,
  b: Float32Array,
  position: number,
  nearTie: number,
  histogram: number[],
): RowResult {
  let [maxAbs, squares, scale, dot, normA, normB] = [0, 0, 0, 0, 0, 0];
  let worstToken = -1;
  for (let token = 0; token < b.length; token++) {
    const x = a[token] ?? Number.NaN;
    const y = b[token] ?? Number.NaN;
    const difference = x === y ? 0 : Math.abs(x - y);
    if (exceeds(difference, maxAbs)) {
      maxAbs = difference;
      worstToken = token;
    }
    histogram[decadeOf(difference)] = (histogram[decadeOf(difference)] ?? 0) + 1;
    squares += difference * difference;
    if (Math.abs(y) > scale) scale = Math.abs(y);
    dot += x * y;
    normA += x * x;
    normB += y * y;
  }
  const [topA, topB] = [topTokens(a, TOP), topTokens(b, TOP)];
  return {
    row: {
      position,
      maxAbs,
      rmse: Math.sqrt(squares / Math.max(1, b.length)),
      cosine: normA === 0 && normB === 0 ? 1 : dot / Math.sqrt(normA * normB),
      kl: divergence(a, b),
      top1: compareTop(a, b, topA, topB, nearTie),
      topOverlap: topB.filter((token) => topA.includes(token)).length / Math.max(1, topB.length),
    },
    squares,
    scale,
    worstToken,
  };
}

function decadeOf(difference: number): number {
  if (Number.isNaN(difference)) return DECADES - 1;
  // Of 0, −∞: in the first.
  const decade = Math.floor(Math.log10(difference));
  return Math.min(DECADES - 1, Math.max(0, decade - FIRST_DECADE + 1));
}

function compareTop(
  a: Float32Array,
  b: Float32Array,
  topA: readonly number[],
  topB: readonly number[],
  nearTie: number,
): RowMetrics["top1"] {
  const [ours = -1] = topA;
  const [theirs = -1] = topB;
  if (ours === theirs && ours >= 0 && !Number.isNaN(a[ours] ?? Number.NaN)) return "same";
  const gap = Math.abs((b[theirs] ?? Number.NaN) - (b[ours] ?? Number.NaN));
  return gap <= nearTie ? "near-tie" : "differs";
}

/** The `count` likeliest tokens, the lower id first on ties. */
function topTokens(logits: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    const value = logits[token] ?? Number.NEGATIVE_INFINITY;
    const last = best.at(-1);
    if (best.length === count && last !== undefined && !(value > (logits[last] ?? 0))) continue;
    let at = best.length;
    while (at > 0 && value > (logits[best[at - 1] ?? 0] ?? 0)) at--;
    best.splice(at, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}

/** Σ q · (log q − log p), q the reference's softmax and p ours. */
function divergence(ours: Float32Array, reference: Float32Array): number {
  const p = logNormalizer(ours);
  const q = logNormalizer(reference);
  let sum = 0;
  for (let token = 0; token < reference.length; token++) {
    const logQ = (reference[token] ?? Number.NaN) - q;
    const logP = (ours[token] ?? Number.NaN) - p;
    const weight = Math.exp(logQ);
    if (weight !== 0) sum += weight * (logQ - logP);
  }
  return Math.max(0, sum);
}

function logNormalizer(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}

/** Largest |a − b|; NaN wins; NaN where lengths differ. */
export function maxDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] ?? Number.NaN, b[index] ?? Number.NaN];
    const difference = x === y ? 0 : Math.abs(x - y);
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** Largest |a|; NaN where there is one. */
export function maxMagnitude(a: Float32Array): number {
  let largest = 0;
  for (const value of a) largest = Math.max(largest, Math.abs(value));
  return largest;
}
