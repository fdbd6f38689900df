import { WbError } from "../errors/wb-error.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { assemblyOf, wholeView, type Assembly } from "./assembly.ts";
import { familyOf } from "./families.ts";
import type { SourceGroup, TensorSpec } from "./family.ts";
import { decideLayout, type LayoutEvidence } from "./layout.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { nameProblems, refuseProblems, repeatedProblem, type MappingProblem } from "./problems.ts";
import { groupSources, sourceName, type RuleGroup } from "./source-groups.ts";
import type { LinearLayout } from "./step.ts";

export interface CanonicalOptions {
  /** Believed without evidence; shapes must still fit. */
  readonly sourceLayout?: LinearLayout | undefined;
}

/** One tensor of the model, made from stored ones. */
export interface CanonicalTensor {
  readonly spec: TensorSpec;
  /** In torch's layout. */
  readonly assembly: Assembly;
  /** The stored tensors that it is made from, in order of rank. */
  readonly sources: readonly StoredTensor[];
  readonly why: string;
}

/** A whole stored tensor, as it lies, that is not what the model's tensor should be. */
export interface Misshapen {
  readonly stored: Assembly;
  readonly spec: TensorSpec;
}

/** Stored tensors that the model has no need of. */
export interface Dropped {
  readonly sources: readonly StoredTensor[];
  readonly why: string;
}

export interface Canonical {
  readonly layout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
  /** By Hugging Face name, in the model's order. */
  readonly tensors: ReadonlyMap<string, CanonicalTensor>;
  /** Stored tensors of another shape than the model's, by Hugging Face name; each is among the problems. */
  readonly misshapen: ReadonlyMap<string, Misshapen>;
  readonly dropped: readonly Dropped[];
  readonly problems: readonly MappingProblem[];
}

/**
 * The model's tensors under their Hugging Face names and in torch's layout, lazily, from a checkpoint in any layout and
 * naming.
 * @throws WbError WB2701, WB3702 (all names and shapes at once), WB3703, WB3704.
 */
export function canonicalTensors(
  checkpoint: Checkpoint,
  config: ModelConfig,
  options: CanonicalOptions = {},
): ReadonlyMap<string, Assembly> {
  const canonical = canonicalize(checkpoint, config, options);
  refuseProblems(canonical.problems, checkpoint.path);
  const tensors = new Map([...canonical.tensors].map(([name, { assembly }]) => [name, assembly]));
  const embeddings = tensors.get("model.embed_tokens.weight");
  if (config.tieWordEmbeddings && embeddings !== undefined) {
    tensors.set("lm_head.weight", embeddings);
  }
  return tensors;
}

/** As `canonicalTensors`, but gives problems of names and shapes instead of throwing them. */
export function canonicalize(
  checkpoint: Checkpoint,
  config: ModelConfig,
  options: CanonicalOptions,
): Canonical {
  const family = familyOf(config.family);
  const { groups, unknown, repeated } = groupSources(
    checkpoint.tensors.map(weightDtype),
    family,
    checkpoint.path,
  );
  const decision =
    options.sourceLayout === undefined
      ? decideLayout(checkpoint, groups, config)
      : { layout: options.sourceLayout, evidence: [] };
  const layout = usableLayout(decision.layout, groups, checkpoint.path);
  const specs = new Map(family.expected(config).map((spec) => [spec.name, spec]));
  const made = new Map<string, CanonicalTensor>();
  const misshapen = new Map<string, Misshapen>();
  const problems: MappingProblem[] = [];
  const dropped: Dropped[] = [];
  for (const [kept, again] of repeated) {
    if (kept.rank !== undefined && kept.rank.pp !== again.rank?.pp) {
      dropped.push({ sources: [again], why: `pipeline stage ${kept.rank.pp} has it too` });
    } else problems.push(repeatedProblem(kept, again));
  }
  const patterns = new Set(groups.map(({ rule }) => rule.pattern));
  for (const group of groups) {
    if (group.rule.kind === "drop") dropped.push({ sources: group.parts, why: group.rule.why });
    else
      makeTargets(
        group,
        { layout, config, patterns },
        { specs, made, misshapen, problems, dropped },
      );
  }
  const hasBadShape = new Set(
    problems.filter(({ kind }) => kind === "shape").map(({ tensor }) => tensor),
  );
  const missing = [...specs.keys()].filter((name) => !made.has(name) && !hasBadShape.has(name));
  for (const problem of nameProblems(unknown, missing)) problems.push(problem);
  const tensors = new Map<string, CanonicalTensor>();
  for (const name of specs.keys()) {
    const tensor = made.get(name);
    if (tensor !== undefined) tensors.set(name, tensor);
  }
  return { ...decision, tensors, misshapen, dropped, problems };
}

