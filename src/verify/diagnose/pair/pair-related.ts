import { isBias, parameterOf } from "../../../model/canonical-names.ts";
import type { Assembly } from "../../../mapping/assembly.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { relate } from "../../relate/relate.ts";
import type { Relation } from "../../relate/relation.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { reinterpreted, sameValues } from "../hypotheses/tensor-edits.ts";
import type { Pair } from "./pair.ts";

/** A tensor of that relation as a diagnosis. */
export function related(name: string, relation: Relation): Diagnosis {
  return {
    cause: relation.cause,
    tensors: [name],
    ...commonLayer([name]),
    evidence: relation.text,
    relation: relation.relation,
    claims: [{ tensor: name, ...relation.claim }],
    ...(relation.isHarmless ? { harmless: true } : {}),
  };
}

/** What a tensor was found to be of the one beside it. */
interface Solved {
  readonly beside: Assembly | undefined;
  readonly relation: Relation | undefined;
}

/** Tensors whose values are solved from the other side's. */
export async function relatedOnes(
  pair: Pair,
  wrong: Set<string>,
  config: ModelConfig | undefined,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  // A tied head is the embeddings again, on both sides.
  const solved = new Map<Assembly, Solved>();
  for (const name of wrong) {
    const [left, beside] = [pair.ours.get(name), pair.reference.get(name)];
    if (left === undefined) continue;
    const known = solved.get(left);
    const relation =
      known?.beside === beside ? known?.relation : await relatedOne(pair, name, config);
    solved.set(left, { beside, relation });
    if (relation === undefined) continue;
    wrong.delete(name);
    found.push(related(name, relation));
  }
  return found;
}

async function relatedOne(
  pair: Pair,
  name: string,
  config: ModelConfig | undefined,
): Promise<Relation | undefined> {
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const axes = config === undefined ? undefined : parameterOf(name, config)?.axes;
  return relate(ours, reference, config, pair.dtypeOf(name), axes);
}

/** Matrices that are stored transposed in the shape of the other side. */
export async function transposedOnes(
  pair: Pair,
  wrong: Set<string>,
): Promise<readonly Diagnosis[]> {
  const transposed: string[] = [];
  for (const name of wrong) {
    const { shape } = pair.ours.get(name) ?? { shape: [] };
    if (shape.length !== 2) continue;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    if (sameValues(reinterpreted(ours), reference)) transposed.push(name);
  }
  for (const name of transposed) wrong.delete(name);
  if (transposed.length === 0) return [];
  return [
    {
      cause: "transposed",
      tensors: transposed,
      ...commonLayer(transposed),
      evidence: "stored as [in, out]; transposed, the values are those of the other side",
      claims: transposed.map((tensor) => ({ tensor, kind: "transposed" })),
      after: 0,
    },
  ];
}

/** Biases of zeros, which the other side's are not. */
export async function zeroBiases(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const zero: string[] = [];
  for (const name of wrong) {
    if (!isBias(name)) continue;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    const isZero = ours.data.every((value) => value === 0);
    if (isZero && reference.data.some((value) => value !== 0)) zero.push(name);
  }
  for (const name of zero) wrong.delete(name);
  if (zero.length === 0) return [];
  return [
    {
      cause: "bias-missing",
      tensors: zero,
      ...commonLayer(zero),
      evidence: "every element is 0, on the other side they are not",
      claims: zero.map((tensor) => ({
        tensor,
        kind: "stretch",
        begin: 0,
        end: pair.ours.get(tensor)?.shape[0] ?? 0,
        value: 0,
      })),
      after: 0,
    },
  ];
}
