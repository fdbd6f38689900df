/** Where a sequential test stands. */
export type Decision = "pass" | "fail" | "open";

/** Shares of the largest bet; their mean wins about as much as the best of them would. */
const BETS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 15 / 16];

/**
 * A paired test of "at most so many points lost" that may be looked at after every row, and stopped whenever it decides: whatever the
 * answers are, the chance that it ever decides wrongly is at most `errorRate`, each way.
 *
 * Rows come in random order out of `rows`. Each is worth 1 where it is right in the reference alone, −1 where it is right here alone,
 * else 0. Two players bet against two claims on the sum over all rows: that it is beyond the bound, and that it is within. If a claim
 * is true, a player's wealth is a nonnegative supermartingale that begins at 1, and ever reaches 1 / errorRate with probability of at
 * most errorRate (Ville 1939). The bets are those for means of draws without replacement (Waudby-Smith and Ramdas 2024, "Estimating
 * means of bounded random variables by betting", section 4): the mean that a claim leaves for the next row follows from those before.
 */
export class SequentialTest {
  readonly #rows: number;
  /** The sum over all rows that is allowed. */
  readonly #allowed: number;
  readonly #needed: number;
  #seen = 0;
  #sum = 0;
  /** Against "more is lost", and against "no more is lost"; one wealth a bet, as logarithms. */
  readonly #against = { more: BETS.map(() => 0), noMore: BETS.map(() => 0) };
  #decision: Decision = "open";

  /**
   * @param rows All rows that there are.
   * @param maxLost Points that may be lost, 0 to 100.
   * @param errorRate Between 0 and 1.
   */
  constructor(rows: number, maxLost: number, errorRate: number) {
    this.#rows = rows;
    this.#allowed = (rows * maxLost) / 100;
    this.#needed = -Math.log(errorRate);
    this.#decision = this.#decided();
  }

  /** Open until rows decide it; a bound that no row can break, or none can keep, is decided at once. */
  get decision(): Decision {
    return this.#decision;
  }

  /** A row's outcome. @returns Where the test stands; once decided it stays. */
  add(value: -1 | 0 | 1): Decision {
    if (this.#decision !== "open") return this.#decision;
    const left = this.#rows - this.#seen;
    // What each row that is left loses on average if all rows lose just what is allowed.
    const mean = (this.#allowed - this.#sum) / left;
    this.#bet(value, mean);
    this.#seen++;
    this.#sum += value;
    this.#decision = this.#decided();
    return this.#decision;
  }

  #bet(value: number, mean: number): void {
    const { more, noMore } = this.#against;
    for (const [at, share] of BETS.entries()) {
      // The largest bet is the one that a row can lose all of.
      if (mean < 1) more[at] = (more[at] ?? 0) + Math.log1p((share * (mean - value)) / (1 - mean));
      if (mean > -1)
        noMore[at] = (noMore[at] ?? 0) + Math.log1p((share * (value - mean)) / (1 + mean));
    }
  }

  #decided(): Decision {
    const left = this.#rows - this.#seen;
    // What is left cannot change it.
    if (this.#sum + left <= this.#allowed) return "pass";
    if (this.#sum - left > this.#allowed) return "fail";
    if (logMean(this.#against.more) >= this.#needed) return "pass";
    if (logMean(this.#against.noMore) >= this.#needed) return "fail";
    return "open";
  }
}

/** Logarithm of the mean of numbers given as logarithms. */
function logMean(logs: readonly number[]): number {
  const most = Math.max(...logs);
  const sum = logs.reduce((total, log) => total + Math.exp(log - most), 0);
  return most + Math.log(sum / logs.length);
}

/** The fewest rows after which the test passes: those where nothing is lost. All rows where that decides nothing earlier. */
export function fewestToPass(rows: number, maxLost: number, errorRate: number): number {
  const test = new SequentialTest(rows, maxLost, errorRate);
  for (let seen = 1; seen <= rows; seen++) if (test.add(0) !== "open") return seen;
  return rows;
}