/**
 * safetensors written through numpy have no bfloat16: PaddleNLP hands it uint16 arrays. No model here has weights of whole
 * numbers, so U16 can only mean that.
 */
function weightDtype(tensor: StoredTensor): StoredTensor {
  return tensor.dtype === "U16" ? { ...tensor, dtype: "BF16" } : tensor;
}

function usableLayout(
  layout: LinearLayout | "unknown",
  groups: readonly RuleGroup[],
  path: string,
): LinearLayout {
  if (layout !== "unknown") return layout;
  const hasMatrix = groups.some(
    ({ rule }) => rule.kind === "make" && rule.layoutShapes !== undefined,
  );
  if (!hasMatrix) return "torch";
  throw new WbError(
    "WB2701",
    `${path}: every Linear weight in it is square, so that its shapes do not tell torch's layout from Paddle's`,
  );
}

/** What has been made of the groups so far. */
interface Made {
  readonly specs: Map<string, TensorSpec>;
  readonly made: Map<string, CanonicalTensor>;
  readonly misshapen: Map<string, Misshapen>;
  readonly problems: MappingProblem[];
  readonly dropped: Dropped[];
}

function makeTargets(
  group: RuleGroup,
  facts: Omit<SourceGroup, "parts">,
  { specs, made, misshapen, problems, dropped }: Made,
): void {
  if (group.rule.kind !== "make") return;
  const [first] = group.parts;
  const { config } = facts;
  const targets = group.rule.targets({ parts: group.parts, ...facts }, group.layer);
  const isWhole = targets.length === 1 && group.parts.length === 1;
  for (const target of targets) {
    const tied = tiedSpec(target.name, config);
    const spec = specs.get(target.name) ?? tied;
    const name = first === undefined ? target.name : sourceName(first);
    const before = made.get(target.name)?.sources[0];
    if (spec === undefined) {
      problems.push({
        kind: "unknown",
        tensor: name,
        message: `${name} would be ${target.name}, which the model has not`,
      });
    } else if (before !== undefined && first !== undefined)
      problems.push(repeatedProblem(before, first));
    else if (target.assembly === undefined || !sameShape(target.assembly.shape, spec.shape)) {
      if (isWhole && first !== undefined)
        misshapen.set(target.name, { stored: assemblyOf(wholeView(first)), spec });
      const expected = [...new Set(target.expected.map(renderShape))].join(" or ");
      const found = group.parts.map(({ shape }) => renderShape(shape)).join(", ");
      problems.push({
        kind: "shape",
        tensor: target.name,
        message: `${name}: expected ${expected}, found ${found}`,
      });
    } else if (tied !== undefined) {
      dropped.push({ sources: group.parts, why: "config.json ties it to the embeddings" });
    } else {
      made.set(target.name, {
        spec,
        assembly: target.assembly,
        sources: group.parts,
        why: target.why,
      });
    }
  }
}

/** A tied model may store its head all the same; `hasOwnHead` tells one that is not the embeddings. */
function tiedSpec(name: string, config: ModelConfig): TensorSpec | undefined {
  if (name !== "lm_head.weight" || !config.tieWordEmbeddings) return undefined;
  return { name, shape: [config.vocabSize, config.hiddenSize], linear: true };
}
