import { commonLayer, fall, type Diagnosis } from "./diagnosis.ts";
import type { Changes } from "./local-lab.ts";
import type { Hypothesis, Read, ReadBits } from "./hypothesis.ts";
import { sameValues } from "./tensor-edits.ts";

/** A hypothesis that explains a difference. */
export interface Explanation {
  readonly hypothesis: Hypothesis;
  /** Those of its tensors that undoing it changes: the others are alike either way, and not to blame. */
  readonly tensors: readonly string[];
  readonly before: number;
  readonly after: number;
}

/**
 * What may be left of a difference, and of the size of what is compared, when a mistake is named: a second, small one. Only
 * against the difference it would not do: any tensor in place of one with a huge element brings that down by orders.
 */
const DECISIVE = 0.02;

/** A second mistake leaves at least this much; below, the first one is not believed alone. */
const PROMISING = 0.5;

/** Mistakes looked for in one part. */
const MAX_ROUNDS = 3;

/** How far a part of the model is from its reference. */
export interface Departure {
  readonly before: number;
  /** What rounding explains. */
  readonly noise: number;
  /** Largest value of the reference. */
  readonly scale: number;
}

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
 * Tries mistakes until one, or two or three together, bring a difference down to its noise. Several that reach it are
 * alike to the reference; the first, the likeliest, is taken.
 * @param measure The difference with some parameters changed.
 * @returns Empty when nothing explains it.
 */
export async function searchExplanations(
  hypotheses: readonly Hypothesis[],
  { read, readBits }: Readers,
  measure: (changes: Changes) => Promise<number>,
  { before, noise, scale }: Departure,
  budget: SearchBudget,
): Promise<readonly Explanation[]> {
  const negligible = Math.max(
    noise,
    DECISIVE * Math.min(Number.isFinite(before) ? before : scale, scale),
  );
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
    const { hypothesis, after } = best;
    found.push({
      hypothesis,
      tensors: await changedBy(best, applied, read),
      before: current,
      after,
    });
    applied = best.changes;
    current = best.after;
    // The whole difference is gone, or nearly: what is left may be a small mistake elsewhere that nothing here explains.
    if (current <= negligible) return found;
  }
  return [];
}

/** What is reported of an explanation. */
export function explained({ hypothesis, tensors, before, after }: Explanation): Diagnosis {
  return {
    cause: hypothesis.cause,
    tensors,
    ...commonLayer(tensors),
    evidence: `${hypothesis.mistake}; ${fall(before, after)}`,
    before,
    after,
  };
}

/** The tensors of a hypothesis that undoing it made others. */
async function changedBy(
  { hypothesis, changes }: Candidate,
  applied: Changes,
  read: Read,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const name of hypothesis.tensors) {
    const after = changes.get(name);
    if (after !== undefined && !sameValues(after, applied.get(name) ?? (await read(name))))
      changed.push(name);
  }
  return changed;
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
