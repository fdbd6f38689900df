import type { RunOptions } from "../../compare/run-model.ts";
import { SHAKEN_FACTOR } from "../../compare/tolerance.ts";
import type { Laboratory } from "../../compare/model-runner.ts";
import type { Diagnosis } from "../../diagnose/diagnosis.ts";
import { alternativesFor, type Alternative } from "../alternatives.ts";
import {
  shakenDistributionsOn,
  type Distributions,
  type ShakenDistributions,
} from "../own-logits.ts";
import type { ToldSequence } from "../told.ts";
import type { Answers, AuditSequence } from "./answers.ts";
import { ALPHA, judgeAnswers, type AuditJudgement, type AuditNoise } from "./judge.ts";
import { nameCause } from "./name-cause.ts";
import { rivalsFor, rowIn, temperatureRival, type Rival } from "./rivals.ts";

/** What an audit from tokens alone found. */
export interface AuditFindings {
  /** Whether the server told ids, or texts of one token each. */
  readonly by: Answers["by"];
  readonly drawn: number;
  readonly greedy: number;
  /** Natural logarithm of the evidence against honesty: the highest, and at the end. */
  readonly evidence: number;
  readonly finalEvidence: number;
  /** What it would have to reach. */
  readonly threshold: number;
  /** Honest servers that reach it at most, as a share. */
  readonly alpha: number;
  /** What so many tokens could not show: each would stay below the threshold in the mean. */
  readonly unseen: readonly string[];
}

export interface Audit {
  readonly findings: AuditFindings;
  readonly diagnoses: readonly Diagnosis[];
  readonly passes: boolean;
}

export interface AuditFacts {
  readonly laboratory: Laboratory;
  readonly firstIds: readonly number[];
  /** Tokens of the sequences that are shaken. */
  readonly shakenTokens: number;
  readonly diagnose: boolean;
  readonly options: RunOptions;
}

/** How many times the noise of our own model in bfloat16 an honest server may depart. */
const NOISE_FACTOR = 2;

/** Rounds of questions at most, and the evidence with which another is asked for: e to this power. */
const ROUNDS = 3;
const UNDECIDED = 1;

/**
 * Asks until the tokens decide, or look honest. Evidence may be looked at after each round, since its error rate holds whenever one
 * stops. Undefined where the server tells nothing.
 */
export async function auditServer(
  ask: (round: number) => Promise<Answers | undefined>,
  facts: AuditFacts,
): Promise<Audit | undefined> {
  let answers: Answers | undefined;
  let audit: Audit | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const more = await ask(round);
    if (more === undefined || more.sequences.length === 0) break;
    answers =
      answers === undefined
        ? more
        : { ...more, sequences: [...answers.sequences, ...more.sequences] };
    audit = await auditTokens(answers, facts);
    if (!audit.passes || audit.findings.finalEvidence < UNDECIDED) break;
  }
  return audit;
}

/**
 * Judges a server by its tokens alone: drawn ones by an e-process of bets on what else it may do, greedy ones by how far they are
 * below the best. The server may compute in float32, float16 or bfloat16.
 */
async function auditTokens(answers: Answers, facts: AuditFacts): Promise<Audit> {
  const { laboratory, firstIds, options } = facts;
  const sequences = answers.sequences.map(toldOf);
  const wanted = answers.sequences.map(({ ids, rows }) => ({
    ids,
    positions: rows.map(({ position }) => position),
  }));
  const shake = { compute: "bf16", tokens: facts.shakenTokens } as const;
  const run = await shakenDistributionsOn(laboratory, wanted, shake, options);
  const noise = noiseOf(answers, run);
  const { own } = run;
  const alternatives: readonly Alternative[] = alternativesFor({
    laboratory,
    sequences,
    own,
    firstIds,
    options,
  });
  const rivals = await rivalsFor(own, answers.outcomes, alternatives);
  const judgement = judgeAnswers(answers, own, rivals, noise);
  const named =
    !judgement.passes && facts.diagnose
      ? [nameCause(withTemperature(answers, own, rivals, noise, judgement))]
      : [];
  return { findings: findingsOf(answers, judgement), diagnoses: named, passes: judgement.passes };
}

function toldOf({ name, ids, promptTokens, rows }: AuditSequence): ToldSequence {
  return {
    name,
    ids,
    promptTokens,
    rows: rows.map(({ position }) => ({ position, values: [], top: undefined })),
  };
}

/** What moving every state by one rounding unit of bfloat16 makes of distributions and of the best tokens. */
function noiseOf({ sequences }: Answers, { own, copies }: ShakenDistributions): AuditNoise {
  let [squares, rows, most] = [0, 0, 0];
  for (const { of, rows: shaken } of copies)
    for (const [index, other] of shaken.entries()) {
      if (sequences[of]?.rows[index] === undefined) continue;
      const row = rowIn(own, of, index);
      let distance = 0;
      for (let id = 0; id < row.size; id++) {
        const p = Math.exp(row.logprob(id));
        distance += p * Math.expm1(other.logprob(id) - row.logprob(id)) ** 2;
      }
      squares += distance;
      rows++;
      const [best = 0, second = 0] = row.top(2);
      for (const id of [best, second])
        most = Math.max(most, Math.abs(other.logit(id) - row.logit(id)));
    }
  const distance = rows === 0 ? 0 : NOISE_FACTOR * Math.sqrt(squares / rows);
  return { distance, gap: Math.SQRT2 * SHAKEN_FACTOR * most };
}

/** The same with the likeliest temperature in place of those that were bet on. */
function withTemperature(
  answers: Answers,
  own: Distributions,
  rivals: readonly Rival[],
  noise: AuditNoise,
  judgement: AuditJudgement,
): AuditJudgement {
  const temperature = likeliestTemperature(answers, own);
  const others = rivals.filter(({ cause }) => cause !== "temperature");
  const fitted = temperatureRival(own, answers.outcomes, temperature);
  const again = judgeAnswers(answers, own, [fitted, ...others], noise);
  return { ...judgement, cases: again.cases };
}

/** Temperatures that are looked through, and the step between them. */
const LEAST = 0.05;
const MOST = 5;
const STEP = 1.03;

function likeliestTemperature({ sequences, outcomes }: Answers, own: Distributions): number {
  let best = { temperature: 1, log: Number.NEGATIVE_INFINITY };
  for (let temperature = LEAST; temperature <= MOST; temperature *= STEP) {
    let log = 0;
    for (const [sequence, { rows }] of sequences.entries())
      for (const [index, { outcome, id, isGreedy }] of rows.entries()) {
        if (isGreedy) continue;
        const row = rowIn(own, sequence, index);
        const at = row.at(temperature);
        let sum = id === undefined ? 0 : Math.exp(at.logprob(id));
        if (id === undefined)
          for (let other = 0; other < row.size; other++)
            if (outcomes.of(other) === outcome) sum += Math.exp(at.logprob(other));
        log += Math.log(Math.max(sum, Number.MIN_VALUE));
      }
    if (log > best.log) best = { temperature, log };
  }
  return best.temperature;
}

function findingsOf({ by }: Answers, judgement: AuditJudgement): AuditFindings {
  const { drawn, greedy, highest, final, threshold, needed, cases } = judgement;
  const unseen = cases.flatMap(({ rival, growth }) =>
    rival.cause !== undefined && rival.cause !== "undetermined" && growth < needed
      ? [rival.what]
      : [],
  );
  return {
    by,
    drawn,
    greedy,
    evidence: highest,
    finalEvidence: final,
    threshold,
    alpha: ALPHA,
    unseen,
  };
}
