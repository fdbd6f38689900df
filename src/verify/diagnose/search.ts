import type { Changes } from "./local-lab.ts";
import type { Hypothesis, Read, ReadBits } from "./hypotheses.ts";

/** A hypothesis that explains a difference. */
export interface Explanation {
  readonly hypothesis: Hypothesis;
  readonly before: number;
  readonly after: number;
}

/** The part of a difference that must vanish before a mistake is named; the rest may be a second mistake. */
const DECISIVE = 0.02;

/** A second mistake leaves at least this much; below, the first one is not believed alone. */
const PROMISING = 0.5;

/** Mistakes looked for in one part. */
const MAX_ROUNDS = 3;

/** Where parameters come from. */
export interface Readers {
  readonly read: Read;
  readonly readBits: ReadBits;
}

/** Thrown away at once when the budget is used up. */
export class SearchBudget {
  readonly #deadline: number;

  constructor(milliseconds: number) {
    this.#deadline = performance.now() + milliseconds;
  }

  get isSpent(): boolean {
    return performance.now() > this.#deadline;
  }
}

/**
 * Tries mistakes until one, or two or three together, bring the difference down to `noise`. Several that reach it are
 * alike to the reference; the first, the likeliest, is taken.
 * @param measure The difference with some parameters changed.
 * @returns Empty when nothing explains it.
 */
export async function searchExplanations(
  hypotheses: readonly Hypothesis[],
  { read, readBits }: Readers,
  measure: (changes: Changes) => Promise<number>,
  before: number,
  noise: number,
  budget: SearchBudget,
): Promise<readonly Explanation[]> {
  const found: Explanation[] = [];
  let applied: Changes = new Map();
  let current = before;
  for (let round = 0; round < MAX_ROUNDS && !(current <= noise); round++) {
    const best = await bestOf(
      hypotheses,
      { read, readBits },
      applied,
      measure,
      current,
      noise,
      budget,
    );
    if (best === undefined) return [];
    found.push({ hypothesis: best.hypothesis, before: current, after: best.after });
    applied = best.changes;
    current = best.after;
    // The whole difference is gone, or nearly: what is left may be a small mistake elsewhere that nothing here explains.
    if (current <= noise || (Number.isFinite(before) && current <= DECISIVE * before)) return found;
  }
  return [];
}

interface Candidate {
  readonly hypothesis: Hypothesis;
  readonly after: number;
  readonly changes: Changes;
}

async function bestOf(
  hypotheses: readonly Hypothesis[],
  { read, readBits }: Readers,
  applied: Changes,
  measure: (changes: Changes) => Promise<number>,
  current: number,
  noise: number,
  budget: SearchBudget,
): Promise<Candidate | undefined> {
  let best: Candidate | undefined;
  for (const hypothesis of hypotheses) {
    if (budget.isSpent) break;
    const undone = await hypothesis.undo(
      (name) => {
        const changed = applied.get(name);
        return changed === undefined ? read(name) : Promise.resolve(changed);
      },
      (name) => (applied.has(name) ? Promise.resolve(undefined) : readBits(name)),
    );
    const changes = new Map([...applied, ...undone]);
    const after = await measure(changes);
    if (after <= noise) return { hypothesis, after, changes };
    const isPromising = Number.isFinite(current) && after < PROMISING * current;
    if (isPromising && after < (best?.after ?? Number.POSITIVE_INFINITY)) {
      best = { hypothesis, after, changes };
    }
  }
  return best;
}
