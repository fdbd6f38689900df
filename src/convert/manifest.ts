import type { OutputTensor } from "./output-tensor.ts";
import type { Outputs } from "./outputs.ts";
import type { Outcomes } from "./job.ts";
import type { DeltaPlan } from "../mapping/delta-plan.ts";
import type { Plan } from "../mapping/plan.ts";
import type { DeltaRecipe } from "../mapping/delta-recipe.ts";
import type { Weakened } from "../options/weakening.ts";
import type { PublishedSource } from "./write/published.ts";
import { weightsDigest, type TensorDigest } from "../mapping/weights-digest.ts";

/** What a result is the sum of; digests as `weightsSha256` of a conversion of that side alone, in its own dtype. */
export interface SumFacts extends Pick<DeltaRecipe, "dtype" | "newRows"> {
  readonly recipe: DeltaRecipe["name"];
  readonly newWords: number;
  readonly baseWeightsSha256: string;
  readonly deltaWeightsSha256: string;
}

/**
 * The text of weighbridge.manifest.json.
 * @param weakened Checks that were given up; not there where none was.
 * @param sources Sources whose publisher's digest is known; not there where there is none.
 */
export function manifestText(
  outputs: Outputs,
  outcomes: Outcomes,
  sum: SumFacts | undefined,
  weakened: readonly Weakened[],
  sources: readonly PublishedSource[] = [],
): string {
  const digests = digestsOf(outputs, outcomes);
  const manifest = {
    schemaVersion: 1,
    weightsSha256: weightsDigest(digests),
    ...(sum === undefined ? {} : { sum }),
    ...(weakened.length === 0 ? {} : { weakened }),
    ...(sources.length === 0 ? {} : { sources }),
    files: outputs.files.map(({ name }) => name),
    tensors: Object.fromEntries(digests),
  };
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

/** Whether two manifests describe the same weights in the same files, however carefully each was written. */
export function isSameConversion(left: string, right: string): boolean {
  return left === right || withoutCare(left) === withoutCare(right);
}

/** Fields that tell what was checked, not what was written. */
const CARE: ReadonlySet<string> = new Set(["weakened", "sources"]);

function withoutCare(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return text;
    return JSON.stringify(Object.entries(value).filter(([key]) => !CARE.has(key)));
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

export function writtenDigest(outputs: Outputs, outcomes: Outcomes): string {
  return weightsDigest(digestsOf(outputs, outcomes));
}

/** What the outputs are the sum of; undefined where nothing was added. */
export function sumFacts(
  plan: Plan | DeltaPlan,
  outputs: Outputs,
  outcomes: Outcomes,
): SumFacts | undefined {
  if (!("recipe" in plan)) return undefined;
  const { name, dtype, newRows } = plan.recipe;
  return {
    recipe: name,
    dtype,
    newRows,
    newWords: plan.newWords,
    baseWeightsSha256: summedDigest(outputs, outcomes, "base"),
    deltaWeightsSha256: summedDigest(outputs, outcomes, "delta"),
  };
}

/** The digest of all weights of one side of a sum. */
function summedDigest(outputs: Outputs, outcomes: Outcomes, side: "base" | "delta"): string {
  const tensors = outputs.tensors.map((tensor): readonly [string, TensorDigest] => {
    const { dtype, shape } = sideOf(tensor, side);
    return [tensor.name, { dtype, shape, sha256: outcomes.get(tensor.name)?.summed?.[side] ?? "" }];
  });
  return weightsDigest(new Map(tensors));
}

function sideOf({ step }: OutputTensor, side: "base" | "delta"): Omit<TensorDigest, "sha256"> {
  return side === "delta" && step.kind === "add" ? step.addend.assembly : step.assembly;
}

function digestsOf(outputs: Outputs, outcomes: Outcomes): ReadonlyMap<string, TensorDigest> {
  return new Map(
    outputs.tensors.map(({ name, dtype, quantised, shape }) => [
      name,
      { dtype: quantised ?? dtype, shape, sha256: outcomes.get(name)?.sha256 ?? "" },
    ]),
  );
}
