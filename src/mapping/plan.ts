import { quantisedTensors } from "../model/quantised.ts";
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
import { canonicalize, type Canonical } from "./canonical.ts";
import { computationOf } from "./computed/source.ts";
import { planByEvidence, type EvidencePlan } from "./evidence/plan.ts";
import { toldOf, type ToldOptions } from "./evidence/told.ts";
import { familyOf } from "../model/families.ts";
import type { Family } from "../model/family.ts";
import type { Naming } from "../model/names/naming.ts";
import { paddleNaming, usualPaddleWriter } from "../model/names/paddle-naming.ts";
import type { PaddleWriter } from "../model/names/paddle-writers.ts";
import { TRANSPOSABLE, type TensorClass } from "../model/parameter.ts";
import type { LayoutEvidence } from "./layout.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { applyMap } from "./learned/apply.ts";
import type { LearnedStatement } from "./learned/statement.ts";
import { refuseProblems } from "./problems.ts";
import { sourceName } from "./source-groups.ts";
import { TARGETS, type TargetFormat } from "../formats/target-formats.ts";
import { forGguf, type Quantisation } from "./to-gguf.ts";
import { writeTensors, type NamedTensor } from "./write-statement.ts";
import type { CastDtype, Step } from "./step.ts";
import type { LinearLayout } from "../model/parameter.ts";

export interface PlanOptions extends ToldOptions {
  readonly to: TargetFormat;
  /** Default: what the target format's users expect, torch's layout but for Paddle. */
  readonly layout?: LinearLayout | undefined;
  readonly dtype?: CastDtype | "keep" | undefined;
  readonly sourceLayout?: LinearLayout | undefined;
  /** How each target tensor is made, as `match` learned it; takes the place of every other knowledge. */
  readonly learned?: readonly LearnedStatement[] | undefined;
  /** What the values of dequantised matrices are written as, where `dtype` says nothing. */
  readonly dequantize?: CastDtype | undefined;
  /** Takes tensors of an unknown model as they are stored, unless a layout is asked for (`--architecture none`). */
  readonly asStored?: boolean | undefined;
  /** What a conversion to GGUF keeps matrices as; their own dtype when left out. */
  readonly quantize?: Quantisation | undefined;
  /** Whose names a conversion to Paddle's layout gives; the family's usual writer when left out. */
  readonly for?: PaddleWriter | undefined;
}

/** What a conversion will do, before it does anything: every source in a step, every target in exactly one. */
export interface Plan {
  /** In the model's order; drops last. */
  readonly steps: readonly Step[];
  readonly sourceLayout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
  /** What tells the head's layout, where it is not that of the Linears. */
  readonly headEvidence?: LayoutEvidence;
  /** Unknown where tensors are taken as they are stored. */
  readonly targetLayout: LinearLayout | "unknown";
  /** Tensors that are left out because they are others' values again; to be compared before that is believed. */
  readonly copies?: EvidencePlan["copies"] | undefined;
  /** What was decided by evidence, and should be known; one sentence each. Undefined where nothing was. */
  readonly notes?: readonly string[] | undefined;
  /** Groups of target names that are in one storage of the source; each is written in full. */
  readonly tied: readonly (readonly string[])[];
}

/** The layout that users of a format expect. */
export function usualLayout(to: TargetFormat): LinearLayout {
  return TARGETS[to].layout;
}

/**
 * Plans a conversion; pure, nothing is read.
 * @param config Undefined where the model is not known: tensors are taken as they are stored, or brought to another layout by
 * evidence.
 * @throws WbError WB2701, WB2702, WB2711, WB2713, WB3702 (all names and shapes at once), WB3703, WB3704.
 */
export function planConversion(
  checkpoint: Checkpoint,
  config: ModelConfig | undefined,
  options: PlanOptions,
): Plan {
  const plan = withDequantised(planAny(checkpoint, config, options), options);
  checkAccounting(checkpoint, plan);
  return plan;
}

/** Dequantised matrices in the dtype that was asked for; all else keeps its own. */
function withDequantised(plan: Plan, { dequantize, dtype }: PlanOptions): Plan {
  if (dequantize === undefined || dtype !== undefined) return plan;
  const steps = plan.steps.map((step) => {
    if (step.kind === "drop" || step.kind === "add") return step;
    const { assembly } = step;
    const isComputed = assembly.parts.every(
      ({ tensor }) =>
        tensor.form?.kind === "quantised" ||
        computationOf(tensor.source)?.recipe.purpose === "dequantise",
    );
    return isComputed && assembly.dtype !== dequantize ? { ...step, cast: dequantize } : step;
  });
  return { ...plan, steps };
}

