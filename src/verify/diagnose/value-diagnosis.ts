import { isBias } from "../../model/canonical-names.ts";
import type { Laboratory } from "../compare/model-runner.ts";
import { commonLayer, type Cause, type Diagnosis } from "./diagnosis.ts";
import type { Read } from "./hypothesis.ts";
import { EMBEDDINGS } from "../../model/network.ts";
import { valueFacts, type ValueFacts } from "./values.ts";

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
  for (const name of names) {
    const dtype = laboratory.facts(name)?.dtype;
    if (dtype === undefined) continue;
    const verdict = judge(name, valueFacts(await read(name), dtype));
    if (verdict === undefined || only?.includes(verdict.cause) === false) continue;
    found.push({
      cause: verdict.cause,
      tensors: [name],
      ...commonLayer([name]),
      evidence: verdict.evidence,
    });
  }
  const order: readonly Cause[] = ["non-finite", "scaled", "corrupt", "bias-missing", "cast"];
  return found.toSorted((left, right) => rank(order, left) - rank(order, right));
}

function rank(order: readonly Cause[], { cause }: Diagnosis): number {
  return cause === "undetermined" ? order.length : order.indexOf(cause);
}

function judge(
  name: string,
  facts: ValueFacts,
): { readonly cause: Cause; readonly evidence: string } | undefined {
  if (facts.nonFinite > 0) {
    return { cause: "non-finite", evidence: `${facts.nonFinite} elements are NaN or infinite` };
  }
  if (facts.allZero) {
    return isBias(name)
      ? { cause: "bias-missing", evidence: "every element of the bias is 0" }
      : { cause: "corrupt", evidence: "every element is 0" };
  }
  if (facts.constant !== undefined)
    return {
      cause: "corrupt",
      evidence: `every element is ${facts.constant}, as before anything was loaded`,
    };
  // An embedding of zeros is what a padding token has in honest models.
  if (facts.zeroRows.length > 0 && name !== EMBEDDINGS) {
    return { cause: "corrupt", evidence: `rows of zeros: ${listed(facts.zeroRows)}` };
  }
  if (facts.zeroColumns.length > 0) {
    return { cause: "corrupt", evidence: `columns of zeros: ${listed(facts.zeroColumns)}` };
  }
  if (facts.zeroTail >= MIN_ZERO_TAIL) {
    return { cause: "corrupt", evidence: `the last ${facts.zeroTail} elements are 0` };
  }
  if (facts.outliers.length > 0) {
    return {
      cause: "corrupt",
      evidence: `elements far beyond all others, as a flipped bit makes them: ${listed(facts.outliers)}`,
    };
  }
  if (facts.codes !== undefined) {
    return {
      cause: "scaled",
      evidence: `every value is a whole number up to ${facts.codes}: codes of a quantized tensor without their scales`,
    };
  }
  if (facts.grid !== undefined) {
    return {
      cause: "cast",
      evidence: `every value is one of ${facts.grid}, which the dtype is finer than: it was rounded through it`,
    };
  }
  return undefined;
}

function listed(numbers: readonly number[]): string {
  const rest = numbers.length - LISTED;
  return `${numbers.slice(0, LISTED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
