import { WbError } from "../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import {
  assemblyOf,
  isWhole,
  transposedAssembly,
  transposedView,
  wholeView,
  type Assembly,
} from "./assembly.ts";
import { canonicalize, type CanonicalTensor } from "./canonical.ts";
import { familyOf } from "./families.ts";
import type { Family, FusedNames } from "./family.ts";
import { fuseTensors } from "./fuse.ts";
import type { LayoutEvidence } from "./layout.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { refuseProblems } from "./problems.ts";
import { sourceName } from "./source-groups.ts";
import type { CastDtype, LinearLayout, Step } from "./step.ts";

export type TargetFormat = "safetensors" | "pytorch" | "paddle";

export interface PlanOptions {
  readonly to: TargetFormat;
  /** Default: what the target format's users expect, torch's layout but for Paddle. */
  readonly layout?: LinearLayout | undefined;
  readonly dtype?: CastDtype | "keep" | undefined;
  readonly sourceLayout?: LinearLayout | undefined;
}

/** What a conversion will do, before it does anything: every source in a step, every target in exactly one. */
export interface Plan {
  /** In the model's order; drops last. */
  readonly steps: readonly Step[];
  readonly sourceLayout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
  readonly targetLayout: LinearLayout;
  /** Groups of target names that lie in one storage of the source; each is written in full. */
  readonly tied: readonly (readonly string[])[];
}

/** The layout that users of a format expect. */
export function usualLayout(to: TargetFormat): LinearLayout {
  return to === "paddle" ? "paddle" : "torch";
}

/**
 * Plans a conversion; pure, nothing is read.
 * @param config Undefined takes the tensors as they lie (`--architecture none`).
 * @throws WbError WB2701, WB2702, WB3702 (all names and shapes at once), WB3703, WB3704.
 */
export function planConversion(
  checkpoint: Checkpoint,
  config: ModelConfig | undefined,
  options: PlanOptions,
): Plan {
  const plan =
    config === undefined
      ? planAsItLies(checkpoint, options)
      : planModel(checkpoint, config, options);
  checkAccounting(checkpoint, plan);
  return plan;
}

function planModel(checkpoint: Checkpoint, config: ModelConfig, options: PlanOptions): Plan {
  const canonical = canonicalize(checkpoint, config, { sourceLayout: options.sourceLayout });
  refuseProblems(canonical.problems, checkpoint.path);
  const naming = targetNaming(options, familyOf(config.family));
  const targetLayout = naming.layout;
  const steps: Step[] = [];
  for (const [name, tensor] of fuseTensors(canonical.tensors, naming.fused)) {
    steps.push(stepFor(naming.name(name), tensor, canonical.layout, targetLayout, options));
  }
  for (const { sources, why } of canonical.dropped) {
    for (const source of sources) steps.push({ kind: "drop", from: [sourceName(source)], why });
  }
  return {
    steps,
    sourceLayout: canonical.layout,
    evidence: canonical.evidence,
    targetLayout,
    tied: tiedNames(steps),
  };
}

/** How the target lays Linear weights and names tensors. */
export function targetNaming(
  options: PlanOptions,
  family: Family,
): {
  readonly layout: LinearLayout;
  /** Canonical tensors that the target keeps in one. */
  readonly fused: readonly FusedNames[];
  name(name: string): string;
} {
  const layout = options.layout ?? usualLayout(options.to);
  const usesPaddleNames = options.to === "paddle" && layout === "paddle";
  return {
    layout,
    fused: usesPaddleNames ? (family.paddleFused ?? []) : [],
    name: (name) => (usesPaddleNames ? family.paddleName(name) : name),
  };
}

function stepFor(
  to: string,
  tensor: CanonicalTensor,
  sourceLayout: LinearLayout | "unknown",
  targetLayout: LinearLayout,
  options: PlanOptions,
): Step {
  const isTurned = tensor.spec.linear && targetLayout === "paddle";
  const assembly = isTurned ? transposedAssembly(tensor.assembly) : tensor.assembly;
  const kind = kindOf(assembly, tensor.sources);
  return {
    kind,
    from: tensor.sources.map(sourceName),
    to,
    assembly,
    ...castOf(assembly.dtype, options),
    why: whyOf(kind, tensor, sourceLayout, targetLayout),
  };
}

