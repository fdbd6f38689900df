import type { Distributions } from "../own-logits.ts";
import type { Answers, AuditRow } from "./answers.ts";
import { betOn, EProcess, greedyBet } from "./e-value.ts";
import { probabilities, type Outcomes } from "./outcomes.ts";
import { rowIn, type Rival } from "./rivals.ts";

/** Share of honest servers that may be accused, whenever one stops. */
export const ALPHA = 1e-3;

/** Shares of greedy tokens beyond noise that are bet on, in turn. */
const SHARES = [0.01, 0.1, 0.7];

/** What honest servers' numbers may differ from ours by. */
export interface AuditNoise {
  /** Root of the χ² distance of their distributions from ours. */
  readonly distance: number;
  /** How far below the best a greedy token may be, in nats. */
  readonly gap: number;
}

/** How well the tokens fit one model. */
export interface Fit {
  /** Sum of the logarithms of the probabilities of drawn tokens. */
  readonly log: number;
  /** How many standard deviations the tokens are less likely than the model's own would be. */
  readonly surprise: number;
  /** Greedy tokens further below its best than noise explains. */
  readonly beyond: number;
}

/** One rival's case. */
export interface Case {
  readonly rival: Rival;
  readonly fit: Fit;
  /** Natural logarithm of the evidence for it against honesty, at the end. */
  readonly evidence: number;
  /** What that would be in the mean if it were the server. */
  readonly growth: number;
}

/** What the tokens say. */
export interface AuditJudgement {
  readonly drawn: number;
  readonly greedy: number;
  /** Natural logarithm of the evidence against honesty: at its highest, and at the end. */
  readonly highest: number;
  readonly final: number;
  /** What it needs to reach, and what one rival alone needs. */
  readonly threshold: number;
  readonly needed: number;
  readonly passes: boolean;
  readonly own: Fit;
  readonly cases: readonly Case[];
}

/** Holds tokens against our distributions, in the order in which they came. Pure. */
export function judgeAnswers(
  { sequences, outcomes }: Pick<Answers, "sequences" | "outcomes">,
  own: Distributions,
  rivals: readonly Rival[],
  noise: AuditNoise,
): AuditJudgement {
  const bets = rivals.length + SHARES.length;
  const evidence = new EProcess(bets);
  const fits = rivals.map(() => new Fitting());
  const ours = new Fitting();
  const growths = rivals.map(() => 0);
  let [drawn, greedy] = [0, 0];
  for (const [sequence, { rows }] of sequences.entries())
    for (const [index, row] of rows.entries()) {
      if (row.isGreedy) {
        greedy++;
        const isBeyond = gapOf(own, sequence, index, row, outcomes) > noise.gap;
        ours.greedy(isBeyond);
        for (const [at, { best }] of rivals.entries())
          fits[at]?.greedy(gapOf(best, sequence, index, row, outcomes) > noise.gap);
        const shares = SHARES.map((share) => greedyBet(isBeyond, share));
        // Each rival bets a little on greedy tokens, too; the last bets on nothing else.
        evidence.add([...rivals.map(() => shares[0] ?? 0), ...shares]);
        continue;
      }
      drawn++;
      const honest = probabilities(rowIn(own, sequence, index), outcomes);
      ours.drawn(honest, row.outcome);
      const logs = rivals.map((rival, at) => {
        const values = rival.probabilities(sequence, index);
        fits[at]?.drawn(values, row.outcome);
        const bet = betOn(honest, values, row.outcome, noise.distance);
        growths[at] = (growths[at] ?? 0) + bet.growth;
        return bet.log;
      });
      evidence.add([...logs, ...SHARES.map(() => 0)]);
    }
  const threshold = Math.log(1 / ALPHA);
  return {
    drawn,
    greedy,
    highest: evidence.highest,
    final: evidence.log,
    threshold,
    needed: threshold + Math.log(bets),
    passes: evidence.highest < threshold,
    own: ours.fit(),
    cases: rivals.map((rival, at) => ({
      rival,
      fit: fits[at]?.fit() ?? ours.fit(),
      evidence: evidence.of(at),
      growth: growths[at] ?? 0,
    })),
  };
}

/** How far the best of an outcome's ids is below the best of all. */
function gapOf(
  rows: Distributions,
  sequence: number,
  index: number,
  { outcome, id }: AuditRow,
  outcomes: Outcomes,
): number {
  const row = rowIn(rows, sequence, index);
  let [best, seen] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let other = 0; other < row.size; other++) {
    const value = row.logit(other);
    best = Math.max(best, value);
    if (id === undefined ? outcomes.of(other) === outcome : other === id)
      seen = Math.max(seen, value);
  }
  return best - seen;
}

/** Sums over tokens. */
class Fitting {
  #log = 0;
  #expected = 0;
  #variance = 0;
  #beyond = 0;

  drawn(values: Float64Array, outcome: number): void {
    let [mean, square] = [0, 0];
    for (const value of values) {
      if (value <= 0) continue;
      const log = Math.log(value);
      mean += value * log;
      square += value * log * log;
    }
    this.#log += Math.log(Math.max(values[outcome] ?? 0, LEAST));
    this.#expected += mean;
    this.#variance += Math.max(0, square - mean * mean);
  }

  greedy(isBeyond: boolean): void {
    if (isBeyond) this.#beyond++;
  }

  fit(): Fit {
    const spread = Math.sqrt(this.#variance);
    const less = this.#expected - this.#log;
    return {
      log: this.#log,
      surprise: spread > 0 ? less / spread : 0,
      beyond: this.#beyond,
    };
  }
}

/** In place of a probability of 0. */
const LEAST = 1e-12;
