import { setImmediate as nextTurn } from "node:timers/promises";
import { commonLayer, fall, type Diagnosis } from "../diagnosis.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Claim } from "../../relate/claim.ts";
import { hostDigest } from "../../relate/digests.ts";
import type { Changes } from "./local-lab.ts";
import type { Hypothesis, Read, ReadBits } from "../hypotheses/hypothesis.ts";
import { sameValues } from "../hypotheses/tensor-edits.ts";

/** A hypothesis that explains a difference. */
export interface Explanation {
  readonly hypothesis: Hypothesis;
  /** Those of its tensors that undoing it changes: the others are alike either way, and not to blame. */
  readonly tensors: readonly string[];
  readonly claims: readonly Claim[];
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

/**
 * The difference with some parameters changed; may stop at the first one that is above the limit.
 * @param hypothesis What is undone, beside what was before.
 */
export type Measure = (changes: Changes, limit: number, hypothesis: Hypothesis) => Promise<number>;

/** Where parameters come from. */
export interface Readers {
  readonly read: Read;
  readonly readBits: ReadBits;
}

/** Multiply-adds that one search may take: minutes on two cores. */
const WORK = 2e11;

/** Tries that any search has, and the most that one can use. */
const LEAST_TRIES = 40;
const MOST_TRIES = 20_000;

/** How many tries a search has of which each takes so many multiply-adds. */
export function triesFor(cost: number): number {
  return Math.min(MOST_TRIES, Math.max(LEAST_TRIES, Math.floor(WORK / Math.max(1, cost))));
}

/** What may be tried: so many mistakes, however long each takes, so that the answer does not depend on the machine's load. */
export class SearchBudget {
  #left: number;
  #isRefused = false;
  readonly #signal: AbortSignal | undefined;

  constructor(tries: number, signal?: AbortSignal) {
    this.#left = tries;
    this.#signal = signal;
  }

  /** Whether something is left untried, or would be. */
  get isSpent(): boolean {
    return this.#left <= 0 || this.#isRefused;
  }

  /** Whether so many tries are left, without which something is not begun. */
  has(tries: number): boolean {
    const isEnough = this.#left >= tries;
    if (!isEnough) this.#isRefused = true;
    return isEnough;
  }

  /**
   * Lets signals and timers have their turn, which work on values in memory keeps from them until its end. Ends the work that was
   * called off.
   */
  async giveWay(): Promise<void> {
    await nextTurn();
    this.#signal?.throwIfAborted();
  }

  /** Takes one try; false where none is left. */
  async spend(): Promise<boolean> {
    await this.giveWay();
    if (this.#left <= 0) return false;
    this.#left--;
    return true;
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
  measure: Measure,
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
    const changed = await changedBy(best, applied, read);
    found.push({
      hypothesis,
      tensors: [...changed.keys()],
      claims: [],
      before: current,
      after,
    });
    applied = best.changes;
    current = best.after;
    // The whole difference is gone, or nearly: what is left may be a small mistake elsewhere that nothing here explains.
    if (current <= negligible) return found.map((one) => withClaims(one, applied));
  }
  return [];
}

/** Of several mistakes in one tensor, what is said of it holds once all of them are undone. */
function withClaims(explanation: Explanation, applied: Changes): Explanation {
  const final = explanation.tensors.flatMap((name) => {
    const tensor = applied.get(name);
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
  return { ...explanation, claims: claimsOf(explanation.hypothesis, new Map(final)) };
}

/** What is reported of an explanation. */
export function explained({ hypothesis, tensors, claims, before, after }: Explanation): Diagnosis {
  return {
    cause: hypothesis.cause,
    tensors: hypothesis.either === undefined ? tensors : [...tensors, ...hypothesis.either],
    ...commonLayer(tensors),
    evidence: `${hypothesis.mistake}; ${fall(before, after)}`,
    ...(hypothesis.either === undefined ? { claims } : {}),
    before,
    after,
  };
}

/** What a mistake that was undone says of each tensor: how it is related to its right values, or what those are. */
function claimsOf({ statement }: Hypothesis, changed: Changes): readonly Claim[] {
  return [...changed].map(([tensor, right]) => ({
    tensor,
    ...(statement ?? { kind: "restored", sha256: hostDigest(right) }),
  }));
}

/** The tensors of a hypothesis that undoing it made others, as it made them. */
async function changedBy(
  { hypothesis, changes }: Candidate,
  applied: Changes,
  read: Read,
): Promise<Changes> {
  const changed = new Map<string, HostTensor>();
  for (const name of hypothesis.tensors) {
    const after = changes.get(name);
    if (after !== undefined && !sameValues(after, applied.get(name) ?? (await read(name))))
      changed.set(name, after);
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
  measure: Measure,
  current: number,
  noise: number,
  budget: SearchBudget,
): Promise<Candidate | undefined> {
  let best: Candidate | undefined;
  for (const hypothesis of hypotheses) {
    if (!(await budget.spend())) break;
    const undone = await hypothesis.undo(
      (name) => {
        const changed = applied.get(name);
        return changed === undefined ? read(name) : Promise.resolve(changed);
      },
      (name) => (applied.has(name) ? Promise.resolve(undefined) : readBits(name)),
    );
    if (undone === undefined) continue;
    const changes = new Map([...applied, ...undone]);
    const after = await measure(
      changes,
      Math.max(noise, PROMISING * Math.min(current, best?.after ?? current)),
      hypothesis,
    );
    if (after <= noise) return { hypothesis, after, changes };
    const isPromising = Number.isFinite(current) && after < PROMISING * current;
    if (isPromising && after < (best?.after ?? Number.POSITIVE_INFINITY)) {
      best = { hypothesis, after, changes };
    }
  }
  return best;
}
