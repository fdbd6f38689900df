import { isBias } from "../../../model/canonical-names.ts";
import type { Laboratory } from "../../compare/model-runner.ts";
import { commonLayer, type Cause, type Diagnosis } from "../diagnosis.ts";
import type { Statement } from "../../relate/claim.ts";
import type { Read } from "../hypotheses/hypothesis.ts";
import { EMBEDDINGS } from "../../../model/network.ts";
import { multiples } from "../../relate/codes.ts";
import { valueFacts, type ValueFacts } from "./values.ts";
import { listed } from "../../listed.ts";

/** Row numbers that a sentence lists. */
const LISTED = 4;

/** Elements at the end that must be zero before it is called a lost tail: by chance there are one or two. */
const MIN_ZERO_TAIL = 8;

/**
 * What the values of some tensors show by themselves, one diagnosis a tensor at most, the gravest first.
 * @param only Causes to look for; all when left out.
 */
export async function judgeValues(
  names: readonly string[],
  laboratory: Laboratory,
  read: Read,
  only?: readonly Cause[],
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  const isSought = (cause: Cause): boolean => only?.includes(cause) ?? true;
  for (const name of names) {
    const dtype = laboratory.facts(name)?.dtype;
    if (dtype === undefined) continue;
    const verdict = judge(name, valueFacts(await read(name), dtype), isSought);
    if (verdict === undefined) continue;
    found.push({
      cause: verdict.cause,
      tensors: [name],
      ...commonLayer([name]),
      evidence: verdict.evidence,
      claims: [{ tensor: name, ...verdict.statement }],
    });
  }
  const order: readonly Cause[] = ["non-finite", "scaled", "corrupt", "bias-missing", "cast"];
  return found.toSorted((left, right) => rank(order, left) - rank(order, right));
}

function rank(order: readonly Cause[], { cause }: Diagnosis): number {
  return cause === "undetermined" ? order.length : order.indexOf(cause);
}

/** What a tensor shows, and what that is called. */
interface Verdict {
  readonly cause: Cause;
  readonly evidence: string;
  readonly statement: Statement;
}

/** The first of what is sought that a tensor shows; facts that are not sought are not looked for. */
function judge(
  name: string,
  facts: ValueFacts,
  isSought: (cause: Cause) => boolean,
): Verdict | undefined {
  if (isSought("non-finite") && facts.nonFinite > 0)
    return {
      cause: "non-finite",
      evidence: `${facts.nonFinite} elements are NaN or infinite`,
      statement: { kind: "non-finite", count: facts.nonFinite },
    };
  if (facts.allZero) {
    const cause = isBias(name) ? "bias-missing" : "corrupt";
    const what = isBias(name) ? "every element of the bias" : "every element";
    const statement: Statement = { kind: "constant", value: 0 };
    return isSought(cause) ? { cause, evidence: `${what} is 0`, statement } : undefined;
  }
  const damage = isSought("corrupt") ? damageOf(name, facts) : undefined;
  if (damage !== undefined) return { cause: "corrupt", ...damage };
  if (isSought("scaled") && facts.codes !== undefined)
    return {
      cause: "scaled",
      evidence: `every value is ${multiples(facts.codes)}: codes of a quantized tensor without their scales`,
      statement: { kind: "whole", ...facts.codes },
    };
  if (isSought("cast") && facts.grid !== undefined)
    return {
      cause: "cast",
      evidence: `every value is one of ${facts.grid}, which the dtype is finer than: it was rounded through it`,
      statement: { kind: "grid", grid: facts.grid },
    };
  return undefined;
}

/** Values that training leaves nowhere: one throughout, lines of zeros, a tail of them, elements far out. */
function damageOf(name: string, facts: ValueFacts): Omit<Verdict, "cause"> | undefined {
  const { constant, zeroTail } = facts;
  const isTable = name === EMBEDDINGS;
  const isOfRows = (begin: number, end: number): boolean =>
    isTable && begin % facts.columns === 0 && end % facts.columns === 0;
  if (constant !== undefined)
    return {
      evidence: `every element is ${constant}, as before anything was loaded`,
      statement: { kind: "constant", value: constant },
    };
  const zero = (axis: "rows" | "columns", lines: readonly number[]): Omit<Verdict, "cause"> => ({
    evidence: `${axis} of zeros: ${listed(lines, LISTED)}`,
    statement: { kind: "zero-lines-here", axis, lines },
  });
  // An embedding of zeros is what a padding token has in honest models, as rows behind the last token are.
  if (!isTable && facts.zeroRows.length > 0) return zero("rows", facts.zeroRows);
  if (facts.zeroColumns.length > 0) return zero("columns", facts.zeroColumns);
  if (zeroTail >= MIN_ZERO_TAIL && !isOfRows(facts.elements - zeroTail, facts.elements))
    return {
      evidence: `the last ${zeroTail} elements are 0`,
      statement: { kind: "zero-run", begin: facts.elements - zeroTail, end: facts.elements },
    };
  const { zeroRun } = facts;
  if (zeroRun !== undefined && !isOfRows(zeroRun.begin, zeroRun.end))
    return {
      evidence: `elements ${zeroRun.begin} to ${zeroRun.end - 1} are 0, which no other stretch of it is`,
      statement: { kind: "zero-run", ...zeroRun },
    };
  if (facts.outliers.length > 0)
    return {
      evidence: `elements far beyond all others, as a flipped bit makes them: ${listed(facts.outliers, LISTED)}`,
      statement: { kind: "far-out", elements: facts.outliers },
    };
  return undefined;
}