function kindOf(
  assembly: Assembly,
  sources: readonly StoredTensor[],
): "copy" | "transpose" | "split" | "merge" {
  const [part] = assembly.parts;
  if (sources.length > 1) return "merge";
  if (assembly.parts.length > 1 || part === undefined) return "split";
  if (isWhole(part)) return "copy";
  return isWhole(transposedView(part)) ? "transpose" : "split";
}

function whyOf(
  kind: Exclude<Step["kind"], "drop">,
  tensor: CanonicalTensor,
  sourceLayout: LinearLayout | "unknown",
  targetLayout: LinearLayout,
): string {
  if (!tensor.spec.linear || targetLayout === "torch") return tensor.why;
  if (kind === "copy")
    return `${sourceLayout === "paddle" ? "Paddle" : "the"} layout [in, out] is kept`;
  const turned = "torch Linear stores [out, in]; the target's layout is Paddle's, [in, out]";
  return sourceLayout === "torch" && kind === "transpose"
    ? turned
    : `${tensor.why}; written as [in, out]`;
}

export function castOf(dtype: Dtype, options: PlanOptions): { cast?: Dtype } {
  if (options.dtype === undefined || options.dtype === "keep" || options.dtype === dtype) return {};
  return DTYPES[dtype].kind === "float" ? { cast: options.dtype } : {};
}

/** Any checkpoint, tensor by tensor, under its own names and shapes. */
function planAsItLies(checkpoint: Checkpoint, options: PlanOptions): Plan {
  if (options.layout !== undefined || options.sourceLayout !== undefined) {
    throw new WbError(
      "WB2702",
      `${checkpoint.path}: --layout and --source-layout need a known architecture; without one, tensors are written as they lie`,
    );
  }
  if (checkpoint.tensors.some(({ rank }) => rank !== undefined)) {
    throw new WbError(
      "WB2702",
      `${checkpoint.path}: parallel parts are only merged for a known architecture`,
      {
        hint: "Put the model's config.json beside the parts, or convert each part by itself.",
      },
    );
  }
  const steps = checkpoint.tensors.map((tensor): Step => {
    const assembly = assemblyOf(wholeView(tensor));
    return {
      kind: "copy",
      from: [tensor.name],
      to: tensor.name,
      assembly,
      ...castOf(assembly.dtype, options),
      why: "as it lies",
    };
  });
  return {
    steps,
    sourceLayout: "unknown",
    evidence: [],
    targetLayout: "torch",
    tied: tiedNames(steps),
  };
}

/** Target names that are whole tensors of one storage, in groups of two and more. */
function tiedNames(steps: readonly Step[]): readonly (readonly string[])[] {
  const byStorage = new Map<string, string[]>();
  for (const step of steps) {
    if (step.kind === "drop") continue;
    for (const storage of new Set(step.assembly.parts.map(({ tensor }) => tensor.storage))) {
      const names = byStorage.get(storage) ?? [];
      byStorage.set(storage, names);
      names.push(step.to);
    }
  }
  const plain = new Set(
    steps.flatMap((step) => (step.kind === "copy" || step.kind === "transpose" ? [step.to] : [])),
  );
  return [...byStorage.values()]
    .map((names) => names.filter((name) => plain.has(name)))
    .filter((names) => names.length > 1);
}

/** The promise of a plan, checked: a fault here is ours. */
export function checkAccounting(
  checkpoint: Checkpoint,
  plan: Pick<Plan, "steps">,
  called: (name: string) => string = (name) => name,
): void {
  const used = new Set(plan.steps.flatMap(({ from }) => from));
  const forgotten = checkpoint.tensors
    .map((tensor) => called(sourceName(tensor)))
    .filter((name) => !used.has(name));
  const targets = plan.steps.flatMap((step) => (step.kind === "drop" ? [] : [step.to]));
  if (forgotten.length === 0 && new Set(targets).size === targets.length) return;
  throw new WbError(
    "WB7001",
    `${checkpoint.path}: the plan does not account for ${forgotten.slice(0, 5).join(", ")}, or writes a tensor twice`,
  );
}
