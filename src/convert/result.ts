import { deltaName } from "../mapping/delta-plan.ts";
import type { LayoutEvidence } from "../mapping/layout.ts";
import type { Plan } from "../mapping/plan.ts";
import { renderPlan } from "../mapping/render-plan.ts";
import { WbError } from "../errors/wb-error.ts";
import { computationOf, storedInputs } from "../mapping/computed/source.ts";
import { actionOf, type Action, type WriteStep } from "../mapping/step.ts";
import { sourceName } from "../mapping/source-groups.ts";
import type { LinearLayout } from "../model/parameter.ts";
import type { Weakened } from "../options/weakening.ts";
import type { QuantisedType } from "../formats/gguf/quantise.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { byteCount } from "../tensor/shape.ts";
import type { Checkpoint } from "../tensor/table.ts";
import type { Done } from "./job.ts";
import { sumFacts, writtenDigest, type SumFacts } from "./manifest.ts";
import { droppedMetadata } from "./metadata.ts";
import type { Outputs } from "./outputs.ts";
import type { PartsStep } from "./parts/run-parts.ts";
import { totalCast } from "./run.ts";
import type { ConvertSettings } from "./settings.ts";
import type { CastCounts } from "./values/cast.ts";

/** One tensor of the result. */
export interface ConvertedTensor {
  readonly from: readonly string[];
  readonly to: string;
  readonly action: Exclude<Action, "drop">;
  readonly why: string;
  /** Or GGUF's name of a quantised type. */
  readonly dtype: Dtype | QuantisedType;
  readonly shape: readonly number[];
  /** Null in a dry run and where a plan is made. */
  readonly sha256: string | null;
}

/** What a conversion wrote, or would write. */
export interface ConvertResult {
  /** What was done of a conversion in parts; undefined for one that is not split. */
  readonly step: PartsStep | undefined;
  readonly tensors: readonly ConvertedTensor[];
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
  /** Groups of names that shared a storage in the source. */
  readonly tied: readonly (readonly string[])[];
  readonly files: readonly string[];
  readonly sourceLayout: LinearLayout | "unknown";
  readonly layoutEvidence: readonly LayoutEvidence[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** True when the output was read back and its digests were right. */
  readonly verified: boolean;
  /** Elements that a cast made infinite or zero. */
  readonly cast: CastCounts;
  readonly weightsSha256: string | null;
  /** What the result is the sum of; null without a delta and in a dry run. */
  readonly sum: SumFacts | null;
  readonly seconds: number;
  /** Highest resident memory of this process, in bytes. */
  readonly peakMemoryBytes: number;
  /** Checks that the options gave up; in the manifest, too. */
  readonly weakened: readonly Weakened[];
  /** What the user should know; one sentence each. */
  readonly notes: readonly string[];
  /** The plan for people; what `--dry-run` prints. */
  readonly plan: string;
}

/** What was converted, and how. */
export interface Converted {
  readonly base: Checkpoint;
  /** What was added to it. */
  readonly delta: Checkpoint | undefined;
  readonly plan: Plan;
  readonly notes: readonly string[];
}

/** What is told of a conversion. @param step Undefined for one that is not split. */
export function resultOf(
  { base, delta, plan, notes }: Converted,
  { to, verify, weakened }: ConvertSettings,
  { outputs, outcomes }: Done,
  step: PartsStep | undefined,
  seconds: number,
): ConvertResult {
  const dropped = plan.steps.flatMap((one) =>
    one.kind === "drop" ? one.from.map((name) => ({ name, why: one.why })) : [],
  );
  const skipped = [...base.skipped, ...(delta?.skipped ?? []), ...droppedMetadata(base, to)];
  const isPart = step?.kind === "part";
  return {
    step,
    tensors: outputs.tensors.map(({ name, dtype, quantised, shape, step: made }) => ({
      from: storedNames(made),
      to: name,
      action: writtenAction(made),
      why: made.why,
      dtype: quantised ?? dtype,
      shape,
      sha256: outcomes?.get(name)?.sha256 ?? null,
    })),
    dropped: [...dropped, ...skipped],
    tied: plan.tied,
    files:
      outputs.index === undefined ? filesOf(outputs) : [...filesOf(outputs), outputs.index.name],
    sourceLayout: plan.sourceLayout,
    layoutEvidence: plan.evidence,
    bytesRead:
      outcomes === undefined ? 0 : isPart ? windowBytes(outputs) : sourceBytes(base, delta, plan),
    bytesWritten:
      outcomes === undefined ? 0 : outputs.tensors.reduce((sum, one) => sum + one.byteLength, 0),
    verified: outcomes !== undefined && verify,
    cast: outcomes === undefined ? { overflow: 0, underflow: 0 } : totalCast(outcomes),
    weightsSha256: outcomes === undefined || isPart ? null : writtenDigest(outputs, outcomes),
    sum: outcomes === undefined ? null : (sumFacts(plan, outputs, outcomes) ?? null),
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    weakened,
    notes,
    plan: renderPlan(plan, skipped),
  };
}

function writtenAction(step: WriteStep): ConvertedTensor["action"] {
  const action = actionOf(step);
  if (action === "drop") throw new WbError("WB7001", "a dropped tensor among those written");
  return action === "copy" && step.cast !== undefined ? "cast" : action;
}

/** The names in the source; of computed tensors those of everything that they are computed from. */
function storedNames(step: WriteStep): readonly string[] {
  const inputs = step.assembly.parts.flatMap(({ tensor }) =>
    computationOf(tensor.source) === undefined ? [] : storedInputs(tensor).map(sourceName),
  );
  return inputs.length === 0 ? step.from : [...new Set(inputs)];
}

function filesOf(outputs: Outputs): readonly string[] {
  return outputs.files.map(({ name }) => name);
}

/** Bytes of all source tensors that a step writes from. */
function sourceBytes(base: Checkpoint, delta: Checkpoint | undefined, plan: Plan): number {
  const dropped = new Set(plan.steps.flatMap((step) => (step.kind === "drop" ? step.from : [])));
  const ofBase = base.tensors.filter((tensor) => !dropped.has(sourceName(tensor)));
  const ofDelta = (delta?.tensors ?? []).filter(
    (tensor) => !dropped.has(deltaName(sourceName(tensor))),
  );
  return [...ofBase, ...ofDelta]
    .flatMap(storedInputs)
    .reduce((sum, { shape, dtype }) => sum + (byteCount(shape, dtype) ?? 0), 0);
}

/** Bytes of the source that the tensors of some files are made of. */
function windowBytes(outputs: Outputs): number {
  return outputs.tensors.reduce((sum, { step: { assembly } }) => {
    return sum + (byteCount(assembly.shape, assembly.dtype) ?? 0);
  }, 0);
}
