import { JinjaError } from "./problem.ts";

/** What one rendering may take. */
export interface BudgetLimits {
  /** Expressions and statements evaluated, and items taken from sequences. */
  readonly steps: number;
  /** UTF-16 units of all texts that are made, each at its length; joined texts share their parts and count as one step. */
  readonly madeUnits: number;
  /** UTF-16 units of one text, and of the prompt. */
  readonly textUnits: number;
  /** Depth of expressions, blocks, calls and values inside one another. */
  readonly nesting: number;
  readonly milliseconds: number;
}

/**
 * A conversation of 4 MiB in 1,000 messages takes under a million steps with the longest published templates; these limits end a
 * stuck template within seconds and far below 256 MiB.
 */
export const DEFAULT_LIMITS: BudgetLimits = {
  steps: 10_000_000,
  madeUnits: 64 * 2 ** 20,
  textUnits: 16 * 2 ** 20,
  nesting: 200,
  milliseconds: 3000,
};

/** Steps between two looks at the clock. */
const CLOCK_INTERVAL = 2048;

/** Counts what a rendering takes. */
export class Budget {
  readonly limits: BudgetLimits;
  readonly #end: number;
  #steps = 0;
  #made = 0;
  #depth = 0;
  #nextLook = CLOCK_INTERVAL;

  constructor(limits: BudgetLimits = DEFAULT_LIMITS) {
    this.limits = limits;
    this.#end = performance.now() + limits.milliseconds;
  }

  /** @throws JinjaError "budget". */
  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > this.limits.steps) throw over(`${this.limits.steps} steps`);
    if (this.#steps < this.#nextLook) return;
    this.#nextLook = this.#steps + CLOCK_INTERVAL;
    if (performance.now() > this.#end) throw over(`${this.limits.milliseconds} ms`);
  }

  /** Before a text of so many units is made anew. @throws JinjaError "budget". */
  make(units: number): void {
    this.size(units);
    this.#made += units;
    this.step(1 + Math.floor(units / 1024));
    if (this.#made > this.limits.madeUnits) throw over(`${this.limits.madeUnits} characters made`);
  }

  /** Before two texts are joined to one of so many units. @throws JinjaError "budget". */
  size(units: number): void {
    if (units > this.limits.textUnits)
      throw over(`${this.limits.textUnits} characters in one text`);
  }

  /** Runs something one level deeper. @throws JinjaError "budget". */
  nested<Result>(run: () => Result): Result {
    if (this.#depth >= this.limits.nesting) throw over(`${this.limits.nesting} levels of nesting`);
    this.#depth++;
    try {
      return run();
    } finally {
      this.#depth--;
    }
  }
}

function over(limit: string): JinjaError {
  return new JinjaError("budget", `takes more than ${limit}`);
}