function planAny(
  checkpoint: Checkpoint,
  config: ModelConfig | undefined,
  options: PlanOptions,
): Plan {
  if (options.learned !== undefined) return planByMap(checkpoint, options.learned, options);
  if (config !== undefined) {
    refuseTold(checkpoint, options);
    return planModel(checkpoint, config, options);
  }
  if (options.for !== undefined) {
    throw new WbError(
      "WB2702",
      `${checkpoint.path}: --for needs a known architecture; without one, tensors keep their names`,
      { details: { path: checkpoint.path, option: "for" } },
    );
  }
  if (options.to === "gguf")
    throw new WbError(
      "WB4512",
      `${checkpoint.path} cannot be written as GGUF: its metadata is made of config.json, and there is none`,
      { details: { path: checkpoint.path, field: "config.json" } },
    );
  const target = evidenceTarget(checkpoint, options);
  return target === undefined
    ? planAsStored(checkpoint, options)
    : planUnknown(checkpoint, options, target);
}

function planByMap(
  checkpoint: Checkpoint,
  map: readonly LearnedStatement[],
  options: PlanOptions,
): Plan {
  refuseRanks(checkpoint);
  const applied = applyMap(checkpoint, map);
  const steps = applied.steps.map((step) => {
    if (step.kind === "drop" || step.kind === "add" || options.dtype === undefined) return step;
    // A dtype that was asked for, "keep" among them, takes the place of the map's.
    const { cast: _ofMap, ...made } = step;
    return { ...made, ...castOf(step.assembly.dtype, options) };
  });
  return { ...withoutLayout(steps), copies: applied.copies };
}

/** @throws WbError WB2702: of a known model every tensor's layout is known. */
function refuseTold({ path }: Checkpoint, { transpose = [], keep = [] }: PlanOptions): void {
  const [pattern] = [
    ...transpose.map((text) => `--transpose ${text}`),
    ...keep.map((text) => `--keep ${text}`),
  ];
  if (pattern === undefined) return;
  throw new WbError(
    "WB2702",
    `${path}: ${pattern} is for models that are not known; this one's layout is known from config.json`,
    {
      details: { path },
      hint: "Give --architecture none beside it to go by shapes and names alone.",
    },
  );
}

/** The layout to which an unknown model is brought by evidence; undefined where it stays as stored. */
function evidenceTarget(checkpoint: Checkpoint, options: PlanOptions): LinearLayout | undefined {
  const { layout, sourceLayout, transpose = [], keep = [], to } = options;
  const usual = usualLayout(to);
  if (layout !== undefined) return layout;
  if (sourceLayout !== undefined || transpose.length + keep.length > 0) return usual;
  if (options.asStored === true) return undefined;
  const isOfPaddle = checkpoint.format === "paddle";
  return isOfPaddle === (usual === "paddle") ? undefined : usual;
}

/** An unknown model in the target's layout and under its framework's names. */
function planUnknown(checkpoint: Checkpoint, options: PlanOptions, target: LinearLayout): Plan {
  refuseRanks(checkpoint);
  const { sourceLayout, ...rest } = options;
  const told = toldOf(rest, checkpoint);
  const plan = planByEvidence(checkpoint, { target, sourceLayout, told });
  const quantised = quantisedTensors(checkpoint.tensors.map(({ name }) => name));
  const steps = plan.steps.map((step) =>
    step.kind === "drop" || step.kind === "add" || quantised.has(step.to)
      ? step
      : { ...step, ...castOf(step.assembly.dtype, options) },
  );
  return { ...plan, steps, targetLayout: target, tied: tiedNames(steps) };
}

function refuseRanks(checkpoint: Checkpoint): void {
  if (checkpoint.tensors.every(({ rank }) => rank === undefined)) return;
  throw new WbError(
    "WB2702",
    `${checkpoint.path}: parallel parts are only merged for a known architecture`,
    {
      details: { path: checkpoint.path },
      hint: "Put the model's config.json beside the parts, or convert each part by itself.",
    },
  );
}

function planModel(checkpoint: Checkpoint, config: ModelConfig, options: PlanOptions): Plan {
  const canonical = canonicalize(checkpoint, config, { sourceLayout: options.sourceLayout });
  refuseProblems(canonical.problems, checkpoint.path);
  const target = targetNaming(options, familyOf(config.family));
  const steps: Step[] = [];
  const named = writeTensors(canonical.tensors, target.naming, config);
  for (const tensor of options.to === "gguf" ? forGguf(named, config, options) : named)
    steps.push(stepFor(tensor, canonical, target, options));
  for (const { sources, why } of canonical.dropped) {
    for (const source of sources) steps.push({ kind: "drop", from: [sourceName(source)], why });
  }
  return {
    steps,
    sourceLayout: canonical.layout,
    evidence: canonical.evidence,
    ...(canonical.headEvidence === undefined ? {} : { headEvidence: canonical.headEvidence }),
    targetLayout: target.layout,
    tied: tiedNames(steps),
  };
}

/** How the target names tensors, and which classes of weights it stores as [in, out]. */
export interface TargetNaming {
  readonly layout: LinearLayout;
  readonly naming: Naming;
  readonly transposed: ReadonlySet<TensorClass>;
}

