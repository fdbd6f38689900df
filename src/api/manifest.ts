import type { OutputTensor } from "../convert/output-tensor.ts";
import type { Outputs } from "../convert/outputs.ts";
import type { TensorOutcome } from "../convert/write/file.ts";
import type { DeltaRecipe } from "../mapping/delta-recipe.ts";
import { weightsDigest, type TensorDigest } from "../mapping/weights-digest.ts";

/** What a result is the sum of; digests as `weightsSha256` of a conversion of that side alone, in its own dtype. */
export interface SumFacts extends Pick<DeltaRecipe, "dtype" | "newRows"> {
  readonly recipe: DeltaRecipe["name"];
  readonly newWords: number;
  readonly baseWeightsSha256: string;
  readonly deltaWeightsSha256: string;
}

type Outcomes = ReadonlyMap<string, TensorOutcome>;

/** The text of weighbridge.manifest.json. */
export function manifestText(
  outputs: Outputs,
  outcomes: Outcomes,
  sum: SumFacts | undefined,
): string {
  const digests = digestsOf(outputs, outcomes);
  const manifest = {
    schemaVersion: 1,
    weightsSha256: weightsDigest(digests),
    ...(sum === undefined ? {} : { sum }),
    files: outputs.files.map(({ name }) => name),
    tensors: Object.fromEntries(digests),
  };
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

export function writtenDigest(outputs: Outputs, outcomes: Outcomes): string {
  return weightsDigest(digestsOf(outputs, outcomes));
}

/** The digest of all weights of one side of a sum. */
export function summedDigest(outputs: Outputs, outcomes: Outcomes, side: "base" | "delta"): string {
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
    outputs.tensors.map(({ name, dtype, shape }) => [
      name,
      { dtype, shape, sha256: outcomes.get(name)?.sha256 ?? "" },
    ]),
  );
}
