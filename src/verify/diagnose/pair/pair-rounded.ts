import { HALF_NAMES } from "../../relate/common-half.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { sameValues } from "../hypotheses/tensor-edits.ts";
import { castBetween } from "./pair-cast.ts";
import type { Pair } from "./pair.ts";

/** Tensors of other dtypes that are equal in the coarser one. */
export async function roundedOnes(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    const half = pair.halfOf(name);
    if (half === undefined) continue;
    if (!sameValues(await pair.readOurs(name), await pair.readReference(name))) continue;
    const [ours, reference] = await pair.readStored(name);
    const evidence =
      castBetween(ours, reference, pair.ours.get(name)?.dtype) ??
      `in ${HALF_NAMES[half]} both sides are equal`;
    wrong.delete(name);
    found.push({ cause: "cast", tensors: [name], ...commonLayer([name]), evidence });
  }
  return found;
}

/** Matrices that were rounded: told by their values alone, before anything is tried on them. */
export async function castOnes(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    const dtype = pair.dtypeOf(name);
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    const evidence = ours.shape.length < 2 ? undefined : castBetween(ours, reference, dtype);
    if (evidence === undefined) continue;
    wrong.delete(name);
    found.push({ cause: "cast", tensors: [name], ...commonLayer([name]), evidence });
  }
  return found;
}

/** Says what both sides were rounded to, where they are stored in other dtypes. */
export function inCommonHalf(diagnosis: Diagnosis, pair: Pair): Diagnosis {
  const half = diagnosis.tensors.map(pair.halfOf).find((one) => one !== undefined);
  if (half === undefined || diagnosis.cause === "cast") return diagnosis;
  return {
    ...diagnosis,
    evidence: `${diagnosis.evidence}; both sides in ${HALF_NAMES[half]}`,
    claims: (diagnosis.claims ?? []).map((claim) => ({ ...claim, in: half })),
  };
}

/** Share of a tensor's elements that rounding to a half dtype may make 0 before it has lost them. */
const LOST = 0.1;

/** Whether values are beyond the half dtype that the other side is stored in, as misread bits are: rounded, they say nothing. */
export async function isLostInHalf(pair: Pair, name: string): Promise<boolean> {
  if (pair.halfOf(name) === undefined || !pair.isReadable(name)) return false;
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const isFinite = ours.data.every((value) => Number.isFinite(value));
  return !isFinite || zerosOf(ours) > zerosOf(reference) + LOST * ours.data.length;
}

function zerosOf({ data }: HostTensor): number {
  return data.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
}