export function targetNaming(options: PlanOptions, family: Family): TargetNaming {
  const layout = options.layout ?? usualLayout(options.to);
  const { huggingface } = family.names;
  if (options.to === "gguf") return ggufTarget(layout, family);
  const writer = paddleWriterOf(options, family);
  if (layout === "torch")
    return { layout, naming: huggingface, transposed: huggingface.transposed };
  const paddle = paddleNaming(family, options.for);
  return {
    layout,
    naming: writer === undefined ? huggingface : paddle,
    transposed: paddle.transposed,
  };
}

/** @throws WbError WB2702 for Paddle's layout, WB4512 for a family that llama.cpp does not know. */
function ggufTarget(layout: LinearLayout, { names, architectures }: Family): TargetNaming {
  if (layout === "paddle")
    throw new WbError("WB2702", "--layout paddle: GGUF files have torch's layout", {
      details: { option: "layout" },
    });
  const naming = names["gguf"];
  if (naming !== undefined) return { layout, naming, transposed: new Set() };
  throw new WbError(
    "WB4512",
    `${architectures[0]} cannot be written as GGUF: llama.cpp has no names for it that are known`,
    { details: { field: "architectures" } },
  );
}

/**
 * Whose names of Paddle's a conversion gives; undefined where it gives Hugging Face's.
 * @throws WbError WB2704 where a writer was asked for and its names have no place.
 */
export function paddleWriterOf(
  options: Pick<PlanOptions, "to" | "layout" | "for">,
  family: Family,
): PaddleWriter | undefined {
  const layout = options.layout ?? usualLayout(options.to);
  if (options.to === "paddle" && layout === "paddle")
    return options.for ?? usualPaddleWriter(family);
  if (options.for === undefined) return undefined;
  throw new WbError(
    "WB2704",
    `--for ${options.for} says whose names Paddle's weights get: it needs --to paddle, and no --layout torch`,
    { details: { writer: options.for } },
  );
}

/** A named tensor as the target stores it. */
export function orient(
  { assembly, class: kind }: NamedTensor,
  { transposed }: TargetNaming,
): Assembly {
  return transposed.has(kind) ? transposedAssembly(assembly) : assembly;
}

function stepFor(
  tensor: NamedTensor,
  canonical: Canonical,
  target: TargetNaming,
  options: PlanOptions,
): Step {
  const assembly = orient(tensor, target);
  const sources = [...new Set(tensor.of.flatMap((part) => part.sources))];
  const kind = kindOf(assembly, sources);
  const sourceLayout = tensor.class === "head" ? canonical.headLayout : canonical.layout;
  return {
    kind,
    from: sources.map(sourceName),
    to: tensor.name,
    assembly,
    ...(tensor.storedAs ?? (isKept(tensor, options) ? {} : castOf(assembly.dtype, options))),
    why: whyOf(kind, tensor, sourceLayout, target),
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
  tensor: NamedTensor,
  sourceLayout: LinearLayout | "unknown",
  { layout, transposed }: TargetNaming,
): string {
  const [first] = tensor.of;
  const made =
    tensor.of.length > 1 || first === undefined ? "put together as the target keeps it" : first.why;
  if (!TRANSPOSABLE.has(tensor.class) || !transposed.has(tensor.class)) return made;
  if (layout === "torch") return "transformers' Conv1D is [in, out], as Paddle's Linear is";
  if (kind === "copy")
    return `${sourceLayout === "paddle" ? "Paddle" : "the"} layout [in, out] is kept`;
  const why = "torch Linear stores [out, in]; the target's layout is Paddle's, [in, out]";
  return sourceLayout === "torch" && kind === "transpose" ? why : `${made}; written as [in, out]`;
}

/** Whether a cast to a half dtype leaves a tensor as it is, as transformers does. */
function isKept({ of }: NamedTensor, { dtype }: PlanOptions): boolean {
  return dtype !== "F32" && of.some(({ spec }) => spec.parameter.keepsFloat32 === true);
}

export function castOf(dtype: Dtype, options: PlanOptions): { cast?: Dtype } {
  if (options.dtype === undefined || options.dtype === "keep" || options.dtype === dtype) return {};
  return DTYPES[dtype].kind === "float" ? { cast: options.dtype } : {};
}

/** Any checkpoint, tensor by tensor, under its own names and shapes. */
function planAsStored(checkpoint: Checkpoint, options: PlanOptions): Plan {
  refuseRanks(checkpoint);
  // Codes and scales belong together: a cast of one of them alone makes other values of both.
  const quantised = quantisedTensors(checkpoint.tensors.map(({ name }) => name));
  const steps = checkpoint.tensors.map((tensor): Step => {
    const assembly = assemblyOf(wholeView(tensor));
    return {
      kind: "copy",
      from: [sourceName(tensor)],
      to: tensor.name,
      assembly,
      ...(quantised.has(tensor.name) ? {} : castOf(assembly.dtype, options)),
      why: "as stored",
    };
  });
  return withoutLayout(steps);
}

/** A plan that claims no layout, of the source or of the target. */
function withoutLayout(steps: readonly Step[]): Plan {
  return {
    steps,
    sourceLayout: "unknown",
    evidence: [],
    targetLayout: "unknown",
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
