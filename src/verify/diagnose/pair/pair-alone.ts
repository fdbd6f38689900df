import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { nearness, type Claim, type Statement } from "../../relate/claim.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { castBetween } from "./pair-cast.ts";
import { describeCorruption } from "./pair-corruption.ts";
import type { Pair } from "./pair.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** Share of their size that values of another version are off by at most: training moves weights by some percent. */
const SAME_TENSOR = 0.5;

/** Correlation below which values have nothing to do with each other. */
const UNRELATED = 0.25;

/** What one tensor shows beside its reference when nothing was merely moved or related. */
export async function judgeAlone(pair: Pair, name: string): Promise<Diagnosis> {
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const say = (
    cause: Diagnosis["cause"],
    evidence: string,
    statement?: Statement,
    of?: string,
  ): Diagnosis => ({
    cause,
    tensors: [name],
    ...commonLayer([name]),
    evidence,
    ...(statement === undefined ? {} : { claims: [claimOf(name, statement, of)] }),
  });
  const nonFinite = ours.data.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (nonFinite > 0)
    return say("non-finite", `${nonFinite} elements are NaN or infinite`, {
      kind: "non-finite",
      count: nonFinite,
    });
  const rounding = castBetween(ours, reference, pair.dtypeOf(name));
  if (rounding !== undefined) return say("cast", rounding);
  const damage = describeCorruption(ours, reference);
  if (damage !== undefined) {
    const { statement } = damage;
    const source =
      statement.kind === "stretch" && statement.value === undefined
        ? await sourceOf(pair, name, ours, statement)
        : undefined;
    return source === undefined
      ? say("corrupt", damage.text, statement)
      : say("corrupt", `${damage.text}; they are those of ${source}`, statement);
  }
  const kept = keptShare(ours, reference);
  if (kept !== undefined) return say("corrupt", kept.text, kept.statement);
  const near = nearness(ours, reference);
  const statement: Statement = { kind: "near", ...near };
  if (near.share <= SAME_TENSOR)
    return say(
      "other-version",
      `${percent(near.share)} off, all over, as no known mistake makes them: another version of the other side's`,
      statement,
    );
  const correlation = near.correlation.toFixed(2);
  if (Math.abs(near.correlation) < UNRELATED)
    return say(
      "corrupt",
      `its values do not go with the other side's: their correlation is ${correlation}`,
      statement,
    );
  return say(
    "undetermined",
    `its values are not the other side's, in no way that is known; their correlation is ${correlation}`,
    statement,
  );
}

/** Share of equal values that no other version has by chance: those of bfloat16 agree by the hundredth. */
const KEPT = 0.1;

/** A tensor of which many values are the other side's to the bit, and the rest are lost or others. */
function keptShare(
  ours: HostTensor,
  reference: HostTensor,
): { readonly text: string; readonly statement: Statement } | undefined {
  const { length } = ours.data;
  let [equal, zeros, largestLost, leastKept] = [0, 0, 0, Number.POSITIVE_INFINITY];
  const first: number[] = [];
  for (let index = 0; index < length; index++) {
    const [value = 0, other = 0] = [ours.data[index], reference.data[index]];
    if (value === other) {
      equal++;
      if (other !== 0) leastKept = Math.min(leastKept, Math.abs(other));
      continue;
    }
    if (first.length < 4) first.push(index);
    if (value !== 0) continue;
    zeros++;
    largestLost = Math.max(largestLost, Math.abs(other));
  }
  if (equal < KEPT * length) return undefined;
  const count = length - equal;
  const statement: Statement = { kind: "differing", count, first };
  const of = `${percent(count / length)} of its values`;
  // What training moved by less than half a step of the dtype is equal, too.
  if (zeros < count) {
    const { share } = nearness(ours, reference);
    return share * Math.sqrt(length / count) < SAME_TENSOR
      ? undefined
      : { text: `${of} differ; the others are equal to the bit`, statement };
  }
  const all = largestLost < leastKept ? ", and these are the smallest" : "";
  return {
    text: `${of} are 0 where the other side's are not${all}; the others are equal to the bit: it was pruned, or rounded to nothing`,
    statement,
  };
}

function claimOf(tensor: string, statement: Statement, of: string | undefined): Claim {
  return { tensor, ...(of === undefined ? {} : { of }), ...statement };
}

/** A share as a sentence has it. */
export function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}

/** The same tensor of another layer that has these elements at the same place. */
async function sourceOf(
  pair: Pair,
  name: string,
  ours: HostTensor,
  { begin, end }: { readonly begin: number; readonly end: number },
): Promise<string | undefined> {
  const layer = layerOf(name);
  const { rows } = sizeOf(ours);
  const width = ours.data.length / rows;
  if (layer === undefined) return undefined;
  const [first, last] = [Math.floor(begin / width), Math.ceil(end / width)];
  for (const other of pair.reference.keys()) {
    if (other === name || inLayer(other, layer) !== name) continue;
    const assembly = pair.reference.get(other);
    if (assembly?.shape.join() !== ours.shape.join()) continue;
    const { data } = await pair.referenceRows(other, first, last);
    const offset = first * width;
    let index = begin;
    while (index < end && ours.data[index] === data[index - offset]) index++;
    if (index === end) return other;
  }
  return undefined;
}
