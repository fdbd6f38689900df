/**
 * Most that one token may multiply the evidence by. A rival that gives a token a thousand times our probability is as well seen in two
 * tokens, and a bound keeps what noise could do small.
 */
const CAP = 20;

/** What one token says of a rival. */
export interface Bet {
  /** Natural logarithm of the e-value of what was seen. */
  readonly log: number;
  /** Its mean where the rival is what draws: how fast evidence would grow. */
  readonly growth: number;
}

/**
 * The e-value of one outcome against "it is drawn from `own`, or from what noise makes of it". With r = min(rival / own, CAP), m its mean
 * and s its standard deviation under `own`, the e-value is r / (m + noise · s): under any distribution p with
 * Σ (p − own)² / own ≤ noise² its mean is at most 1, by the inequality of Cauchy and Schwarz. So products of them are supermartingales
 * (Ville 1939; Ramdas et al. 2023, arXiv 2210.01948), whenever one stops.
 * @param own Probabilities of the outcomes, summing up to 1.
 * @param rival The same of what is bet on.
 * @param outcome Which was seen.
 * @param noise Root of the χ² distance that honest servers may have.
 */
export function betOn(own: Float64Array, rival: Float64Array, outcome: number, noise: number): Bet {
  let [mean, square] = [0, 0];
  for (let index = 0; index < own.length; index++) {
    const p = own[index] ?? 0;
    const r = ratio(p, rival[index] ?? 0);
    mean += p * r;
    square += p * r * r;
  }
  const spread = Math.sqrt(Math.max(0, square - mean * mean));
  const scale = Math.log(mean + noise * spread);
  let growth = 0;
  for (let index = 0; index < own.length; index++) {
    const q = rival[index] ?? 0;
    if (q > 0) growth += q * (Math.log(ratio(own[index] ?? 0, q)) - scale);
  }
  return { log: Math.log(ratio(own[outcome] ?? 0, rival[outcome] ?? 0)) - scale, growth };
}

/** Never 0: a bet that may lose all cannot recover. */
function ratio(own: number, rival: number): number {
  if (own <= 0) return rival > 0 ? CAP : 1;
  return Math.min(CAP, Math.max(1 / CAP, rival / own));
}

/** Share of an honest server's greedy tokens that may be beyond what noise explains. */
export const BEYOND = 1e-3;

/**
 * The e-value of a greedy token against "at most `BEYOND` of them are further below the best than noise explains".
 * @param isBeyond Whether this one is.
 * @param share How many of a wrong server's are taken to be.
 */
export function greedyBet(isBeyond: boolean, share: number): number {
  return Math.log(isBeyond ? share / BEYOND : (1 - share) / (1 - BEYOND));
}

/**
 * Evidence against honesty: several bets that run side by side, each with an equal part of the stake. The mean of supermartingales is
 * one.
 */
export class EProcess {
  readonly #logs: number[];
  #highest = 0;

  constructor(bets: number) {
    this.#logs = Array.from({ length: bets }, () => 0);
  }

  /** One token's logarithms, one a bet. */
  add(logs: readonly number[]): void {
    for (const [index, log] of logs.entries()) this.#logs[index] = (this.#logs[index] ?? 0) + log;
    this.#highest = Math.max(this.#highest, this.log);
  }

  /** Natural logarithm of the evidence so far. */
  get log(): number {
    const top = Math.max(...this.#logs);
    const sum = this.#logs.reduce((total, log) => total + Math.exp(log - top), 0);
    return top + Math.log(sum / this.#logs.length);
  }

  /** The highest so far: it decides, since one may stop at any time. */
  get highest(): number {
    return this.#highest;
  }

  of(bet: number): number {
    return this.#logs[bet] ?? 0;
  }
}
