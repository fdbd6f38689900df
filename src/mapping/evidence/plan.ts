import type { LinearLayout } from "../../model/parameter.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import {
  concatViews,
  slicedView,
  transposedView,
  wholeView,
  type Assembly,
  type TensorView,
} from "../assembly.ts";
import type { LayoutEvidence } from "../layout.ts";
import { sourceName } from "../source-groups.ts";
import type { Step, WriteStep } from "../step.ts";
import {
  paddleAttentions,
  projection,
  PROJECTIONS,
  torchAttentions,
  type Attention,
} from "./attention.ts";
import { withBiasAxes } from "./bilinear.ts";
import { decide, type Decision, type EvidenceOptions } from "./decide.ts";
import { joinName, modulesOf, splitName, type ModuleTensors } from "./modules.ts";
import { nameNotes } from "./name-notes.ts";
import { renamed } from "./names.ts";

/** A plan for a model that nobody described. */
export interface EvidencePlan {
  readonly steps: readonly Step[];
  readonly sourceLayout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
  /** Tensors that are left out because they are others' values again; to be compared before that is believed. */
  readonly copies: readonly { readonly copy: StoredTensor; readonly of: StoredTensor }[];
  readonly notes: readonly string[];
}

/**
 * Plans the way between Paddle's and torch's layout by what shapes, names and biases show; pure.
 * @throws WbError WB2713 where a tensor is undecided.
 */
export function planByEvidence(checkpoint: Checkpoint, options: EvidenceOptions): EvidencePlan {
  const { target, told } = options;
  const modules = modulesOf(checkpoint.tensors);
  const moduleOf = (tensor: StoredTensor): ModuleTensors =>
    modules.get(splitName(tensor.name).module) ?? new Map();
  const attentions = target === "torch" ? paddleAttentions(modules) : torchAttentions(modules);
  const isTold = (name: string): boolean => told.of(name) !== undefined;
  const ofAttention = new Map(
    attentions
      .filter(({ sources }) => !sources.some(isTold))
      .flatMap((attention) => attention.sources.map((name) => [name, attention] as const)),
  );
  const { layouts, sourceLayout, evidence } = decide(checkpoint, modules, options);
  const names = new Set(checkpoint.tensors.map(({ name }) => name));
  const byName = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
  const context: Context = { modules, layouts, target };
  const steps: Step[] = [];
  const copies: { copy: StoredTensor; of: StoredTensor }[] = [];
  const made = new Set<Attention>();
  for (const tensor of checkpoint.tensors) {
    const attention = ofAttention.get(tensor.name);
    const projected =
      attention === undefined
        ? undefined
        : target === "torch"
          ? joined(attention, context)
          : separated(attention, context);
    if (attention !== undefined && projected !== undefined) {
      if (!made.has(attention)) steps.push(...projected);
      made.add(attention);
      continue;
    }
    const naming = renamed(tensor, moduleOf(tensor), names, target);
    const from = [sourceName(tensor)];
    const original = naming.kind === "copy" ? byName.get(naming.of) : undefined;
    if (naming.kind === "dropped") steps.push({ kind: "drop", from, why: naming.why });
    else if (original !== undefined && sameShape(original.shape, tensor.shape)) {
      copies.push({ copy: tensor, of: original });
      const why = `the recurrent network's second copy of ${original.name}, with the same values`;
      steps.push({ kind: "drop", from, why });
    } else {
      const name = naming.kind === "named" ? naming.name : tensor.name;
      steps.push(stepOf(tensor, outputName(name, ofAttention.values()), context));
    }
  }
  const notes = [...notesOf([...made], target), ...nameNotes(checkpoint.tensors, modules, target)];
  return { steps, sourceLayout, evidence, copies, notes };
}

interface Context {
  readonly modules: ReadonlyMap<string, ModuleTensors>;
  /** How each Linear weight is stored and whether it is to be transposed, with the reason; "same" for all else. */
  readonly layouts: ReadonlyMap<string, Decision>;
  readonly target: LinearLayout;
}

/** An attention's output Linear goes along where its module is called otherwise. */
function outputName(name: string, attentions: Iterable<Attention>): string {
  for (const { module, target } of attentions) {
    if (module !== target && name.startsWith(`${module}.`))
      return target + name.slice(module.length);
  }
  return name;
}

