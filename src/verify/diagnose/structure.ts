import { WbError } from "../../errors/wb-error.ts";
import { transposedAssembly, type Assembly } from "../../mapping/assembly.ts";
import { canonicalize, type Canonical, type Misshapen } from "../../mapping/canonical.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { refuseProblems, type MappingProblem } from "../../mapping/problems.ts";
import type { LinearLayout } from "../../model/parameter.ts";
import { renderShape, sameShape } from "../../tensor/shape.ts";
import type { Checkpoint } from "../../tensor/table.ts";
import { commonLayer, type Diagnosis } from "./diagnosis.ts";
import { nameMismatch } from "./structure-mismatch.ts";
import { tiedHead } from "../../model/tensors.ts";
import { EMBEDDINGS, HEAD } from "../../model/network.ts";

/** A model's tensors as far as names and shapes let them be told, and what is wrong with those. */
export interface Structure {
  /** By Hugging Face name; transposed ones are put right. */
  readonly tensors: ReadonlyMap<string, Assembly>;
  /** Empty when every name and shape is as config.json asks. */
  readonly diagnoses: readonly Diagnosis[];
  /** False when tensors are missing, so that the model cannot run. */
  readonly isComplete: boolean;
}

/**
 * The tensors of a checkpoint that may not be what its config.json describes. Weights that are transposed against the rest are
 * transposed and named, missing biases and layers are named; anything else is refused as `canonicalTensors` does.
 * @throws WbError WB3702.
 */
export function structureOf(found: LenientTensors, config: ModelConfig, path: string): Structure {
  const { tensors, otherLayout, problems: rest } = found;
  const diagnoses: Diagnosis[] = otherLayout.length === 0 ? [] : [transposed(otherLayout, tensors)];
  if (rest.length === 0) return { tensors, diagnoses, isComplete: true };
  const named = nameMismatch(rest, found.misshapen, config);
  if (named.length === 0) refuseProblems(rest, path);
  return { tensors, diagnoses: [...diagnoses, ...named], isComplete: false };
}

/** A model's tensors where names and shapes allow, and what does not fit. */
export interface LenientTensors {
  /** By Hugging Face name, in torch's layout. */
  readonly tensors: ReadonlyMap<string, Assembly>;
  /** Those that are transposed against the rest of the file, put right. */
  readonly otherLayout: readonly string[];
  readonly problems: readonly MappingProblem[];
  /** Stored tensors of another shape than config.json asks for, by Hugging Face name. */
  readonly misshapen: ReadonlyMap<string, Misshapen>;
}

/** As `canonicalTensors`, but for files whose names and shapes may be wrong. @throws WbError WB2701, WB3704. */
export function lenientTensors(
  checkpoint: Checkpoint,
  config: ModelConfig,
  sourceLayout?: LinearLayout,
): LenientTensors {
  const canonical = canonicalizeMajority(checkpoint, config, sourceLayout);
  const tensors = new Map(
    [...canonical.tensors].map(([name, { assembly }]) => [name, assembly] as const),
  );
  const embeddings = tensors.get(EMBEDDINGS);
  if (tiedHead(config) !== undefined && !tensors.has(HEAD) && embeddings !== undefined)
    tensors.set(HEAD, embeddings);
  const { otherLayout, rest } = toCommonLayout(canonical, tensors);
  return { tensors, otherLayout, problems: rest, misshapen: canonical.misshapen };
}

/** Where weights contradict each other on the layout, the more numerous decide. */
function canonicalizeMajority(
  checkpoint: Checkpoint,
  config: ModelConfig,
  sourceLayout: LinearLayout | undefined,
): Canonical {
  try {
    return canonicalize(checkpoint, config, { sourceLayout });
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB3703") throw error;
    const both = (["torch", "paddle"] as const).map((layout) =>
      canonicalize(checkpoint, config, { sourceLayout: layout }),
    );
    const [torch, paddle] = both;
    if (torch === undefined || paddle === undefined) throw error;
    return torch.problems.length <= paddle.problems.length ? torch : paddle;
  }
}

/** Puts matrices right that are transposed against the rest; gives their names and the problems that remain. */
function toCommonLayout(
  canonical: Canonical,
  tensors: Map<string, Assembly>,
): { readonly otherLayout: readonly string[]; readonly rest: readonly MappingProblem[] } {
  const otherLayout: string[] = [];
  const rest: MappingProblem[] = [];
  for (const problem of canonical.problems) {
    const found = canonical.misshapen.get(problem.tensor);
    const whole = found === undefined ? undefined : fitting(found.stored, found.spec.shape);
    if (whole === undefined) rest.push(problem);
    else {
      otherLayout.push(problem.tensor);
      tensors.set(problem.tensor, whole);
    }
  }
  return { otherLayout, rest };
}

/** A stored matrix, as it is or transposed, whichever has the shape. */
function fitting(stored: Assembly, shape: readonly number[]): Assembly | undefined {
  if (stored.shape.length !== 2) return undefined;
  const other = transposedAssembly(stored);
  return [stored, other].find((assembly) => sameShape(assembly.shape, shape));
}

function transposed(names: readonly string[], tensors: ReadonlyMap<string, Assembly>): Diagnosis {
  const [first = ""] = names;
  const shape = renderShape(tensors.get(first)?.shape ?? []);
  return {
    cause: "transposed",
    tensors: names,
    ...commonLayer(names),
    evidence: `stored with its axes the other way round than the rest of the file: ${first} should be ${shape} as [out, in]`,
  };
}
