import { DECADES, FIRST_DECADE, type PromptMetrics, type RowMetrics } from "../compare/metrics.ts";
import type { LogRow } from "./log-row.ts";
import type { ToldRow, ToldSequence } from "./told.ts";
import { TOP } from "./protocol.ts";

/** A sequence that the server told of, against ours, as the reports of `verify` show prompts. */
export interface ToldMetrics extends PromptMetrics {
  /** Log-probabilities that were compared. */
  readonly values: number;
  /** Rows that told of the likeliest tokens, and those of them whose likeliest are others by more than the gate. */
  readonly toldTop: number;
  readonly otherTop: number;
}

/** Pure. @param nearTie Difference of two log-probabilities below which either token may come first. */
export function toldMetrics(
  sequence: ToldSequence,
  own: readonly LogRow[],
  nearTie: number,
): ToldMetrics {
  const histogram = Array.from({ length: DECADES }, () => 0);
  const rows = sequence.rows.map((row, index) => rowMetrics(row, own[index], nearTie, histogram));
  const worst = rows.reduce<RowResult | undefined>(
    (most, row) => (most === undefined || !(row.maxAbs <= most.maxAbs) ? row : most),
    undefined,
  );
  const mean = (of: (row: RowResult) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0) / Math.max(1, rows.length);
  const values = rows.reduce((sum, row) => sum + row.count, 0);
  const squares = rows.reduce((sum, row) => sum + row.rmse ** 2 * row.count, 0);
  const withTop = sequence.rows.flatMap(({ top }, index) =>
    top === undefined ? [] : (rows[index] ?? []),
  );
  const maxAbs = worst?.maxAbs ?? Number.NaN;
  return {
    name: sequence.name,
    positions: rows.length,
    values,
    toldTop: withTop.length,
    otherTop: withTop.filter(({ isOtherTop }) => isOtherTop).length,
    maxAbs,
    rmse: Math.sqrt(squares / Math.max(1, values)),
    cosine: mean((row) => row.cosine),
    kl: mean((row) => row.kl),
    top1Agreement:
      withTop.reduce((sum, { top1 }) => sum + (top1 === "differs" ? 0 : 1), 0) / withTop.length,
    nearTies: withTop.filter(({ top1 }) => top1 === "near-tie").length,
    topOverlap: withTop.reduce((sum, { topOverlap }) => sum + topOverlap, 0) / withTop.length,
    wouldPassWith: Number.isFinite(maxAbs) ? maxAbs : null,
    scale: rows.reduce((most, row) => Math.max(most, row.scale), 0),
    worst: worst?.worst ?? { position: -1, token: -1, ours: Number.NaN, reference: Number.NaN },
    rows,
    histogram,
  };
}

interface RowResult extends RowMetrics {
  readonly count: number;
  readonly scale: number;
  readonly isOtherTop: boolean;
  readonly worst: PromptMetrics["worst"];
}

function rowMetrics(
  { position, values, top }: ToldRow,
  own: LogRow | undefined,
  nearTie: number,
  histogram: number[],
): RowResult {
  let [maxAbs, squares, dot, normA, normB, scale] = [0, 0, 0, 0, 0, 0];
  let worst = { position, token: -1, ours: Number.NaN, reference: Number.NaN };
  for (const { id, logprob } of values) {
    const ours = own?.logprob(id) ?? Number.NaN;
    const difference = Math.abs(ours - logprob);
    if (!(difference <= maxAbs)) {
      maxAbs = difference;
      worst = { position, token: id, ours, reference: logprob };
    }
    const decade = decadeOf(difference);
    histogram[decade] = (histogram[decade] ?? 0) + 1;
    squares += difference * difference;
    dot += ours * logprob;
    normA += ours * ours;
    normB += logprob * logprob;
    scale = Math.max(scale, Math.abs(logprob));
  }
  const likeliest = top?.slice(0, TOP) ?? [];
  const ours = own?.top(likeliest.length) ?? [];
  return {
    position,
    count: values.length,
    maxAbs,
    rmse: Math.sqrt(squares / Math.max(1, values.length)),
    cosine: normA === 0 && normB === 0 ? 1 : dot / Math.sqrt(normA * normB),
    kl: coarseDivergence(values, own),
    top1: firstOf(likeliest, ours, own, nearTie),
    topOverlap: likeliest.filter((id) => ours.includes(id)).length / Math.max(1, likeliest.length),
    isOtherTop: areOthers(likeliest, ours, own, nearTie),
    scale,
    worst,
  };
}

function decadeOf(difference: number): number {
  if (Number.isNaN(difference)) return DECADES - 1;
  return Math.min(DECADES - 1, Math.max(0, Math.floor(Math.log10(difference)) - FIRST_DECADE + 1));
}

function firstOf(
  [theirs = -1]: readonly number[],
  [ours = -1]: readonly number[],
  own: LogRow | undefined,
  nearTie: number,
): RowMetrics["top1"] {
  if (theirs === ours) return "same";
  const gap = (own?.logprob(ours) ?? Number.NaN) - (own?.logprob(theirs) ?? Number.NaN);
  return gap <= nearTie ? "near-tie" : "differs";
}

/** Whether a token is among the server's likeliest that ours puts below its own by more than the gate. */
function areOthers(
  theirs: readonly number[],
  ours: readonly number[],
  own: LogRow | undefined,
  nearTie: number,
): boolean {
  const last = own?.logprob(ours.at(-1) ?? -1) ?? Number.NaN;
  return theirs.some(
    (id) => !ours.includes(id) && !((own?.logprob(id) ?? Number.NaN) >= last - 2 * nearTie),
  );
}

/**
 * Σ q · (log q − log p) over the tokens that were told and all others as one, q the server's: never more than the divergence of
 * the whole distributions (data processing inequality).
 */
function coarseDivergence(values: ToldRow["values"], own: LogRow | undefined): number {
  let [sum, restQ, restP] = [0, 1, 1];
  for (const { id, logprob } of values) {
    const ours = own?.logprob(id) ?? Number.NaN;
    const q = Math.exp(logprob);
    if (q > 0) sum += q * (logprob - ours);
    restQ -= q;
    restP -= Math.exp(ours);
  }
  // Below what float32 sums to, the rest is rounding.
  if (restQ > 1e-6 && restP > 1e-6) sum += restQ * Math.log(restQ / restP);
  return Number.isNaN(sum) ? sum : Math.max(0, sum);
}