function stepOf(
  tensor: StoredTensor,
  to: string,
  { layouts, modules, target }: Context,
): WriteStep {
  const module = modules.get(splitName(tensor.name).module) ?? new Map<string, StoredTensor>();
  const { transposed, why } = layouts.get(tensor.name) ?? { transposed: false, why: "as stored" };
  const view = withBiasAxes(wholeView(tensor), module, target);
  return {
    kind: transposed ? "transpose" : "copy",
    from: [sourceName(tensor)],
    to,
    assembly: concatViews([transposed ? transposedView(view) : view], 0),
    why,
  };
}

/** The views of a projection as torch has them. */
function oriented(tensor: StoredTensor, { layouts }: Context): TensorView {
  const view = wholeView(tensor);
  return layouts.get(tensor.name)?.transposed === true ? transposedView(view) : view;
}

/** Paddle's projections as torch.nn.MultiheadAttention has them; undefined where their dtypes or shapes do not allow it. */
function joined(attention: Attention, context: Context): readonly WriteStep[] | undefined {
  const { modules } = context;
  const weights = PROJECTIONS.flatMap(
    (name) => projection(modules, attention, name, "weight") ?? [],
  );
  const biases = PROJECTIONS.flatMap((name) => projection(modules, attention, name, "bias") ?? []);
  const [query] = weights;
  const width = query?.shape[0] ?? 0;
  const isOne = new Set([...weights, ...biases].map(({ dtype }) => dtype)).size === 1;
  const fits =
    isOne &&
    weights.every(({ shape }) => shape[1] === width) &&
    weights.every(({ name }) => context.layouts.get(name)?.transposed === true);
  if (!fits || query === undefined) return undefined;
  const why = "torch.nn.MultiheadAttention keeps queries, keys and values in one; to [out, in]";
  const isJoined = weights.every(({ shape }) => sameShape(shape, query.shape));
  const made: WriteStep[] = isJoined
    ? [joinedStep(weights, joinName(attention.target, "in_proj_weight"), why, context)]
    : weights.map((tensor, index) => ({
        ...stepOf(tensor, "", context),
        to: joinName(attention.target, `${PROJECTIONS[index] ?? ""}_proj_weight`),
      }));
  if (biases.length > 0)
    made.push(joinedStep(biases, joinName(attention.target, "in_proj_bias"), why, context));
  return made;
}

function joinedStep(
  tensors: readonly StoredTensor[],
  to: string,
  why: string,
  context: Context,
): WriteStep {
  const views = tensors.map((tensor) => oriented(tensor, context));
  return { kind: "merge", from: tensors.map(sourceName), to, assembly: concatViews(views, 0), why };
}

/** torch's in_proj_weight as paddle.nn.MultiHeadAttention has it, projection by projection. */
function separated({ module, target, sources }: Attention, context: Context): readonly WriteStep[] {
  const keys = context.modules.get(module) ?? new Map<string, StoredTensor>();
  const tensors = sources.flatMap((name) => keys.get(splitName(name).key) ?? []);
  return tensors.flatMap((tensor) => {
    const { key } = splitName(tensor.name);
    const last = key.endsWith("bias") ? "bias" : "weight";
    const why = `paddle.nn.MultiHeadAttention keeps queries, keys and values apart${last === "bias" ? "" : "; to [in, out]"}`;
    const made = (view: TensorView): Assembly =>
      concatViews([last === "bias" ? view : transposedView(view)], 0);
    const step = (name: string, view: TensorView): WriteStep => ({
      kind: "split",
      from: [sourceName(tensor)],
      to: joinName(target, `${name}_proj.${last}`),
      assembly: made(view),
      why,
    });
    const own = PROJECTIONS.find((name) => key === `${name}_proj_weight`);
    if (own !== undefined) return [{ ...step(own, wholeView(tensor)), kind: "transpose" as const }];
    const third = (tensor.shape[0] ?? 0) / PROJECTIONS.length;
    return PROJECTIONS.map((name, index) =>
      step(name, slicedView(wholeView(tensor), 0, index * third, third)),
    );
  });
}

function notesOf(attentions: readonly Attention[], target: LinearLayout): readonly string[] {
  const [first] = attentions;
  if (first === undefined) return [];
  const more = attentions.length > 1 ? ` and ${attentions.length - 1} more` : "";
  const where = `${first.module === "" ? "the model" : shownName(first.module)}${more}`;
  return target === "torch"
    ? [
        `${where}: taken for paddle.nn.MultiHeadAttention: q_proj, k_proj and v_proj are joined to in_proj, as torch.nn.MultiheadAttention has them (--transpose 'NAMES' of them leaves them apart)`,
      ]
    : [
        `${where}: torch.nn.MultiheadAttention's in_proj is split into q_proj, k_proj and v_proj, as paddle.nn.MultiHeadAttention has them`,
      ];
}
