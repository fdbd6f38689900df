import { WbError } from "../errors/wb-error.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { assemblyOf, wholeView, type Assembly } from "./assembly.ts";
import { familyOf } from "../model/families.ts";
import { EMBEDDINGS, HEAD } from "../model/network.ts";
import type { Statement } from "../model/names/statement.ts";
import { TRANSPOSABLE, type LinearLayout, type TensorClass } from "../model/parameter.ts";
import { expectedTensors, tiedHead, type TensorSpec } from "../model/tensors.ts";
import type { Target } from "./merge.ts";
import { superfluous, whyNot, type StatementPlace } from "./no-such-tensor.ts";
import { decideLayout, type LayoutDecision, type LayoutEvidence } from "./layout.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { namesHere } from "./names-here.ts";
import { nameProblems, refuseProblems, repeatedProblem, type MappingProblem } from "./problems.ts";
import { readStatement } from "./read-statement.ts";
import { groupSources, sourceName, type NameGroup } from "./source-groups.ts";

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

/** A whole stored tensor, as stored, that is not what the model's tensor should be. */
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
  /** How Linear weights are stored; the head may be stored otherwise. */
  readonly layout: LinearLayout | "unknown";
  readonly headLayout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
  readonly headEvidence?: LayoutEvidence;
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
  const embeddings = tensors.get(EMBEDDINGS);
  if (tiedHead(config) !== undefined && embeddings !== undefined) {
    tensors.set(HEAD, embeddings);
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
  const decision = decideLayout(checkpoint, groups, config, options.sourceLayout);
  const layouts = usableLayouts(withRouters(decision, config), groups, checkpoint.path);
  const specs = new Map(expectedTensors(config).map((spec) => [spec.name, spec]));
  const made = new Map<string, CanonicalTensor>();
  const misshapen = new Map<string, Misshapen>();
  const problems: MappingProblem[] = [];
  const dropped: Dropped[] = [];
  for (const [kept, again] of repeated) {
    if (kept.rank !== undefined && kept.rank.pp !== again.rank?.pp) {
      dropped.push({ sources: [again], why: `pipeline stage ${kept.rank.pp} has it too` });
    } else problems.push(repeatedProblem(kept, again));
  }
  const patterns = new Set(groups.map(({ reading }) => reading.pattern));
  for (const { reading, layer, expert, parts } of groups) {
    if (reading.kind === "drop") {
      dropped.push({ sources: parts, why: reading.why });
      continue;
    }
    if (layer >= config.layers && layer < config.layers + (config.predictingLayers ?? 0)) {
      dropped.push({ sources: parts, why: "a layer that predicts tokens further ahead" });
      continue;
    }
    const statement = chosen(reading.statements, patterns);
    const layout = layouts(statement.canonical[0]?.class ?? "linear");
    const targets = readStatement(statement, { parts, layout }, config, { layer, expert });
    const place = { layer, expert, of: statement.canonical };
    takeTargets(targets, { parts, place }, config, { specs, made, misshapen, problems, dropped });
  }
  const hasBadShape = new Set(
    problems.filter(({ kind }) => kind === "shape").map(({ tensor }) => tensor),
  );
  const missing = [...specs.values()].filter(
    ({ name }) => !made.has(name) && !hasBadShape.has(name),
  );
  const nameHere = missing.length === 0 ? undefined : namesHere(groups, config);
  const called = missing.map((spec) => ({
    name: spec.name,
    stored: nameHere?.(spec) ?? spec.name,
  }));
  for (const problem of nameProblems(unknown, called)) problems.push(problem);
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

/** Of several statements on one stored name, the one whose companion the checkpoint has; else the one without. */
function chosen(statements: readonly Statement[], patterns: ReadonlySet<string>): Statement {
  const statement =
    statements.find(({ beside }) => beside !== undefined && patterns.has(beside)) ??
    statements.find(({ beside }) => beside === undefined);
  if (statement !== undefined) return statement;
  throw new WbError("WB7001", "a stored name without a statement");
}

/** Square routers have the layout that the family's writers give them beside Linears of the checkpoint's, where all give the same. */
function withRouters(decision: LayoutDecision, config: ModelConfig): LayoutDecision {
  const { layout, routerLayout } = decision;
  if (routerLayout !== undefined || layout === "unknown") return decision;
  const beside = new Set(
    Object.values(familyOf(config.family).names)
      .filter(({ transposed }) => transposed.has("linear") === (layout === "paddle"))
      .map(({ transposed }): LinearLayout => (transposed.has("router") ? "paddle" : "torch")),
  );
  const [only] = beside;
  return beside.size === 1 && only !== undefined ? { ...decision, routerLayout: only } : decision;
}

/** The layout of each class of weights. @throws WbError WB2701 where it is needed and nothing tells it. */
function usableLayouts(
  decision: LayoutDecision,
  groups: readonly NameGroup[],
  path: string,
): (of: TensorClass) => LinearLayout {
  const classes = new Set(
    groups.flatMap(({ reading }) =>
      reading.kind === "make"
        ? reading.statements.flatMap(({ canonical }) =>
            canonical.map((parameter) => parameter.class),
          )
        : [],
    ),
  );
  const needed = (name: TensorClass): boolean => TRANSPOSABLE.has(name) && classes.has(name);
  const isUnknown =
    (decision.layout === "unknown" && needed("linear")) ||
    (decision.routerLayout === undefined && needed("router")) ||
    (decision.headLayout === "unknown" && needed("head"));
  if (isUnknown) {
    const which =
      decision.layout === "unknown"
        ? "every Linear weight in it is"
        : decision.headLayout === "unknown" && needed("head")
          ? "its lm_head.weight is"
          : "each router in it is";
    throw new WbError(
      "WB2701",
      `${path}: ${which} square, so that its shapes do not tell torch's layout from Paddle's`,
      { details: { path } },
    );
  }
  const [linear, head, router] = [
    decision.layout,
    decision.headLayout,
    decision.routerLayout ?? "torch",
  ].map((layout) => (layout === "unknown" ? "torch" : layout));
  return (name) => (name === "head" ? head : name === "router" ? router : linear) ?? "torch";
}

/** What has been made of the groups so far. */
interface Made {
  readonly specs: Map<string, TensorSpec>;
  readonly made: Map<string, CanonicalTensor>;
  readonly misshapen: Map<string, Misshapen>;
  readonly problems: MappingProblem[];
  readonly dropped: Dropped[];
}

function takeTargets(
  targets: readonly Target[],
  { parts, place }: { readonly parts: readonly StoredTensor[]; readonly place: StatementPlace },
  config: ModelConfig,
  { specs, made, misshapen, problems, dropped }: Made,
): void {
  const [first] = parts;
  const isWhole = targets.length === 1 && parts.length === 1;
  for (const target of targets) {
    // A tied model may store its head all the same; `hasOwnHead` tells one that is not the embeddings.
    const tied = target.name === HEAD ? tiedHead(config) : undefined;
    const spec = specs.get(target.name) ?? tied;
    const name = first === undefined ? target.name : sourceName(first);
    const before = made.get(target.name)?.sources[0];
    if (spec === undefined) {
      problems.push({
        kind: "unknown",
        tensor: name,
        message: superfluous(name, target.name, parts) + whyNot(place, config),
      });
    } else if (before !== undefined && first !== undefined)
      problems.push(repeatedProblem(before, first));
    else if (target.assembly === undefined || !sameShape(target.assembly.shape, spec.shape)) {
      if (isWhole && first !== undefined)
        misshapen.set(target.name, { stored: assemblyOf(wholeView(first)), spec });
      const expected = [...new Set(target.expected.map(renderShape))].join(" or ");
      const found = parts.map(({ shape }) => renderShape(shape)).join(", ");
      problems.push({
        kind: "shape",
        tensor: target.name,
        message: `${name}: expected ${expected}, found ${found}`,
        sources: parts,
      });
    } else if (tied !== undefined) {
      dropped.push({ sources: parts, why: "config.json ties it to the embeddings" });
    } else {
      made.set(target.name, {
        spec,
        assembly: target.assembly,
        sources: parts,
        why: target.why,
      });
    }
  }
}
