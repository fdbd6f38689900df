import { WbError } from "../../errors/wb-error.ts";
import type { ComputeDtype } from "../../runtime/backends/ops.ts";
import type { Item } from "../item.ts";
import type { EvaluateOptions } from "../options.ts";
import type { EvaluateResult } from "../result.ts";
import { evaluate } from "../run.ts";
import { compareItems, type TaskParity } from "./compare-items.ts";
import { readResults } from "./read-results.ts";

/** What an evaluation is held against, and how far it may be from it. */
export interface ParityOptions extends EvaluateOptions {
  /** Weights that are taken to be right; or: */
  readonly other?: string | undefined;
  /** what an earlier run wrote with --details. */
  readonly golden?: string | undefined;
  /** Changed answers that are allowed, near-ties not counted; 0 when left out. */
  readonly maxChanged?: number | undefined;
  /** Points that a task may lose; where given, changed answers are no failure by themselves. */
  readonly maxLost?: number | undefined;
}

/** What a sequential test made of one task. */
export interface DecidedTask {
  readonly name: string;
  readonly decision: "pass" | "fail";
  /** That were asked, of all rows. */
  readonly items: number;
  readonly rows: number;
}

/** A result, the reference's answers to the same questions, and what was decided where the run stopped at that. */
export interface Pair {
  readonly result: EvaluateResult;
  readonly reference: readonly Item[];
  readonly decisions?: readonly DecidedTask[];
}

export interface ParityResult extends EvaluateResult {
  /** The other weights, or the file of results. */
  readonly against: string;
  readonly verdict: "pass" | "fail";
  readonly parity: readonly TaskParity[];
  /** Why it fails; one sentence each. */
  readonly failures: readonly string[];
  /** Margin up to which a change of label is a near-tie, in nats. */
  readonly noise: number;
  /** Where rows were drawn until a sequential test decided. */
  readonly decisions?: readonly DecidedTask[];
}

/**
 * Margins that rounding explains, in nats. float32: twice the 1e-4 to which scores are held to OpenCompass's. Half dtypes: a score is a
 * mean of cross-entropies of about 10, each as exact as the logits it comes from: 16 units in the last place of the dtype, 16 · 2⁻¹¹
 * and 16 · 2⁻⁸.
 */
const NOISE: Readonly<Record<ComputeDtype, number>> = {
  f32: 2e-4,
  f16: 16 * 2 ** -11,
  bf16: 16 * 2 ** -8,
};

/**
 * Evaluates a model and tells which answers are others than those of a reference.
 * @param run Gives the model's own result, where that is not to be computed here and now.
 * @throws WbError as `evaluate`; WB2925 without a reference or with two, WB3925 for results that lack items of this run.
 */
export async function evaluateParity(
  path: string,
  options: ParityOptions,
  run: () => Promise<EvaluateResult> = () => evaluate(path, options),
): Promise<ParityResult> {
  const against = referenceOf(options);
  // Read before anything is computed, so that a wrong file costs nothing.
  const known = options.golden === undefined ? undefined : await readResults(options.golden);
  const result = await run();
  const reference = known ?? (await otherItems(against, options));
  return parityOf({ result, reference }, options);
}

/** What two models' answers come to. @throws WbError WB2925, WB3925. */
export function parityOf(
  { result, reference, decisions }: Pair,
  options: ParityOptions,
): ParityResult {
  const against = referenceOf(options);
  const noise = NOISE[result.compute];
  const parity = result.tasks.map(({ name }) => {
    const own = result.items.filter(({ task }) => task === name);
    const others = new Map(
      reference.filter(({ task }) => task === name).map((item) => [item.index, item]),
    );
    checkPairs(name, own, others, against);
    return compareItems(name, own, others, noise);
  });
  const failures =
    decisions === undefined ? failuresOf(parity, options) : lossesDecided(decisions, options);
  return {
    ...result,
    against,
    parity,
    noise,
    failures,
    ...(decisions === undefined ? {} : { decisions }),
    verdict: failures.length > 0 ? "fail" : "pass",
  };
}

function lossesDecided(
  decisions: readonly DecidedTask[],
  { maxLost = 0 }: ParityOptions,
): readonly string[] {
  if (decisions.every(({ items }) => items === 0)) return ["nothing was compared"];
  return decisions
    .filter(({ decision }) => decision === "fail")
    .map(
      ({ name, items, rows }) =>
        `${name}: more than ${maxLost} points lost, decided after ${items} of ${rows} rows`,
    );
}

export function referenceOf({ other, golden }: ParityOptions): string {
  const against = other ?? golden;
  if (against !== undefined && (other === undefined || golden === undefined)) return against;
  throw new WbError("WB2925", "expected another model or --golden, and not both");
}

async function otherItems(path: string, options: ParityOptions): Promise<readonly Item[]> {
  const found = await evaluate(path, {
    ...options,
    details: undefined,
    resume: undefined,
    completions: undefined,
    onQuestions: undefined,
  });
  return found.items;
}

export function checkPairs(
  name: string,
  items: readonly Item[],
  others: ReadonlyMap<number, Item>,
  path: string,
): void {
  const lacking = items.find(({ index, answer }) => others.get(index)?.answer !== answer);
  if (lacking === undefined) return;
  const found = others.get(lacking.index);
  const what = found === undefined ? "no such item" : `the right answer ${found.answer}`;
  throw new WbError(
    "WB3925",
    `${path}: ${name}, row ${lacking.index}: expected an item with the right answer ${lacking.answer}, found ${what}`,
    { details: { path } },
  );
}

function failuresOf(
  parity: readonly TaskParity[],
  { maxChanged = 0, maxLost }: ParityOptions,
): readonly string[] {
  if (maxLost !== undefined)
    return parity.flatMap(({ name, score, otherScore }) => {
      if (score === null || otherScore === null)
        return [`${name}: points cannot be told, since its answers were not run`];
      const lost = otherScore - score;
      return lost > maxLost ? [`${name}: ${lost.toFixed(2)} points lost, ${maxLost} allowed`] : [];
    });
  const changed = parity.reduce(
    (sum, { changes }) => sum + changes.filter(({ nearTie }) => !nearTie).length,
    0,
  );
  if (parity.every(({ items }) => items === 0)) return ["nothing was compared"];
  if (changed <= maxChanged) return [];
  return [`${changed} answers are others beyond near-ties, ${maxChanged} allowed`];
}
