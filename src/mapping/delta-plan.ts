import { WbError } from "../errors/wb-error.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { canonicalize, type Canonical } from "./canonical.ts";
import { chooseRecipe, type DeltaRecipe, type RecipeChoice } from "./delta-recipe.ts";
import type { Axis } from "../model/axes.ts";
import { familyOf } from "../model/families.ts";
import type { TensorSpec } from "../model/tensors.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import {
  castOf,
  checkAccounting,
  orient,
  targetNaming,
  type Plan,
  type PlanOptions,
  type TargetNaming,
} from "./plan.ts";
import { refuseProblems } from "./problems.ts";
import { sourceName } from "./source-groups.ts";
import type { Step } from "./step.ts";
import { writeTensors, type NamedTensor } from "./write-statement.ts";

/** One side of a sum. */
export interface DeltaSide {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
}

export interface DeltaPlan extends Plan {
  readonly recipe: DeltaRecipe;
  /** Words that the base's vocabulary has not. */
  readonly newWords: number;
}

/** The axis with which tables grow. */
const GROWING: Axis = "vocab";

/** How a plan names the delta's tensors, which usually have the base's names. */
export function deltaName(name: string): string {
  return `${name}@delta`;
}

/**
 * Plans base + delta; pure, nothing is read. Either may be of any format, layout and naming.
 * @throws WbError as `planConversion`, for each side; WB2703; WB3706 for tensors that have no partner of their shape.
 */
export function planDelta(
  base: DeltaSide,
  delta: DeltaSide,
  options: PlanOptions,
  choice: RecipeChoice,
): DeltaPlan {
  const sides = [base, delta].map((side) => canonicalSide(side, options));
  const [left, right] = sides;
  if (left === undefined || right === undefined)
    throw new WbError("WB7001", "two sides make a sum");
  refuseStrangers(left, right, base, delta);
  const dtypes = [...right.tensors.values()].map(({ assembly }) => assembly.dtype);
  const recipe = chooseRecipe(dtypes, choice, delta.checkpoint.path);
  const target = targetNaming(options, familyOf(delta.config.family));
  const bases = new Map(
    writeTensors(left.tensors, target.naming, base.config).map((tensor) => [tensor.name, tensor]),
  );
  const steps: Step[] = [];
  for (const addend of writeTensors(right.tensors, target.naming, delta.config)) {
    const tensor = bases.get(addend.name);
    if (tensor !== undefined) steps.push(addStep(tensor, addend, recipe, target, options));
  }
  for (const { sources, why } of left.dropped)
    for (const source of sources) steps.push({ kind: "drop", from: [sourceName(source)], why });
  for (const { sources, why } of right.dropped)
    for (const source of sources)
      steps.push({ kind: "drop", from: [deltaName(sourceName(source))], why });
  checkAccounting(base.checkpoint, { steps });
  checkAccounting(delta.checkpoint, { steps }, deltaName);
  return {
    steps,
    sourceLayout: left.layout,
    evidence: left.evidence,
    targetLayout: target.layout,
    tied: [],
    recipe,
    newWords: delta.config.vocabSize - base.config.vocabSize,
  };
}

function canonicalSide({ checkpoint, config }: DeltaSide, options: PlanOptions): Canonical {
  const canonical = canonicalize(checkpoint, config, { sourceLayout: options.sourceLayout });
  refuseProblems(canonical.problems, checkpoint.path);
  return canonical;
}

function addStep(
  base: NamedTensor,
  delta: NamedTensor,
  recipe: DeltaRecipe,
  target: TargetNaming,
  options: PlanOptions,
): Step {
  const { dtype, newRows, name } = recipe;
  const rows = (delta.assembly.shape[0] ?? 0) - (base.assembly.shape[0] ?? 0);
  const grown =
    rows === 0
      ? ""
      : `; ${rows} new row${rows === 1 ? "" : "s"}: ${NEW_ROWS[newRows]}, plus the delta`;
  return {
    kind: "add",
    from: [...sourcesOf(base), ...sourcesOf(delta).map(deltaName)],
    to: delta.name,
    assembly: orient(base, target),
    addend: {
      assembly: orient(delta, target),
      dtype,
      axis: target.transposed.has(delta.class) ? 1 : 0,
      newRows,
    },
    ...castOf(dtype, options),
    why: `base ${base.assembly.dtype} + delta ${delta.assembly.dtype}, added in ${dtype} as ${name} does${grown}`,
  };
}

function sourcesOf({ of }: NamedTensor): readonly string[] {
  return [...new Set(of.flatMap(({ sources }) => sources.map(sourceName)))];
}

const NEW_ROWS = { zero: "zero", mean: "the mean of the base's" } as const;

/** @throws WbError WB3706 that names every tensor without a partner of its shape. */
function refuseStrangers(
  left: Canonical,
  right: Canonical,
  base: DeltaSide,
  delta: DeltaSide,
): void {
  const problems: string[] = [];
  for (const name of new Set([...left.tensors.keys(), ...right.tensors.keys()])) {
    const [ours, theirs] = [left.tensors.get(name)?.spec, right.tensors.get(name)?.spec];
    if (ours === undefined || theirs === undefined) {
      problems.push(`${name}: only the ${ours === undefined ? "delta" : "base"} has it`);
    } else if (!areFloats(name, left, right)) {
      problems.push(`${name}: only F16, BF16, F32 and F64 can be added`);
    } else if (!isSummable(theirs, ours.shape)) {
      const shapes = `${renderShape(ours.shape)}, the delta ${renderShape(theirs.shape)}`;
      problems.push(`${name}: the base has ${shapes}`);
    }
  }
  if (problems.length === 0) return;
  const listed = problems.slice(0, MAX_LISTED).map((problem) => `  ${problem}`);
  if (problems.length > listed.length) listed.push(`  and ${problems.length - listed.length} more`);
  throw new WbError(
    "WB3706",
    `${delta.checkpoint.path} is no delta for ${base.checkpoint.path}:\n${listed.join("\n")}`,
    { details: { path: delta.checkpoint.path } },
  );
}

function areFloats(name: string, ...sides: readonly Canonical[]): boolean {
  return sides.every(({ tensors }) => {
    const { kind, bits } = DTYPES[tensors.get(name)?.assembly.dtype ?? "F32"];
    return kind === "float" && bits >= 16;
  });
}

/** Problems that a message lists; the rest are counted. */
const MAX_LISTED = 10;

/** True for equal shapes, and for tables of words of which the delta has more. */
function isSummable({ parameter, shape }: TensorSpec, base: readonly number[]): boolean {
  if (sameShape(base, shape)) return true;
  return (
    parameter.axes[0] === GROWING &&
    sameShape(base.slice(1), shape.slice(1)) &&
    (base[0] ?? 0) < (shape[0] ?? 0)
  );
}
