import { describe, expect, test } from "vitest";
import type { AuditSequence } from "../../../src/verify/endpoint/audit/answers.ts";
import { betOn, EProcess, greedyBet } from "../../../src/verify/endpoint/audit/e-value.ts";
import { judgeAnswers, type AuditJudgement } from "../../../src/verify/endpoint/audit/judge.ts";
import { nameCause } from "../../../src/verify/endpoint/audit/name-cause.ts";
import { outcomesOfIds } from "../../../src/verify/endpoint/audit/outcomes.ts";
import { rivalsFor } from "../../../src/verify/endpoint/audit/rivals.ts";
import { LogRow } from "../../../src/verify/endpoint/log-row.ts";
import { tries } from "../../support/effort.ts";

const VOCAB = 48;
const TOKENS = 300;

/** Root of the mean square that a server's logits are off by: what bfloat16 makes of trained models. */
const NOISE = 0.02;

/** mulberry32: the same numbers each time. */
function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

interface Server {
  /** What is added to our logits, and what it draws at. */
  readonly noise?: number;
  readonly temperature?: number;
  /** Whether another model of the same size answers. */
  readonly isOther?: boolean;
}

/** Logits of a language model's kind: a few likely tokens, and many unlikely ones. */
function logits(uniform: () => number): Float32Array {
  return Float32Array.from({ length: VOCAB }, () => 2.5 * normal(uniform));
}

/** One run: a server answers 300 tokens, a third of them greedily, and is judged. */
async function run(seed: number, server: Server): Promise<AuditJudgement> {
  const uniform = uniforms(seed);
  const rows: LogRow[] = [];
  const quantised: LogRow[] = [];
  const seen: AuditSequence["rows"][number][] = [];
  const { noise = NOISE, temperature = 1, isOther = false } = server;
  for (let position = 0; position < TOKENS; position++) {
    const own = logits(uniform);
    const base = isOther ? logits(uniform) : own;
    const theirs = new LogRow(base.map((value) => value + noise * normal(uniform)));
    const isGreedy = position % 3 === 1;
    const id = (isGreedy ? theirs.top(1)[0] : theirs.at(temperature).draw(uniform())) ?? 0;
    rows.push(new LogRow(own));
    quantised.push(new LogRow(own.map((value) => value + 0.15 * normal(uniform))));
    seen.push({ position, outcome: id, id, isGreedy });
  }
  const ids = seen.map(({ outcome }) => outcome);
  const sequences = [{ name: "run", ids, promptTokens: 1, rows: seen }];
  const alternative = {
    cause: "quantised",
    what: "has weights of Q4_0",
    isSmall: true,
    distributions: () => Promise.resolve([quantised]),
  } as const;
  const outcomes = outcomesOfIds(VOCAB, []);
  const rivals = await rivalsFor([rows], outcomes, [alternative]);
  // The distance of two distributions whose logits differ so is about as large, and twice that is allowed.
  const allowed = { distance: 2 * NOISE, gap: 6 * Math.SQRT2 * 3 * NOISE };
  return judgeAnswers({ sequences, outcomes }, [rows], rivals, allowed);
}

describe("an audit from tokens alone", () => {
  test("accuses no honest server, wherever it stops", async () => {
    const runs = tries(1000, 100);
    let highest = Number.NEGATIVE_INFINITY;
    for (let seed = 1; seed <= runs; seed++) {
      const judgement = await run(seed, {});
      highest = Math.max(highest, judgement.highest);
      expect(judgement.passes, `seed ${seed}: e^${judgement.highest}`).toBe(true);
    }
    process.stdout.write(`${runs} honest runs: evidence at most e^${highest.toFixed(2)}\n`);
  });

  test.each<readonly [string, string, Server]>([
    ["other weights", "other-weights", { isOther: true }],
    ["temperature 0.7", "temperature", { temperature: 0.7 }],
    ["temperature 1.5", "temperature", { temperature: 1.5 }],
  ])("notices %s within 300 tokens", async (_what, cause, server) => {
    for (const seed of [1, 2, 3]) {
      const judgement = await run(seed, server);
      expect(judgement.passes).toBe(false);
      expect(nameCause(judgement).cause).toBe(cause);
    }
  });
});

describe("one token's e-value", () => {
  const own = Float64Array.from([0.5, 0.3, 0.15, 0.05]);
  const rival = Float64Array.from([0.1, 0.2, 0.3, 0.4]);
  const mean = (drawn: Float64Array, noise: number): number =>
    drawn.reduce((sum, p, at) => sum + p * Math.exp(betOn(own, rival, at, noise).log), 0);

  test("has a mean of 1 under our own distribution where no noise is allowed", () => {
    expect(mean(own, 0)).toBeCloseTo(1, 12);
  });

  test("has a mean of at most 1 under any distribution within the noise", () => {
    const noise = 0.1;
    const uniform = uniforms(7);
    for (let draw = 0; draw < 500; draw++) {
      const moved = own.map((p) => p * (1 + 0.3 * (uniform() - 0.5)));
      const sum = moved.reduce((total, p) => total + p, 0);
      const drawn = moved.map((p) => p / sum);
      const distance = Math.sqrt(
        drawn.reduce((total, p, at) => total + (p - (own[at] ?? 0)) ** 2 / (own[at] ?? 1), 0),
      );
      if (distance <= noise) expect(mean(drawn, noise)).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  test("of a greedy token has a mean of 1 where as many are beyond noise as may be", () => {
    const [beyond, within] = [true, false].map((isBeyond) => Math.exp(greedyBet(isBeyond, 0.1)));
    expect(0.001 * (beyond ?? 0) + 0.999 * (within ?? 0)).toBeCloseTo(1, 12);
  });
});

test("evidence is the mean of its bets, and its highest is kept", () => {
  const evidence = new EProcess(2);
  evidence.add([Math.log(4), Math.log(2)]);
  expect(evidence.log).toBeCloseTo(Math.log(3), 12);
  evidence.add([Math.log(0.25), Math.log(0.5)]);
  expect(evidence.log).toBeCloseTo(0, 12);
  expect(evidence.highest).toBeCloseTo(Math.log(3), 12);
});
